// What Binance says of its instruments: the request for the whole list (there is none for one symbol) and how to read it.
import { z } from "zod";
import { failed, type Result } from "../../../shared/base.ts";
import { dec, parseDecimal } from "../../../shared/decimal.ts";
import { streamRef, type VenueId } from "../../../shared/market.ts";
import type { InstrumentInfo, InstrumentMetadata } from "../adapter.ts";
import { METADATA_CHANNEL, metadataDecoder, METADATA_EVERY_MS, METADATA_FIRST_MS } from "../metadata-polls.ts";

const decimalText = z.string().transform((text, context) => {
  const value = parseDecimal(text);
  if (value !== undefined) return value;
  context.addIssue({ code: "custom", message: "not a decimal" });
  return z.NEVER;
});
const filterSchema = z.object({ filterType: z.string(), tickSize: decimalText.optional(), stepSize: decimalText.optional() });
const schema = z.object({
  symbols: z.array(z.object({ symbol: z.string(), status: z.string(), baseAsset: z.string(), quoteAsset: z.string(), filters: z.array(filterSchema) })),
});

const STATUS: Readonly<Record<string, InstrumentInfo["status"]>> = {
  TRADING: "trading", PENDING_TRADING: "halted", PRE_DELIVERING: "settling", DELIVERING: "settling", DELIVERED: "delisted", PRE_SETTLE: "settling",
  SETTLING: "settling", CLOSE: "delisted",
};
const ONE = dec("1");

type Row = z.infer<typeof schema>["symbols"][number];

function infoOf({ symbol, status, baseAsset, quoteAsset, filters }: Row): InstrumentInfo | undefined {
  const tickSize = filters.find(({ filterType }) => filterType === "PRICE_FILTER")?.tickSize;
  const lotSize = filters.find(({ filterType }) => filterType === "LOT_SIZE")?.stepSize;
  if (tickSize === undefined || lotSize === undefined) return undefined;
  const known = Object.hasOwn(STATUS, status) ? STATUS[status] : undefined;
  return { symbol, status: known ?? "halted", said: status, base: baseAsset, quote: quoteAsset, tickSize, lotSize, unitsPerSize: ONE };
}

function read(body: Uint8Array): Result<readonly InstrumentInfo[]> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    return failed("feed.bad-instruments", `the answer to /fapi/v1/exchangeInfo is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const list = schema.safeParse(parsed);
  if (!list.success) return failed("feed.bad-instruments", `the answer to /fapi/v1/exchangeInfo is no list of instruments: ${z.prettifyError(list.error).slice(0, 400)}`);
  return { ok: true, value: list.data.symbols.map(infoOf).filter((info) => info !== undefined) };
}

export function binanceMetadata(venue: VenueId): InstrumentMetadata {
  return {
    polls: (symbols) => symbols.length === 0 ? [] : [{
      stream: streamRef(venue, "_", METADATA_CHANNEL), request: { endpoint: "rest", path: "/fapi/v1/exchangeInfo", weight: 1 },
      everyMs: METADATA_EVERY_MS, firstWithinMs: METADATA_FIRST_MS,
    }],
    read,
  };
}

export const binanceInstrumentsDecoder = metadataDecoder(read);

/** Symbols that go on under another name: what to record instead. NOTES.md says since when, and how that is known. */
const RENAMED: Readonly<Record<string, string>> = { MATICUSDT: "POLUSDT" };

export function binanceRenamedTo(symbol: string): string | undefined {
  return Object.hasOwn(RENAMED, symbol) ? RENAMED[symbol] : undefined;
}
