// Golden messages of the venues (schemas/fixtures/<exchange>/messages.jsonl): what each is decoded to, alone or behind others of its instrument.
import { CarriedStreams } from "../../shared/carried.ts";
import { formatDecimal } from "../../shared/decimal.ts";
import { type DecodeOutcome, type MessageSource, streamRef, type VenueId } from "../../shared/market.ts";
import { decoderLookup } from "./registry.ts";

interface Said { readonly channel?: string; readonly source?: MessageSource; readonly message: string }

export interface Golden extends Said {
  readonly name: string;
  readonly venue: VenueId;
  readonly channel: string;
  readonly symbol: string;
  readonly source: MessageSource;
  /** Messages of the instrument that came before (of the same channel unless they name one). Absent: the message is read alone. */
  readonly before?: readonly Said[];
  readonly outcome?: unknown;
}

const encoder = new TextEncoder();
const RECV_NS = 1_750_000_000_123_456_789n;

/** Outcomes as plain JSON, with decimals as text and refusals without their wording. */
function plain(outcome: DecodeOutcome): unknown {
  const kept = outcome.kind === "refused" ? { kind: outcome.kind, code: outcome.code } : outcome;
  return JSON.parse(JSON.stringify(kept, (_, value: unknown) =>
    typeof value === "object" && value !== null && "mantissa" in value ? formatDecimal(value as Parameters<typeof formatDecimal>[0]) : value));
}

export function goldenOutcome(line: Golden): unknown {
  const carried = line.before && new CarriedStreams();
  const decode = ({ channel = line.channel, source = line.source, message }: Said): DecodeOutcome | undefined => {
    const stream = streamRef(line.venue, line.symbol, channel);
    return decoderLookup(stream)?.(encoder.encode(message), { stream, source, recvNs: RECV_NS, ...(carried && { carried: carried.of(stream) }) });
  };
  for (const said of line.before ?? []) decode(said);
  const outcome = decode(line);
  return outcome === undefined ? { kind: "ignored", why: "unhandled" } : plain(outcome);
}
