// Archives as CSV: every row's bytes kept, decoded exactly, merged by time; and what is refused.
import { existsSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { crc32, deflateRawSync, gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { FaultError } from "../../shared/base.ts";
import { dec, formatDecimal, multiply } from "../../shared/decimal.ts";
import type { DecodeOutcome, MarketEvent, VenueId } from "../../shared/market.ts";
import type { RawRecord } from "../../shared/raw.ts";
import { importFiles } from "../engine/import-files.ts";
import { openDerived, readBars } from "../derive/read.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { decoderLookup } from "../venues/registry.ts";
import type { ImportOptions } from "./import-capture.ts";
import { START_MS, readAll, runImport, testFolder } from "./import.testkit.ts";

const text = (record: RawRecord): string => Buffer.from(record.payload).toString("utf8");
const rows = (records: readonly RawRecord[]): readonly RawRecord[] => records.filter(({ source }) => source !== "control");

function decoded(record: RawRecord): DecodeOutcome {
  const decode = decoderLookup(record.stream);
  if (decode === undefined) throw new Error(`nothing decodes ${record.stream.streamId}`);
  return decode(record.payload, { stream: record.stream, source: record.source, recvNs: record.recvNs });
}

function events(record: RawRecord): readonly MarketEvent[] {
  const outcome = decoded(record);
  if (outcome.kind !== "events") throw new Error(`${text(record)}: ${JSON.stringify(outcome)}`);
  return outcome.events;
}

/** A zip of one file as archives make it; `descriptor` leaves the sizes to a record behind the data. */
function zipOf(name: string, content: string, options: { readonly method?: number; readonly flags?: number; readonly count?: number; readonly crc?: number } = {}): Buffer {
  const { method = 8, flags = 0, count = 1 } = options;
  const raw = Buffer.from(content);
  const data = method === 8 ? deflateRawSync(raw) : raw;
  const sum = options.crc ?? crc32(raw);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(flags, 6);
  local.writeUInt16LE(method, 8);
  local.writeUInt16LE(name.length, 26);
  local.writeUInt16LE(5, 28);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(flags, 8);
  entry.writeUInt16LE(method, 10);
  entry.writeUInt32LE(sum, 16);
  entry.writeUInt32LE(data.length, 20);
  entry.writeUInt32LE(raw.length, 24);
  entry.writeUInt16LE(name.length, 28);
  const front = Buffer.concat([local, Buffer.from(name), Buffer.alloc(5), data]);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(entry.length + name.length, 12);
  end.writeUInt32LE(front.length, 16);
  end.writeUInt16LE(4, 20);
  return Buffer.concat([front, entry, Buffer.from(name), end, Buffer.from("note")]);
}

async function failureOf(folder: string, options: Partial<ImportOptions> & Pick<ImportOptions, "files">): Promise<{ code: string; message: string }> {
  try {
    await runImport(folder, options);
  } catch (error) {
    if (error instanceof FaultError) return error.fault;
    throw error;
  }
  throw new Error("the import should have been refused");
}

const TRADES_HEADER = "id,price,qty,quote_qty,time,is_buyer_maker";
const tradeRow = (id: number, ms: number, price = "100.10", qty = "0.010", maker = "true"): string => `${id},${price},${qty},1.00,${ms},${maker}`;

describe("binance-csv", () => {
  test("trades: every row is a record with its bytes, the header too; exact, with the id as gap key; the event time is the receive time", async () => {
    await using folder = await testFolder();
    const lines = [TRADES_HEADER, tradeRow(7, START_MS), tradeRow(8, START_MS + 5, "100.20", "0.5", "false")];
    const file = await folder.write("BTCUSDT-trades-2023-11-14.csv", `${lines.join("\n")}\n`);
    const report = await runImport(folder.path, { format: "binance-csv", files: [file] });
    expect(report.folds).toEqual({ "binance-usdm:BTCUSDT": "trade.csv" });
    const records = rows(await readAll(report.folder));
    expect(records.map(text)).toEqual(lines);
    expect(new Set(records.map(({ stream }) => stream.streamId))).toEqual(new Set(["binance-usdm:BTCUSDT:trade.csv"]));
    const startNs = BigInt(START_MS) * 1_000_000n;
    expect(records.map(({ recvNs, eventNs }) => [recvNs, eventNs])).toEqual([[startNs, 0n], [startNs, startNs], [startNs + 5_000_000n, startNs + 5_000_000n]]);
    expect(decoded(records[0]!)).toEqual({ kind: "ignored", why: "state-only" });
    expect(events(records[2]!)).toEqual([{
      kind: "trade", eventMs: START_MS + 5, eventSubNs: 0, price: dec("100.20"), qty: dec("0.5"), side: 1, tradeId: "8", sequenceId: 8, firstTradeId: 8, lastTradeId: 8, tradeCount: 1, market: true,
    }]);
  });

  test("spot of 2025: µs, no header, seven columns, capitals; aggTrades and bookTicker", async () => {
    await using folder = await testFolder();
    const us = `${START_MS}123`;
    const trades = await folder.write("ETHUSDT-trades-2025-01.csv.gz", `5,2500.01000000,0.00100000,2.50001000,${us},True,True\n`);
    const aggregates = await folder.write("ETHUSDT-aggTrades-2025-01-01.csv", `77,2500.01,3.5,100,102,${START_MS + 1},False,True\n`);
    const quotes = await folder.write("ETHUSDT-bookTicker-2025-01-01.csv", `update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n9,1.1,2,1.2,3,${START_MS},${START_MS + 4}\n`);
    const report = await runImport(folder.path, { venue: "binance-spot", format: "binance-csv", files: [trades, aggregates, quotes] });
    expect(report.folds).toEqual({ "binance-spot:ETHUSDT": "trade.csv" });
    const records = rows(await readAll(report.folder));
    // Three series, merged by time.
    expect(records.map(({ stream }) => stream.channel)).toEqual(["bookTicker.csv", "bookTicker.csv", "trade.csv", "aggTrade.csv"]);
    expect(report.stepsBack).toBe(0);
    expect(events(records[1]!)).toEqual([{ kind: "bbo", eventMs: START_MS, eventSubNs: 0, bidPrice: dec("1.1"), bidQty: dec("2"), askPrice: dec("1.2"), askQty: dec("3"), updateId: 9 }]);
    expect(events(records[2]!)).toMatchObject([{ eventMs: START_MS, eventSubNs: 123_000, side: -1 }]);
    expect(events(records[3]!)).toMatchObject([{ tradeId: "77", sequenceId: 77, firstTradeId: 100, lastTradeId: 102, tradeCount: 3, side: 1 }]);
  });

  test.each([["deflated", {}], ["stored", { method: 0 }], ["with sizes behind the data", { flags: 8 }]])("a zip, %s", async (_name, options) => {
    await using folder = await testFolder();
    const content = Array.from({ length: 5_000 }, (_, index) => `${tradeRow(index, START_MS + index)}\n`).join("");
    const file = await folder.write("BTCUSDT-trades-2023-11-14.zip", zipOf("BTCUSDT-trades-2023-11-14.csv", content, options));
    const report = await runImport(folder.path, { format: "binance-csv", files: [file] });
    expect(rows(await readAll(report.folder)).map((record) => `${text(record)}\n`).join("")).toBe(content);
  });

  test("ids that are not there are a gap; ids over two files are none", async () => {
    await using folder = await testFolder();
    const write = (day: number, from: number): Promise<string> =>
      folder.write(`BTCUSDT-trades-2023-11-${day}.csv`, [0, 1, 2].map((index) => tradeRow(from + index, START_MS + (from + index) * 1_000)).join("\n"));
    const files = [await write(14, 1), await write(15, 4), await write(16, 9)];
    const outcome = await importFiles({
      capturesFolder: join(folder.path, "captures"), captureId: "gaps", venue: "binance-usdm", format: "binance-csv", fold: "trade", files, version: "test",
      clock: { wallNs: () => { throw new Error("an import may not ask for the time"); } },
    });
    expect(outcome).toMatchObject({ gaps: 1, quarantined: 0, unhandled: 0, messages: 9 });
  });

  test("a row with a bad price is kept and refused by type, not lost", async () => {
    await using folder = await testFolder();
    const file = await folder.write("BTCUSDT-trades-x.csv", `${tradeRow(1, START_MS)}\n${tradeRow(2, START_MS, "-1")}\n${tradeRow(3, START_MS, "1", "0")}\n${tradeRow(4, START_MS, "1", "1", "yes")}\n`);
    const records = rows(await readAll((await runImport(folder.path, { format: "binance-csv", files: [file] })).folder));
    expect(records.slice(1).map(decoded)).toMatchObject([
      { kind: "refused", code: "bad-number", detail: expect.stringContaining("column price") as string }, { kind: "refused", code: "bad-number" }, { kind: "refused", code: "wrong-type" },
    ]);
  });

  test("COIN-M is stored and folds nothing: its sizes are contracts", async () => {
    await using folder = await testFolder();
    const file = await folder.write("BTCUSD_PERP-trades-2023-11-14.csv", `id,price,qty,base_qty,time,is_buyer_maker\n${tradeRow(1, START_MS)}\n`);
    const report = await runImport(folder.path, { venue: "binance-coinm", format: "binance-csv", files: [file] });
    expect(report.folds).toEqual({});
    expect(rows(await readAll(report.folder))).toHaveLength(2);
  });

  const cases: readonly (readonly [string, { name?: string; content: string | Uint8Array; venue?: VenueId; fold?: string; code: string; says: RegExp }])[] = [
    ["a name that says nothing", { name: "trades.csv", content: tradeRow(1, START_MS), code: "import.wrong-name", says: /SYMBOL-trades-DATE/ }],
    ["another header", { content: "id,price,size\n", code: "import.wrong-format", says: /line 1.*header.*quote_qty/ }],
    ["too few columns", { content: `${TRADES_HEADER}\n1,2,3\n`, code: "import.wrong-format", says: /line 2.*3 columns/ }],
    ["seconds for a time", { content: `1,2,3,4,${START_MS / 1_000},true\n`, code: "import.wrong-format", says: /line 1.*time/ }],
    ["a header and nothing else", { content: `${TRADES_HEADER}\n`, code: "import.empty", says: /no message/ }],
    ["bytes that are no text", { content: Buffer.from([0x31, 0xff, 0x00, 0x0a]), code: "import.wrong-format", says: /line 1/ }],
    ["another venue", { content: tradeRow(1, START_MS), venue: "bybit-linear", code: "import.wrong-venue", says: /bybit-linear/ }],
    ["a fold that is not there", { content: tradeRow(1, START_MS), fold: "aggTrade", code: "import.no-fold", says: /aggTrade/ }],
    ["an encrypted zip", { name: "B-trades-x.zip", content: zipOf("a", "1", { flags: 1 }), code: "import.bad-zip", says: /encrypted/ }],
    ["another packing", { name: "B-trades-x.zip", content: zipOf("a", "1", { method: 12 }), code: "import.bad-zip", says: /method 12/ }],
    ["several files in a zip", { name: "B-trades-x.zip", content: zipOf("a", "1", { count: 2 }), code: "import.bad-zip", says: /2 files/ }],
    ["a zip cut short", { name: "B-trades-x.zip", content: zipOf("a", "1").subarray(0, -30), code: "import.bad-zip", says: /cut off/ }],
    ["a damaged zip", { name: "B-trades-x.zip", content: zipOf("a", tradeRow(1, START_MS), { crc: 1 }), code: "import.bad-zip", says: /damaged/ }],
  ];
  test.each(cases)("refused, with nothing left behind: %s", async (_name, { name = "BTCUSDT-trades-2023-11-14.csv", content, venue, fold, code, says }) => {
    await using folder = await testFolder();
    const file = await folder.write(name, content);
    const failure = await failureOf(folder.path, { format: "binance-csv", files: [file], ...(venue === undefined ? {} : { venue }), ...(fold === undefined ? {} : { fold }) });
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(says);
    expect(failure.message).not.toContain("\n");
    expect(await readdir(join(folder.path, "captures")).catch(() => [])).toEqual([]);
  });
});

describe("tardis-csv", () => {
  const HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount";
  const us = (ms: number, micros = 0): string => String(ms * 1_000 + micros);

  test("receive time = local_timestamp, to the µs; the header is kept; several symbols of one file", async () => {
    await using folder = await testFolder();
    const lines = [
      HEADER, `binance-futures,BTCUSDT,${us(START_MS, 7)},${us(START_MS + 9, 5)},11,buy,9318.4,0.001`, `binance-futures,ETHUSDT,${us(START_MS)},${us(START_MS + 10)},12,sell,1e-7,2`,
    ];
    const file = await folder.write("binance-futures_trades_2023-11-14_PERPETUALS.csv.gz", lines.join("\n"));
    const report = await runImport(folder.path, { format: "tardis-csv", files: [file] });
    expect(report.folds).toEqual({ "binance-usdm:BTCUSDT": "trades.tardis", "binance-usdm:ETHUSDT": "trades.tardis" });
    const records = rows(await readAll(report.folder));
    expect(records.map(text)).toEqual(lines);
    expect(records[1]).toMatchObject({ recvNs: BigInt(START_MS + 9) * 1_000_000n + 5_000n, eventNs: BigInt(START_MS) * 1_000_000n + 7_000n });
    expect(events(records[1]!)).toEqual([{
      kind: "trade", eventMs: START_MS, eventSubNs: 7_000, price: dec("9318.4"), qty: dec("0.001"), side: 1, tradeId: "11", sequenceId: undefined, firstTradeId: 11, lastTradeId: 11, tradeCount: 1, market: true,
    }]);
  });

  test("OKX: our symbols, contracts in base units; Bybit: ids without order", async () => {
    await using folder = await testFolder();
    const okx = await folder.write("okex-swap_trades_2023-11-14_BTC-USDT-SWAP.csv", `${HEADER}\nokex-swap,BTC-USDT-SWAP,${us(START_MS)},${us(START_MS)},1,buy,100,3\n`);
    const one = rows(await readAll((await runImport(folder.path, { captureId: "okx", venue: "okx-swap", format: "tardis-csv", files: [okx] })).folder));
    expect(one[1]!.stream.streamId).toBe("okx-swap:BTCUSDT:trades.tardis");
    expect(events(one[1]!)).toMatchObject([{ qty: dec("0.03"), sequenceId: undefined }]);
    const unknown = await folder.write("okex-swap_trades_2023-11-14_NEW-USDT-SWAP.csv", `${HEADER}\nokex-swap,NEW-USDT-SWAP,${us(START_MS)},${us(START_MS)},1,buy,100,3\n`);
    const two = rows(await readAll((await runImport(folder.path, { captureId: "new", venue: "okx-swap", format: "tardis-csv", files: [unknown] })).folder));
    expect(decoded(two[1]!)).toMatchObject({ kind: "refused", code: "bad-number", detail: expect.stringContaining("not known") as string });
    const bybit = await folder.write("bybit_trades_2023-11-14_BTCUSDT.csv", `${HEADER}\nbybit,BTCUSDT,${us(START_MS)},${us(START_MS)},a-b-c,sell,100,3\n`);
    const three = rows(await readAll((await runImport(folder.path, { captureId: "bybit", venue: "bybit-linear", format: "tardis-csv", files: [bybit] })).folder));
    expect(events(three[1]!)).toMatchObject([{ tradeId: "a-b-c", sequenceId: undefined, firstTradeId: undefined, qty: dec("3") }]);
  });

  test("quotes, book_ticker and derivative_ticker; what a row leaves out is not made up", async () => {
    await using folder = await testFolder();
    const quotesHeader = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount";
    const at = (ms: number): string => `${us(START_MS + ms)},${us(START_MS + ms)}`;
    const files = [
      await folder.write("binance-futures_quotes_2023-11-14_BTCUSDT.csv", `${quotesHeader}\nbinance-futures,BTCUSDT,${at(1)},1,101,100,2\nbinance-futures,BTCUSDT,${at(4)},,,100,2\n`),
      await folder.write("binance-futures_book_ticker_2023-11-14_BTCUSDT.csv", `${quotesHeader}\nbinance-futures,BTCUSDT,${at(2)},3,101,100,4\n`),
      await folder.write(
        "binance-futures_derivative_ticker_2023-11-14_BTCUSDT.csv",
        `exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,open_interest,last_price,index_price,mark_price\n` +
          `binance-futures,BTCUSDT,${at(3)},${us(START_MS + 60_000)},-0.0001,,500.5,100,99.5,99.9\nbinance-futures,BTCUSDT,${at(5)},,,,,,,\n`,
      ),
    ];
    const records = rows(await readAll((await runImport(folder.path, { format: "tardis-csv", files })).folder));
    expect(records.filter((_, index) => ![0, 2, 4].includes(index)).map((record) => [record.stream.channel, decoded(record)])).toEqual([
      ["quotes.tardis", { kind: "events", events: [expect.objectContaining({ kind: "bbo", askQty: dec("1"), askPrice: dec("101"), bidPrice: dec("100"), bidQty: dec("2") })] }],
      ["book_ticker.tardis", { kind: "events", events: [expect.objectContaining({ kind: "bbo", askQty: dec("3") })] }],
      ["derivative_ticker.tardis", { kind: "events", events: [
        expect.objectContaining({ kind: "mark_price", markPrice: dec("99.9"), indexPrice: dec("99.5") }),
        expect.objectContaining({ kind: "funding", fundingRate: dec("-0.0001"), nextFundingMs: START_MS + 60_000 }),
        expect.objectContaining({ kind: "open_interest", openInterest: dec("500.5") }),
      ] }],
      ["quotes.tardis", { kind: "ignored", why: "state-only" }],
      ["derivative_ticker.tardis", { kind: "ignored", why: "state-only" }],
    ]);
  });

  const row = `binance-futures,BTCUSDT,${us(START_MS)},${us(START_MS)},1,buy,1,1`;
  test.each([
    ["no header", row, "import.wrong-format", /line 1.*header/],
    ["a data set that is not read", "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n", "import.wrong-format", /derivative_ticker/],
    ["an exchange that is not known", `${HEADER}\nderibit,BTC-PERPETUAL,${us(START_MS)},${us(START_MS)},1,buy,1,1\n`, "import.wrong-format", /line 2.*deribit.*binance-futures/],
    ["another venue's rows", `${HEADER}\n${row}\nbinance,BTCUSDT,${us(START_MS)},${us(START_MS)},1,buy,1,1\n`, "import.wrong-venue", /line 3.*binance-spot.*binance-usdm/],
    ["ms times that are cut", `${HEADER}\nbinance-futures,BTCUSDT,170000,${us(START_MS)},1,buy,1,1\n`, "import.wrong-format", /line 2.*timestamp/],
    ["a missing cell", `${HEADER}\nbinance-futures,BTCUSDT,${us(START_MS)},${us(START_MS)},1,buy,1\n`, "import.wrong-format", /line 2.*7 columns/],
  ])("refused, with nothing left behind: %s", async (_name, content, code, says) => {
    await using folder = await testFolder();
    const file = await folder.write("binance-futures_trades_2023-11-14_BTCUSDT.csv", content);
    const failure = await failureOf(folder.path, { format: "tardis-csv", files: [file] });
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(says);
    expect(await readdir(join(folder.path, "captures")).catch(() => [])).toEqual([]);
  });
});

const DATA = new URL("../../../../shared/data/binance_usdm/", import.meta.url);
test.skipIf(!existsSync(DATA))("candles of an archive made of a real capture's trades equal the exchange's (skipped without ../shared/data)", async () => {
  await using folder = await testFolder();
  const lines = gunzipSync(readFileSync(new URL("ws_BTCUSDT_20240808T2354.txt.gz", DATA))).toString("utf8").split("\n");
  const trades = lines.filter((line) => line.includes("@trade\"")).map((line) => (JSON.parse(line.slice(line.indexOf(" ") + 1)) as { data: { t: number; p: string; q: string; T: number; m: boolean } }).data);
  const content = trades.map(({ t, p, q, T, m }) => `${t},${p},${q},${formatDecimal(multiply(dec(p), dec(q)))},${T},${m}\n`).join("");
  const file = await folder.write("BTCUSDT-trades-2024-08-08.zip", zipOf("BTCUSDT-trades-2024-08-08.csv", `${TRADES_HEADER}\n${content}`));
  const outcome = await importFiles({
    capturesFolder: join(folder.path, "captures"), captureId: "real", venue: "binance-usdm", format: "binance-csv", fold: undefined, files: [file], version: "test",
    clock: { wallNs: () => { throw new Error("an import may not ask for the time"); } },
  });
  expect(outcome).toMatchObject({ gaps: 0, quarantined: 0, unhandled: 0 });
  const reader = await openReader({ disk: new NodeDisk(), folder: outcome.folder });
  const derived = await openDerived({ disk: new NodeDisk(), captureFolder: outcome.folder, reader, decoders: decoderLookup, sha256, writable: false, onNote: () => undefined });
  const bars = new Map<number, readonly string[]>();
  for (const bar of await readBars(derived, { venue: "binance-usdm", symbol: "BTCUSDT", interval: "1m" }, "latest", {})) {
    const { values } = bar;
    bars.set(bar.key.openMs, [values.open, values.high, values.low, values.close, values.volume, values.quoteVolume, values.takerBuyVolume, values.takerBuyQuoteVolume].map(formatDecimal));
  }
  await derived.close();
  await reader.close();
  const klines = readFileSync(new URL("klines1m_BTCUSDT_20240808T2350_20240809T0001.csv", DATA), "utf8").trim().split("\n").map((line) => line.split(","));
  for (const minute of ["23:55", "23:56", "23:57", "23:58", "23:59"]) {
    const openMs = Date.parse(`2024-08-08T${minute}:00Z`);
    const kline = klines.find((one) => Number(one[0]) === openMs)!;
    const plain = (value: string): string => value.replace(/\.?0+$/, "");
    expect(bars.get(openMs)!.map(plain)).toEqual([1, 2, 3, 4, 5, 7, 9, 10].map((column) => plain(kline[column]!)));
  }
});
