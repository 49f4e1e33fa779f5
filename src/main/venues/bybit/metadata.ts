// What Bybit says of its instruments: one small request per symbol, and how to read the answer.
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
const schema = z.object({
  retCode: z.literal(0),
  result: z.object({
    list: z.array(z.object({
      symbol: z.string(), status: z.string(), baseCoin: z.string(), quoteCoin: z.string(),
      priceFilter: z.object({ tickSize: decimalText }),
      // Linear says qtyStep, spot basePrecision.
      lotSizeFilter: z.object({ qtyStep: decimalText.optional(), basePrecision: decimalText.optional() }),
      contractType: z.string().optional(),
    })),
  }),
});

const STATUS: Readonly<Record<string, InstrumentInfo["status"]>> = {
  Trading: "trading", PreLaunch: "halted", Settling: "settling", Delivering: "settling", Closed: "delisted",
};
const ONE = dec("1");

type Row = z.infer<typeof schema>["result"]["list"][number];

function infoOf(row: Row): InstrumentInfo | undefined {
  const lotSize = row.lotSizeFilter.qtyStep ?? row.lotSizeFilter.basePrecision;
  if (lotSize === undefined) return undefined;
  const known = Object.hasOwn(STATUS, row.status) ? STATUS[row.status] : undefined;
  // Sizes of inverse contracts are dollars.
  const unitsPerSize = row.contractType?.startsWith("Inverse") === true ? undefined : ONE;
  return { symbol: row.symbol, status: known ?? "halted", said: row.status, base: row.baseCoin, quote: row.quoteCoin, tickSize: row.priceFilter.tickSize, lotSize, unitsPerSize };
}

function read(body: Uint8Array): Result<readonly InstrumentInfo[]> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    return failed("feed.bad-instruments", `the answer to /v5/market/instruments-info is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const list = schema.safeParse(parsed);
  if (!list.success) return failed("feed.bad-instruments", `the answer to /v5/market/instruments-info is no list of instruments: ${z.prettifyError(list.error).slice(0, 400)}`);
  return { ok: true, value: list.data.result.list.map(infoOf).filter((info) => info !== undefined) };
}

export function bybitMetadata(venue: VenueId, category: "linear" | "spot"): InstrumentMetadata {
  return {
    polls: (symbols) => symbols.map((symbol) => ({
      stream: streamRef(venue, symbol, METADATA_CHANNEL),
      request: { endpoint: "rest", path: `/v5/market/instruments-info?category=${category}&symbol=${encodeURIComponent(symbol)}`, weight: 1 },
      everyMs: METADATA_EVERY_MS, firstWithinMs: METADATA_FIRST_MS,
    })),
    read,
  };
}

export const bybitInstrumentsDecoder = metadataDecoder(read);

/** Symbols that go on under another name: what to record instead. NOTES.md says since when, and how that is known. */
const RENAMED: Readonly<Record<string, string>> = { MATICUSDT: "POLUSDT" };

export function bybitRenamedTo(symbol: string): string | undefined {
  return Object.hasOwn(RENAMED, symbol) ? RENAMED[symbol] : undefined;
}
