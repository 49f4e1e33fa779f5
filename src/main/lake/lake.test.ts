// Spool and compaction against an oracle: what replay tells of the same log, however it is cut, doubled, late or spread over dates and venues.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { formatDecimal, toFloat } from "../../shared/decimal.ts";
import { exchangeOf, type MarketEvent, type VenueId } from "../../shared/market.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openReader } from "../rawlog/reader.ts";
import { arrivalEvents, type ReplayEvent } from "../replay/events.ts";
import { COLUMNS } from "./columns.ts";
import { decoders, lakeFiles, makeCapture, MIXED, removeRoot, rowsIn, START_MS, testRoot, withLake, type TestCapture, type TextRow, type Wire } from "./lake.testkit.ts";
import type { LakeStream } from "./types.ts";

let root: string;
beforeAll(async () => { root = await testRoot(); });
afterAll(() => removeRoot(root));

let made = 0;
function capture(wires: readonly Wire[], segmentMessages: number): Promise<TestCapture> {
  made += 1;
  return makeCapture(`${root}/${made}`, wires, segmentMessages);
}

/** A column's text of an event, written here a second time on purpose. */
function expected({ record, event, tsEventNs, seq }: ReplayEvent): TextRow {
  const float = (value: { mantissa: number | bigint; scale: number } | undefined): string | null => (value === undefined ? null : String(Number(formatDecimal(value))));
  const common = {
    ts_event: String(tsEventNs), ts_recv: String(record.recvNs), exchange: exchangeOf(record.stream.venue as VenueId), symbol: record.stream.symbol,
    stream: event.kind, stream_version: "1", seq: String(seq), channel: record.stream.channel, source: record.source,
  };
  const text = (value: number | undefined): string | null => (value === undefined ? null : String(value));
  switch (event.kind) {
    case "trade":
      return {
        ...common, price: float(event.price), qty: float(event.qty), side: String(event.side), trade_id: event.tradeId, sequence_id: text(event.sequenceId),
        first_trade_id: text(event.firstTradeId), last_trade_id: text(event.lastTradeId), trade_count: String(event.tradeCount), market: String(event.market),
      } as TextRow;
    case "bbo":
      return { ...common, bid_price: float(event.bidPrice), bid_qty: float(event.bidQty), ask_price: float(event.askPrice), ask_qty: float(event.askQty), update_id: text(event.updateId) } as TextRow;
    case "mark_price":
      return { ...common, mark_price: float(event.markPrice), index_price: float(event.indexPrice) } as TextRow;
    case "funding":
      return { ...common, funding_rate: float(event.fundingRate), next_funding_ts: `${event.nextFundingMs}000000` } as TextRow;
    case "open_interest":
      return { ...common, open_interest: float(event.openInterest) } as TextRow;
    case "venue_candle":
      throw new Error("a venue's candle is no row");
  }
}

/** DuckDB writes 1.0 where JavaScript writes 1: both as JavaScript's. */
function plain(stream: string, row: TextRow): TextRow {
  const floats = new Set(COLUMNS[stream as LakeStream].filter(({ type }) => String(type) === "DOUBLE").map(({ name }) => name));
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value !== null && floats.has(name) ? String(Number(value)) : value]));
}

function inOrder(rows: readonly TextRow[]): readonly TextRow[] {
  const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...rows].sort((a, b) => compare(BigInt(a["ts_event"] ?? 0), BigInt(b["ts_event"] ?? 0)) || compare(BigInt(a["seq"] ?? 0), BigInt(b["seq"] ?? 0)));
}

function byStream(rows: readonly (readonly [string, TextRow])[]): Record<string, readonly TextRow[]> {
  const found: Record<string, TextRow[]> = {};
  for (const [stream, row] of rows) (found[stream] ??= []).push(row);
  return Object.fromEntries(Object.entries(found).map(([stream, some]) => [stream, inOrder(some)]));
}

async function oracle(folder: string): Promise<Record<string, readonly TextRow[]>> {
  const reader = await openReader({ disk: new NodeDisk(), folder });
  const rows: (readonly [string, TextRow])[] = [];
  const clock = { wallNs: () => 0n, monotonicMs: () => 0 };
  for await (const batch of arrivalEvents({ reader, decoders, clock, signal: new AbortController().signal, toSeq: Infinity, wanted: undefined })) {
    for (const event of batch) if (event.event.kind !== "venue_candle") rows.push([event.event.kind, expected(event)]);
  }
  await reader.close();
  return byStream(rows);
}

async function rowsOf(folder: string, glob: (stream: LakeStream) => string): Promise<Record<string, readonly TextRow[]>> {
  const found = await rowsIn(folder, glob);
  return byStream(Object.entries(found).flatMap(([stream, rows]) => rows.map((row) => [stream, plain(stream, row)] as const)));
}

