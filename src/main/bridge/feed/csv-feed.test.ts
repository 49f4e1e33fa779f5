// The fixture format: told exactly as written, and refused before anything is told, naming line and column.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dec } from "../../../shared/decimal.ts";
import { testFolder, type TestFolder } from "../../importers/import.testkit.ts";
import { settle } from "../../net/virtual-clock.ts";
import type { FeedSpec } from "../process-messages.ts";
import { itemsFrom, START, testDeps } from "./feed.testkit.ts";
import { openFeed } from "./open-feed.ts";
import type { ServedFeed } from "./types.ts";

const HEADER = "symbol,interval,ts,open,high,low,close,volume";
const FULL = `${HEADER},quote_volume,trade_count,taker_buy_volume,taker_buy_quote_volume,revision,reason`;
const T = 1_700_000_040_000;

let folder: TestFolder;
beforeAll(async () => {
  folder = await testFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

async function spec(text: string, changes: Partial<Extract<FeedSpec, { kind: "csv" }>> = {}): Promise<FeedSpec> {
  return { kind: "csv", file: await folder.write("bars.csv", text), sourceId: "TEST", rowsPerSecond: 0, held: false, ...changes };
}
async function open(text: string, changes: Partial<Extract<FeedSpec, { kind: "csv" }>> = {}): Promise<ServedFeed> {
  return openFeed(await spec(text, changes), testDeps());
}
async function refusal(text: string): Promise<string> {
  try {
    await open(text);
  } catch (error) {
    return error instanceof Error ? error.message.replace(folder.path, "") : String(error);
  }
  return "accepted";
}

describe("rows", () => {
  test("are told exactly as they are written", async () => {
    const feed = await open(`${FULL}\nABC,1m,${T},10.10,12,9.5,11.00000001,1234567890.12345678,5,7,1.5,2.25,1,clock_tick\nABC,1m,${T},10.10,12.5,9.5,11,3,5,8,1.5,2.25,2,late_data\n`);
    const items = await itemsFrom(feed);
    const key = { sourceId: "TEST", symbol: "ABC", interval: "1m" };
    const first = { open: dec("10.10"), high: dec("12"), low: dec("9.5"), close: dec("11.00000001"), volume: dec("1234567890.12345678"), quoteVolume: dec("5"), tradeCount: 7, takerBuyVolume: dec("1.5"), takerBuyQuoteVolume: dec("2.25") };
    expect(items).toEqual([
      { key, place: { seq: 2, index: 0 }, entry: { kind: "bar", atSeq: 0, knownNs: 0n, bar: { openMs: T, revision: 1, reason: "clock_tick", digest: undefined, grade: undefined, values: first } } },
      { key, place: { seq: 3, index: 0 }, entry: { kind: "bar", atSeq: 0, knownNs: 0n, bar: { openMs: T, revision: 2, reason: "late_data", digest: undefined, grade: undefined, values: { ...first, high: dec("12.5"), close: dec("11"), volume: dec("3"), tradeCount: 8 } } } },
    ]);
    expect(feed.streams).toEqual([key]);
    expect(feed.history.mode).toBe("replay");
  });

  test("may have the required columns only, times as text, any order of columns, CRLF and a byte order mark", async () => {
    const items = await itemsFrom(await open(`\ufeffinterval,DateTime,symbol,close,open,high,low,volume\r\n1s,2023-11-14 22:14:00,A.B-c_1,2,2,2,2,0\r\n1s,${T + 1_000},A.B-c_1,2,2,2,2,0\r\n\r\n`));
    expect(items.map(({ entry }) => (entry.kind === "bar" ? [entry.bar.openMs, entry.bar.revision, entry.bar.reason] : []))).toEqual([[T, 1, "watermark"], [T + 1_000, 1, "watermark"]]);
  });

  test("go on from any line", async () => {
    const text = `${HEADER}\n${Array.from({ length: 2_500 }, (_, at) => `ABC,1s,${T + at * 1_000},1,1,1,1,${at}`).join("\n")}`;
    const all = await itemsFrom(await open(text));
    expect(all).toHaveLength(2_500);
    for (const seq of [1, 2, 1_001, 2_501, 2_502]) expect(await itemsFrom(await open(text), { seq, index: 0 })).toEqual(all.filter(({ place }) => place.seq >= seq));
  });

  test("come at the rate that was asked for", async () => {
    const deps = testDeps();
    const feed = await openFeed(await spec(`${HEADER}\n${Array.from({ length: 30 }, (_, at) => `ABC,1s,${T + at * 1_000},1,1,1,1,1`).join("\n")}`, { rowsPerSecond: 10, held: true }), deps);
    const reading = itemsFrom(feed);
    await deps.clock.advance(5_000);
    feed.begin();
    await settle();
    const beganMs = deps.clock.monotonicMs();
    await deps.clock.runUntilIdle(60_000);
    expect(await reading).toHaveLength(30);
    expect(deps.clock.monotonicMs() - beganMs).toBeCloseTo(2_900, 0);
  });

  test("end where they are told to stop", async () => {
    const deps = testDeps();
    const feed = await openFeed(await spec(`${HEADER}\nABC,1s,${T},1,1,1,1,1\nABC,1s,${T + 1_000},1,1,1,1,1`, { rowsPerSecond: 0.001 }), deps);
    const stopping = new AbortController();
    const told: number[] = [];
    const reading = (async () => {
      for await (const batch of feed.batches(START, stopping.signal)) told.push(batch.length);
    })();
    await settle();
    stopping.abort();
    await reading;
    expect(told).toEqual([1]);
    expect(deps.clock.pending).toBe(0);
  });
});

describe("a history", () => {
  test("is the file's content and the source's name", async () => {
    const text = `${HEADER}\nABC,1s,${T},1,1,1,1,1`;
    const ids = [await open(text), await open(text), await open(`${text}\n`), await open(text, { sourceId: "OTHER" })].map(({ history }) => history.historyId);
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(3);
  });
});

describe("refused, with line, column and what to do", () => {
  const ROW = `ABC,1m,${T},1,1,1,1,1`;
  test.each([
    ["", "/bars.csv is empty: its first line must be the header"],
    [HEADER, "/bars.csv holds a header and no row: there is nothing to serve"],
    [`${HEADER},colour\n${ROW},red`, /^\/bars\.csv line 1: no column is named "colour"; the header is symbol,interval,ts/],
    [`symbol,interval,open,high,low,close,volume\n`, /line 1: exactly one of the columns ts and datetime is needed/],
    [`${HEADER.replace("close,", "")}\n`, /line 1: column close is missing/],
    [`${HEADER},close\n`, /line 1: column close stands there twice/],
    [`${HEADER}\n${ROW}\nABC,1m,${T + 60_000},1,1,1,1`, "/bars.csv line 3: 7 fields where the header has 8"],
    [`${HEADER}\n"ABC,D",1m,${T},1,1,1,1,1`, "/bars.csv line 2: 9 fields where the header has 8; quoted fields are not read"],
    [`${HEADER}\nABC,1m,${T},1,1,1,"1","1"`, `/bars.csv line 2, column close: "\\"1\\"" is no decimal: write digits with a dot, such as 61800.30`],
    [`${HEADER}\nABC,1m,${T},1,1,1,,1`, `/bars.csv line 2, column close: "" is no decimal: write digits with a dot, such as 61800.30`],
    [`${HEADER}\nABC,1m,${T},NaN,1,1,1,1`, /line 2, column open: "NaN" is no decimal/],
    [`${HEADER}\nABC,1m,${T},1,1,1,1,${"9".repeat(39)}`, /line 2, column volume: "9+" has more digits than the bridge carries \(38\)/],
    [`${HEADER}\nA B,1m,${T},1,1,1,1,1`, /line 2, column symbol: "A B" is no symbol/],
    [`${HEADER}\nABC,2m,${T},1,1,1,1,1`, /line 2, column interval: "2m" is no interval: there are 1s, 5s/],
    [`${HEADER}\nABC,1m,${T + 1},1,1,1,1,1`, /line 2, column ts: "1700000040001" does not begin a 1m bucket/],
    [`${HEADER}\nABC,1m,2023-11-14 22:14:00,1,1,1,1,1`, /line 2, column ts: .* is no time in epoch ms; for text .* name the column datetime/],
    [`${HEADER.replace("ts", "datetime")}\nABC,1m,yesterday,1,1,1,1,1`, /line 2, column datetime: "yesterday" is no time/],
    [`${HEADER}\nABC,1m,${T},1,0.5,0.5,0.5,1`, /line 2, column high: "0.5" is below the open/],
    [`${HEADER}\nABC,1m,${T},1,2,1.5,1.75,1`, /line 2, column low: "1.5" is above the open/],
    [`${HEADER}\nABC,1m,${T},1,1,1,1,-1`, /line 2, column volume: "-1" is negative/],
    [`${HEADER}\n${ROW}\n\n${ROW}`, "/bars.csv line 3: an empty line inside the file: remove it"],
    [`${HEADER}\n${ROW}\n${ROW}`, /line 3: ABC 1m 1700000040000: this bar stands in the file already/],
    [`${HEADER}\n${ROW}\nABC,1m,${T - 60_000},1,1,1,1,1`, /line 3: ABC 1m 1699999980000: first versions of a stream must ascend in time/],
    [`${HEADER},revision\n${ROW},2`, /line 2, column revision: 2 follows no version of this bar/],
    [`${HEADER},revision\n${ROW},1\n${ROW},3`, /line 3, column revision: 3 follows 1/],
    [`${HEADER},revision\n${ROW},0`, /line 2, column revision: "0" is no revision/],
    [`${HEADER},revision,reason\n${ROW},1,late_data`, /line 2, column reason: late_data cannot be the reason of revision 1/],
    [`${HEADER},reason\n${ROW},because`, /line 2, column reason: "because" is no reason: there are watermark/],
    [`${HEADER},trade_count\n${ROW},1.5`, /line 2, column trade_count: "1.5" is no whole number/],
  ])("%j", async (text, message) => {
    const said = await refusal(text);
    if (typeof message === "string") expect(said).toBe(message);
    else expect(said).toMatch(message);
  });

  test("a missing file and an impossible source id", async () => {
    await expect(openFeed({ kind: "csv", file: "/nowhere/x.csv", sourceId: "A", rowsPerSecond: 0, held: false }, testDeps())).rejects.toThrow("Cannot read /nowhere/x.csv: no such file");
    await expect(open(`${HEADER}\n${ROW}`, { sourceId: "a.b" })).rejects.toThrow(/Source id "a\.b"/);
  });
});
