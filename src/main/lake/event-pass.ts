// One pass over a log in arrival order: the events that replay tells (duplicates left out, carried fields kept), record by record, with its
// memory as plain data, so that the next pass can begin where this one ended.
import { z } from "zod";
import { CarriedStreams } from "../../shared/carried.ts";
import type { Decode, DecoderLookup, MarketEvent } from "../../shared/market.ts";
import { CONTROL_STREAM, type RawRecord } from "../../shared/raw.ts";
import { SeenTrades, type SeenSnapshot } from "../replay/duplicates.ts";

const idList = z.array(z.number());
export const passStateSchema = z.strictObject({
  carried: z.record(z.string(), z.record(z.string(), z.string())),
  seen: z.record(z.string(), z.strictObject({ starts: idList, ends: idList, generations: z.array(z.array(z.string())) })),
});
/** A pass's memory at a place of the log, safe as JSON. Bounded: replay/duplicates.ts and shared/carried.ts say how. */
export type PassState = z.infer<typeof passStateSchema>;

export class EventPass {
  readonly #lookup: DecoderLookup;
  readonly #known = new Map<string, Decode | "none">();
  readonly #carried = new CarriedStreams();
  readonly #seen = new SeenTrades();
  /** Trades that were seen before. */
  duplicates = 0;

  constructor(decoders: DecoderLookup, state?: PassState) {
    this.#lookup = decoders;
    if (state === undefined) return;
    this.#carried.restore(state.carried);
    this.#seen.restore(seenFrom(state));
  }

  /** Calls `found` for each event of the record that is no duplicate. Records come in seq order, each once, none left out. */
  take(record: RawRecord, found: (event: MarketEvent, position: number) => void): void {
    const { stream } = record;
    const decode = this.#decoderOf(record);
    if (decode === "none") return;
    const outcome = decode(record.payload, { stream, source: record.source, recvNs: record.recvNs, carried: this.#carried.of(stream) });
    if (outcome.kind !== "events") return;
    outcome.events.forEach((event, position) => {
      if (event.kind === "trade" && !this.#seen.isNew(stream.streamId, event)) this.duplicates += 1;
      else found(event, position);
    });
  }

  #decoderOf({ stream }: RawRecord): Decode | "none" {
    let decode = this.#known.get(stream.streamId);
    if (decode === undefined) {
      decode = (stream.streamId === CONTROL_STREAM.streamId ? undefined : this.#lookup(stream)) ?? "none";
      this.#known.set(stream.streamId, decode);
    }
    return decode;
  }

  state(): PassState {
    const seen: PassState["seen"] = {};
    for (const [streamId, { starts, ends, generations }] of this.#seen.snapshot()) {
      seen[streamId] = { starts: [...starts], ends: [...ends], generations: generations.map((generation) => [...generation]) };
    }
    const carried = Object.fromEntries(Object.entries(this.#carried.snapshot()).map(([key, fields]) => [key, { ...fields }]));
    return { carried, seen };
  }
}

function seenFrom(state: PassState): SeenSnapshot {
  return new Map(Object.entries(state.seen).map(([streamId, { starts, ends, generations }]) =>
    [streamId, { starts, ends, generations: generations.map((generation) => new Set(generation)) }]));
}