async function checkAgainstOracle({ folder }: TestCapture): Promise<void> {
  const truth = await oracle(folder);
  expect(await rowsOf(folder, (stream) => `events/exchange=*/stream=${stream}/**/*.parquet`)).toEqual(truth);
  expect(await rowsOf(folder, (stream) => `compact/exchange=*/stream=${stream}/**/data.parquet`)).toEqual(truth);
}

test("a capture of everything: each row is what replay tells, exactly once, in the spool and in the compacted files", async () => {
  const made = await capture(MIXED, 5);
  const report = await withLake(made.folder, {}, (lake) => lake.compact());
  expect(report.differences).toEqual([]);
  expect(report).toMatchObject({ duplicates: 2, outOfRange: 0, rows: 12, spool: { sealedSegments: 3, spooledSegments: 3, segments: 3 } });
  await checkAgainstOracle(made);
  const names = Object.keys(await lakeFiles(made.folder));
  expect(names.filter((name) => name.startsWith("compact/") && name.endsWith(".parquet"))).toEqual([
    "compact/exchange=binance-spot/stream=bbo/symbol=btcusdt/date=20240115/data.parquet",
    "compact/exchange=binance/stream=bbo/symbol=btcusdt/date=20240114/data.parquet",
    "compact/exchange=binance/stream=trade/symbol=btcusdt/date=20240114/data.parquet",
    "compact/exchange=binance/stream=trade/symbol=btcusdt/date=20240115/data.parquet",
    "compact/exchange=bybit/stream=mark_price/symbol=1000pepeusdt/date=20240114/data.parquet",
    "compact/exchange=bybit/stream=mark_price/symbol=1000pepeusdt/date=20240115/data.parquet",
    "compact/exchange=bybit/stream=trade/symbol=1000pepeusdt/date=20240114/data.parquet",
    "compact/exchange=bybit/stream=trade/symbol=1000pepeusdt/date=20240115/data.parquet",
    "compact/exchange=okx/stream=funding/symbol=btc-usdt-swap/date=20240114/data.parquet",
    "compact/exchange=okx/stream=open_interest/symbol=btc-usdt-swap/date=20240115/data.parquet",
  ]);
  expect(names).toContain(`events/exchange=binance/stream=trade/symbol=btcusdt/date=20240114/part-${START_MS}000007-1.parquet`);
});

test("compacting again writes nothing; a check finds nothing and writes nothing", async () => {
  const made = await capture(MIXED.slice(0, 10), 5);
  await withLake(made.folder, {}, (lake) => lake.compact());
  const before = await lakeFiles(made.folder);
  const again = await withLake(made.folder, {}, (lake) => lake.compact());
  expect(again).toMatchObject({ written: 0, removedFiles: 0, differences: [], spool: { segments: 0 } });
  expect(await lakeFiles(made.folder)).toEqual(before);
  const checked = await withLake(made.folder, {}, (lake) => lake.check(`${root}/scratch`));
  expect(checked).toMatchObject({ differences: [], thorough: true, rows: again.rows });
  expect(await lakeFiles(made.folder)).toEqual(before);
});

const VENUES: readonly VenueId[] = ["binance-usdm", "binance-spot", "bybit-linear", "okx-swap", "sim"];
const venueAndSymbol = { venue: fc.constantFrom(...VENUES), symbol: fc.constantFrom("BTCUSDT", "ETHUSDT", "XBT/USD", "kPEPE", "A..B") };
// Over three dates, some of them before the start of the recording.
const ms = fc.oneof(fc.integer({ min: 0, max: 500 }), fc.integer({ min: -86_400_000, max: 2 * 86_400_000 }));
const price = fc.integer({ min: 1, max: 10_000_000 }).map((n) => (n / 100).toFixed(2));
const trade = fc.record({ id: fc.integer({ min: 1, max: 25 }), ms, price, qty: price, text: fc.boolean(), market: fc.boolean() });
const wire: fc.Arbitrary<Wire> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("trades" as const), ...venueAndSymbol, trades: fc.array(trade, { maxLength: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("quote" as const), ...venueAndSymbol, ms, bid: price, updateId: fc.integer({ min: 0, max: 1_000 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("mark" as const), ...venueAndSymbol, ms, mark: price, index: price }, { requiredKeys: ["kind", "venue", "symbol", "ms", "mark"] }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("funding" as const), ...venueAndSymbol, ms, rate: price }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("interest" as const), ...venueAndSymbol, ms, value: price }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("candle" as const, "broken" as const, "undecoded" as const), ...venueAndSymbol }) },
);

