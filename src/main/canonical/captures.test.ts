// The two real captures against the exchange's own candles: all eight fields exact, every grade as its evidence allows.
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { BarVersion, CanonicalOutput } from "../../shared/candles.ts";
import { equal, dec, type Decimal } from "../../shared/decimal.ts";
import { streamRef, type MarketEvent, type StreamRef } from "../../shared/market.ts";
import { BTC, LogBuilder, QUOTES, TRADES, feed, start, type Run } from "./canonical.testkit.ts";

const DATA = new URL("../../../../shared/data/binance_usdm/", import.meta.url);
const hasData = existsSync(DATA);

interface Wire {
  readonly stream?: string;
  readonly data: { readonly [name: string]: unknown };
}

/** Just enough of the wire format to be independent of the real decoder. */
function read(line: string): { readonly stream: StreamRef; readonly recvNs: bigint; readonly events: readonly MarketEvent[] } {
  const space = line.indexOf(" ");
  const recvNs = BigInt(line.slice(0, space)) * (space === 16 ? 1_000n : 1n);
  const wire = JSON.parse(line.slice(space + 1)) as Wire;
  const data = wire.data ?? {};
  const text = (name: string): Decimal => dec(String(data[name]));
  if (wire.stream?.endsWith("@trade") === true) {
    const id = Number(data["t"]);
    const event: MarketEvent = {
      kind: "trade", eventMs: Number(data["T"]), eventSubNs: 0, price: text("p"), qty: text("q"), side: data["m"] === true ? -1 : 1,
      tradeId: String(id), sequenceId: id, firstTradeId: id, lastTradeId: id, tradeCount: 1, market: data["X"] === "MARKET",
    };
    return { stream: TRADES, recvNs, events: [event] };
  }
  if (wire.stream?.endsWith("@bookTicker") === true) {
    const event: MarketEvent = {
      kind: "bbo", eventMs: Number(data["T"]), eventSubNs: 0, bidPrice: text("b"), bidQty: text("B"), askPrice: text("a"), askQty: text("A"), updateId: undefined,
    };
    return { stream: QUOTES, recvNs, events: [event] };
  }
  return { stream: streamRef(BTC.venue, BTC.symbol, "depth"), recvNs, events: [] };
}

function importCapture(file: string): Run {
  const run = start();
  const lines = gunzipSync(readFileSync(new URL(file, DATA))).toString("utf8").trimEnd().split("\n");
  const log = new LogBuilder();
  const firstMs = Number(read(lines[0] ?? "").recvNs / 1_000_000n);
  log.config(firstMs, { intervals: ["1s", "5s", "15s", "1m", "5m", "15m", "1h", "4h", "1d"] });
  log.control(firstMs, { kind: "started", version: "test", clean: true, downtime_from_ns: 0n });
  let lastMs = firstMs;
  for (const line of lines) {
    const { stream, recvNs, events } = read(line);
    lastMs = Number(recvNs / 1_000_000n);
    log.add({ stream, atMs: lastMs, outcome: stream.channel === "depth" ? { kind: "ignored", why: "unhandled" } : { kind: "events", events }, connection: "import.1" });
  }
  log.control(lastMs, { kind: "end_of_input", reason: "end of file" });
  return feed(run, log.entries);
}

function klines(file: string): Map<number, readonly string[]> {
  const rows = readFileSync(new URL(file, DATA), "utf8").trim().split("\n").map((row) => row.split(","));
  return new Map(rows.map((row) => [Number(row[0]), row]));
}

function minutes(run: Run): readonly BarVersion[] {
  return run.history.versions.filter((version) => version.key.interval === "1m");
}

function grades(outputs: readonly CanonicalOutput[], interval: string): Map<number, string> {
  const result = new Map<number, string>();
  for (const output of outputs) {
    if (output.kind !== "grade" || output.grade.interval !== interval) continue;
    for (let at = output.grade.fromOpenMs; at < output.grade.untilOpenMs; at += 60_000) result.set(at, output.grade.grade);
  }
  return result;
}

function expectSame(bar: BarVersion, row: readonly string[]): void {
  const { values } = bar;
  const ours: readonly Decimal[] = [values.open, values.high, values.low, values.close, values.volume, values.quoteVolume, values.takerBuyVolume];
  const theirs = [1, 2, 3, 4, 5, 7, 9].map((column) => dec(row[column] ?? ""));
  expect(ours.map((value, index) => equal(value, theirs[index] ?? value))).toEqual(ours.map(() => true));
  expect(values.tradeCount).toBe(Number(row[8]));
  expect(equal(values.takerBuyQuoteVolume, dec(row[10] ?? ""))).toBe(true);
}

describe.skipIf(!hasData)(hasData ? "real captures" : "real captures (skipped: ../shared/data is absent)", () => {
  it("2024-08-08: minutes equal the exchange's, and only the ends are graded below proved", () => {
    const run = importCapture("ws_BTCUSDT_20240808T2354.txt.gz");
    const official = klines("klines1m_BTCUSDT_20240808T2350_20240809T0001.csv");
    const at = (minute: number): number => Date.UTC(2024, 7, 8, 23, minute);
    const bars = minutes(run);
    expect(bars.map((bar) => bar.key.openMs)).toEqual([54, 55, 56, 57, 58, 59].map(at));
    for (const bar of bars.slice(1)) expectSame(bar, official.get(bar.key.openMs) ?? []);
    expect(bars.map((bar) => bar.reason)).toEqual(["watermark", "watermark", "watermark", "watermark", "watermark", "end_of_input"]);
    const graded = grades(run.outputs, "1m");
    expect([54, 55, 56, 57, 58, 59].map((minute) => graded.get(at(minute)))).toEqual(["partial", "proved", "proved", "proved", "proved", "likely"]);
    expect(run.canonicalizer.counts).toMatchObject({ duplicates: 0, conflicts: 0, gapsOpen: 0, excluded: 0 });
    expect(run.outputs.filter((output) => output.kind === "cut").map((output) => output.date)).toEqual(["20240808"]);
  });

  it("2023-04-05: the insurance trade stays out, the first minute is likely, the last partial", () => {
    const run = importCapture("ws_BTCUSDT_20230405T0000_markprice.txt.gz");
    const official = klines("klines1m_BTCUSDT_20230405T0000_0006.csv");
    const at = (minute: number): number => Date.UTC(2023, 3, 5, 0, minute);
    const bars = minutes(run);
    for (const bar of bars.slice(0, 6)) expectSame(bar, official.get(bar.key.openMs) ?? []);
    const graded = grades(run.outputs, "1m");
    expect([0, 1, 2, 3, 4, 5, 6].map((minute) => graded.get(at(minute)))).toEqual(["likely", "proved", "proved", "proved", "proved", "proved", "partial"]);
    expect(run.canonicalizer.counts.nonMarket).toBe(1);
    expect(bars[1]?.excluded.count).toBe(1);
  });
});
