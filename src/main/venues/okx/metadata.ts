// What OKX says of its instruments: one small request per symbol, how to read the answer, and the decoder that carries a swap's
// contract value to the decoders of its sizes.
import { z } from "zod";
import { failed, type Result } from "../../../shared/base.ts";
import { carrying } from "../../../shared/carried.ts";
import { dec, type Decimal, formatDecimal, multiply, parseDecimal } from "../../../shared/decimal.ts";
import { type Decode, type DecodeOutcome, streamRef } from "../../../shared/market.ts";
import type { InstrumentInfo, InstrumentMetadata } from "../adapter.ts";
import { METADATA_CHANNEL, METADATA_EVERY_MS, METADATA_FIRST_MS } from "../metadata-polls.ts";
import { instIdOf, instrumentOf, type OkxVenue } from "./instruments.ts";
import { PAYLOAD_BYTES_MAX } from "./limits.ts";
import { CONTRACT_VALUE_FIELD } from "./units.ts";

const decimalText = z.string().transform((text, context) => {
  const value = parseDecimal(text);
  if (value !== undefined) return value;
  context.addIssue({ code: "custom", message: "not a decimal" });
  return z.NEVER;
});
const schema = z.object({
  code: z.literal("0"),
  data: z.array(z.object({
    instId: z.string(), state: z.string(), tickSz: decimalText, lotSz: decimalText, baseCcy: z.string(), quoteCcy: z.string(), settleCcy: z.string(),
    /** Empty for spot. */
    ctVal: z.string(), ctMult: z.string(), ctValCcy: z.string(),
  })),
});

/** `rebase`: the contract value is about to change. */
const STATUS: Readonly<Record<string, InstrumentInfo["status"]>> = {
  live: "trading", preopen: "halted", suspend: "halted", rebase: "halted", test: "halted", expired: "delisted", settling: "settling",
};
const ONE = dec("1");

type Row = z.infer<typeof schema>["data"][number];

/** A coin-margined contract is dollars: no multiple of the base currency. */
function unitsOf(row: Row, base: string): Decimal | undefined {
  if (row.ctValCcy !== base) return undefined;
  const value = parseDecimal(row.ctVal);
  const times = parseDecimal(row.ctMult);
  return value === undefined || times === undefined || value.mantissa <= 0 || times.mantissa <= 0 ? undefined : multiply(value, times);
}

function infoOf(row: Row): (InstrumentInfo & { readonly venue: OkxVenue }) | undefined {
  const instrument = instrumentOf(row.instId);
  if (instrument === undefined) return undefined;
  const [base = "", quote = ""] = row.instId.split("-");
  const isSwap = instrument.venue === "okx-swap";
  const known = Object.hasOwn(STATUS, row.state) ? STATUS[row.state] : undefined;
  return {
    ...instrument, status: known ?? "halted", said: row.state, base, quote, tickSize: row.tickSz,
    lotSize: row.lotSz, unitsPerSize: isSwap ? unitsOf(row, base) : ONE,
  };
}

function readAll(body: Uint8Array): Result<readonly (InstrumentInfo & { readonly venue: OkxVenue })[]> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    return failed("feed.bad-instruments", `the answer to /api/v5/public/instruments is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const list = schema.safeParse(parsed);
  if (!list.success) return failed("feed.bad-instruments", `the answer to /api/v5/public/instruments is no list of instruments: ${z.prettifyError(list.error).slice(0, 400)}`);
  return { ok: true, value: list.data.data.map(infoOf).filter((info) => info !== undefined) };
}

export function okxMetadata(venue: OkxVenue): InstrumentMetadata {
  const type = venue === "okx-swap" ? "SWAP" : "SPOT";
  return {
    // 20 per 2 s are allowed, as for everything else: the budget spreads them.
    polls: (symbols) => symbols.map((symbol) => ({
      stream: streamRef(venue, symbol, METADATA_CHANNEL),
      request: { endpoint: "rest", path: `/api/v5/public/instruments?instType=${type}&instId=${encodeURIComponent(instIdOf(venue, symbol))}`, weight: 1 },
      everyMs: METADATA_EVERY_MS, firstWithinMs: METADATA_FIRST_MS,
    })),
    read: readAll,
  };
}

const STATE_ONLY: DecodeOutcome = Object.freeze({ kind: "ignored", why: "state-only" });

/** Keeps the contract value of the stream's own symbol for the decoders of its sizes. No events. */
export const okxInstrumentsDecoder: Decode = carrying((payload, { stream, carried }) => {
  if (payload.length > PAYLOAD_BYTES_MAX) return { kind: "refused", code: "too-large", detail: `${stream.streamId}: ${payload.length} bytes` };
  const list = readAll(payload);
  if (!list.ok) return { kind: "refused", code: "wrong-shape", detail: `${stream.streamId}: ${list.fault.message}` };
  const own = list.value.find(({ venue, symbol }) => venue === stream.venue && symbol === stream.symbol);
  if (own?.unitsPerSize !== undefined && stream.venue === "okx-swap") carried?.set(CONTRACT_VALUE_FIELD, formatDecimal(own.unitsPerSize));
  return STATE_ONLY;
});