test("any log: rows equal the oracle's, whether spooled at once or segment by segment with new processes between", async () => {
  await fc.assert(fc.asyncProperty(fc.array(wire, { maxLength: 60 }), fc.integer({ min: 3, max: 40 }), async (wires, segmentMessages) => {
    const made = await capture(wires, segmentMessages);
    const report = await withLake(made.folder, {}, (lake) => lake.compact());
    expect(report.differences).toEqual([]);
    await checkAgainstOracle(made);
    expect((await withLake(made.folder, {}, (lake) => lake.check(`${root}/scratch`))).differences).toEqual([]);
    // The same messages, cut otherwise: other parts, the same compacted files.
    const other = await capture(wires, segmentMessages + 7);
    await withLake(other.folder, {}, (lake) => lake.spool());
    await withLake(other.folder, {}, (lake) => lake.compact());
    const compacted = async (folder: string): Promise<readonly (readonly [string, string])[]> => Object.entries(await lakeFiles(folder)).filter(([name]) => name.endsWith("data.parquet"));
    expect(await compacted(other.folder)).toEqual(await compacted(made.folder));
  }), { numRuns: 12 });
}, 120_000);

test("floats are the nearest to the venue's decimal", () => {
  for (const text of ["0.1", "61800.30", "123456789.987654321", "0.00000001", "99999999999999999999.5"]) {
    const [whole = "", fraction = ""] = text.split(".");
    expect(toFloat({ mantissa: BigInt(whole + fraction), scale: fraction.length })).toBe(Number(text));
  }
});

test("an event whose time fits no column is counted, and the rest is written", async () => {
  const made = await capture([
    { kind: "quote", venue: "sim", symbol: "BTCUSDT", ms: 1e13, bid: "1" }, { kind: "quote", venue: "sim", symbol: "BTCUSDT", ms: -2e12, bid: "1" },
    { kind: "quote", venue: "sim", symbol: "BTCUSDT", ms: 1, bid: "1" },
  ], 10);
  const report = await withLake(made.folder, {}, (lake) => lake.compact());
  expect(report).toMatchObject({ rows: 1, outOfRange: 2, differences: [] });
}, 30_000);

test("cancelled: rejects, and the next run gives what an undisturbed one gives", async () => {
  const made = await capture(MIXED, 5);
  const stopping = new AbortController();
  await expect(withLake(made.folder, {}, (lake) => lake.compact({ signal: stopping.signal, onProgress: ({ phase }) => { if (phase === "compact") stopping.abort(); } })))
    .rejects.toMatchObject({ fault: { code: "lake.cancelled" } });
  await withLake(made.folder, {}, (lake) => lake.compact());
  const other = await capture(MIXED, 5);
  await withLake(other.folder, {}, (lake) => lake.compact());
  expect(await lakeFiles(made.folder)).toEqual(await lakeFiles(other.folder));
});

test("one writer at a time, in words", async () => {
  const made = await capture(MIXED, 50);
  await new NodeDisk().createWhole(`${made.folder}/lake.lock`, Buffer.from(JSON.stringify({ pid: 4_711, startedAt: "1", bootId: "b", token: "t" })));
  const processes = { self: () => ({ pid: 1, startedAt: "1", bootId: "b" }), isAlive: () => true };
  await expect(withLake(made.folder, { processes }, (lake) => lake.compact())).rejects.toThrow(/is being written by process 4711/);
});

test("what differs is told: a lost part, a changed part, a foreign one, a missing compacted file", async () => {
  const made = await capture(MIXED, 5);
  await withLake(made.folder, {}, (lake) => lake.compact());
  const disk = new NodeDisk();
  const parts = Object.keys(await lakeFiles(made.folder)).filter((name) => name.startsWith("events/") && name.endsWith(".parquet"));
  const [first = "", second = ""] = parts;
  const bytes = Buffer.from(await disk.readFile(`${made.folder}/${first}`));
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  await disk.replaceFile(`${made.folder}/${first}`, bytes);
  await disk.rename(`${made.folder}/${second}`, `${made.folder}/${second.replace(/part-\d+/, "part-1")}`);
  await disk.remove(`${made.folder}/compact/exchange=okx/stream=funding/symbol=btc-usdt-swap/date=20240114/data.parquet`);
  const { differences } = await withLake(made.folder, {}, (lake) => lake.check(`${root}/scratch`));
  const told = differences.map(({ where, what }) => `${where} ${what}`);
  expect(told).toContain(`${first} sha256`);
  expect(told).toContain(`${second} bytes`);
  expect(told).toContain(`${second.replace(/part-\d+/, "part-1")} is in the manifest`);
  expect(told).toContain("compact/exchange=okx/stream=funding/symbol=btc-usdt-swap/date=20240114/data.parquet is there");
});

function kinds(events: readonly MarketEvent[]): readonly string[] {
  return events.map(({ kind }) => kind);
}

test("the test's own decoder tells every kind", () => {
  const all = MIXED.flatMap((one) => {
    const outcome = decoders({ venue: "sim", symbol: "X", channel: one.kind, streamId: "x" })?.(Buffer.from(JSON.stringify(one)), { stream: { venue: "sim", symbol: "X", channel: one.kind, streamId: "x" }, source: "ws", recvNs: 0n });
    return outcome?.kind === "events" ? kinds(outcome.events) : [];
  });
  expect(new Set(all)).toEqual(new Set(["trade", "bbo", "mark_price", "funding", "open_interest", "venue_candle"]));
});
