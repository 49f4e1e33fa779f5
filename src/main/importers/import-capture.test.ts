import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { FaultError } from "../../shared/base.ts";
import { decodeControl, type ControlRecord } from "../../shared/control.ts";
import { leafOf, toHex } from "../../shared/leaf.ts";
import type { RawRecord } from "../../shared/raw.ts";
import { sha256 } from "../rawlog/sha256.ts";
import type { ImportOptions } from "./import-capture.ts";
import { START_MS, hftLine, hftTrades, readAll, runImport, testFolder, tradeMessage } from "./import.testkit.ts";
import { nsFromSecondsText } from "./seconds-text.ts";

const text = (record: RawRecord): string => Buffer.from(record.payload).toString("utf8");

function control(record: RawRecord): ControlRecord {
  const decoded = decodeControl(record.payload);
  if (!decoded.ok) throw new Error(decoded.fault.message);
  return decoded.value;
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

describe("hft", () => {
  test("keeps bytes and receive times, ns and µs, and frames them with control records", async () => {
    await using folder = await testFolder();
    const first = tradeMessage({ id: 7, ms: START_MS, price: "100.10" });
    const odd = `${first.slice(0, -1)} }`;
    const file = await folder.write("a.txt", `1700000040005000123 ${first}\n1700000040006001 ${odd}\n`);
    const report = await runImport(folder.path, { files: [file] });
    const records = await readAll(report.folder);
    expect(records.map((record) => record.stream.channel)).toEqual(["control", "control", "trade", "trade", "control"]);
    expect(records.map((record) => record.recvNs)).toEqual([
      1700000040005000123n, 1700000040005000123n, 1700000040005000123n, 1700000040006001000n, 1700000040006001000n,
    ]);
    expect([text(records[2]!), text(records[3]!)]).toEqual([first, odd]);
    expect(records.filter((_, index) => index !== 2 && index !== 3).map((record) => control(record).kind)).toEqual(["config", "connect", "end_of_input"]);
    expect(control(records[0]!)).toMatchObject({
      kind: "config",
      config: { folds: { "binance-usdm:BTCUSDT": "trade" }, symbols: [{ venue: "binance-usdm", symbol: "BTCUSDT", channels: ["trade"] }], input: { format: "hft", files: [{ name: "a.txt" }] } },
    });
    expect(control(records[1]!)).toMatchObject({ kind: "connect", connection: "import.1", url: "import:a.txt", streams: ["binance-usdm:BTCUSDT:trade"] });
  });

  test("reads files in the order given, gzip or plain, with and without a last line end", async () => {
    await using folder = await testFolder();
    const one = await folder.write("one.txt.gz", hftTrades(3, 1));
    const two = await folder.write("two.txt", hftTrades(2, 4).trimEnd());
    const report = await runImport(folder.path, { files: [one, two] });
    const records = await readAll(report.folder);
    expect(records.filter((record) => record.stream.channel === "trade").map((record) => [record.connection, /"t":(\d+)/.exec(text(record))?.[1]])).toEqual([
      ["import.1", "1"], ["import.1", "2"], ["import.1", "3"], ["import.2", "4"], ["import.2", "5"],
    ]);
  });

  test("keeps receive times that run backwards, and counts them", async () => {
    await using folder = await testFolder();
    const line = (ns: bigint, id: number): string => hftLine(ns, tradeMessage({ id, ms: START_MS, price: "1.0" }));
    const file = await folder.write("a.txt", line(1700000040005000000n, 1) + line(1700000040004000000n, 2) + line(1700000040006000000n, 3));
    const report = await runImport(folder.path, { files: [file] });
    expect(report.stepsBack).toBe(1);
    const records = await readAll(report.folder);
    expect(records.filter((record) => record.stream.channel === "trade").map((record) => record.recvNs)).toEqual([1700000040005000000n, 1700000040004000000n, 1700000040006000000n]);
  });

  test("stores what no rule can route, as it is", async () => {
    await using folder = await testFolder();
    const snapshot = '{"lastUpdateId":5,"bids":[],"asks":[]}';
    const file = await folder.write("a.txt", hftTrades(1) + hftLine(1700000041005000000n, snapshot) + hftLine(1700000041005000001n, "junk"));
    const records = await readAll((await runImport(folder.path, { files: [file] })).folder);
    expect(records.filter((record) => record.stream.streamId === "binance-usdm:_:unclassified").map(text)).toEqual([snapshot, "junk"]);
  });
});

describe("cryptofeed", () => {
  const header = '{"t":"header","format":2,"exchange":"BINANCE_FUTURES"}';
  const recv = (ts: string, message: string): string => `{"t":"recv","conn":"B.ws.1","ts":${ts},"data":${JSON.stringify(message)}}`;

  test("keeps the inner bytes, the digits of the time, and knows REST answers by their address", async () => {
    await using folder = await testFolder();
    const message = tradeMessage({ id: 1, ms: START_MS, price: "1.5" }).replace('"X":"MARKET"', '"X":"MARKET","n":"é\\u00e9"');
    const interest = `{"symbol":"BTCUSDT","openInterest":"10.0","time":${START_MS}}`;
    const lines = [
      header,
      `{"t":"http","conn":"B.http.0","ts":1700000039.5,"url":"https://fapi.binance.com/fapi/v1/openInterest?symbol=BTCUSDT","data":${JSON.stringify(interest)}}`,
      '{"t":"connect","conn":"B.ws.1","ts":1700000040.1,"addr":"wss://example.invalid/stream"}',
      '{"t":"send","conn":"B.ws.1","ts":1700000040.11,"data":"{}"}',
      recv("1700000040.1234567", message),
    ];
    const file = await folder.write("c.jsonl.gz", lines.join("\n"));
    const records = await readAll((await runImport(folder.path, { format: "cryptofeed", files: [file] })).folder);
    expect(records.map((record) => [record.stream.channel, record.source, record.recvNs])).toEqual([
      ["control", "control", 1700000039500000000n],
      ["openInterest", "rest_poll", 1700000039500000000n],
      ["control", "control", 1700000040100000000n],
      ["trade", "ws", 1700000040123456700n],
      ["control", "control", 1700000040123456700n],
    ]);
    expect(records[1]?.eventNs).toBe(BigInt(START_MS) * 1_000_000n);
    expect(text(records[3]!)).toBe(message);
    expect(control(records[2]!)).toMatchObject({ kind: "connect", connection: "B.ws.1", url: "wss://example.invalid/stream" });
  });

  test("converts decimal seconds without a float", () => {
    expect(nsFromSecondsText("1626992741.06217")).toBe(1626992741062170000n);
    expect(nsFromSecondsText("1626992741.3105128")).toBe(1626992741310512800n);
    expect(nsFromSecondsText("1626992741")).toBe(1626992741000000000n);
    expect(nsFromSecondsText("1.626992741062170123456e9")).toBe(1626992741062170123n);
    expect(nsFromSecondsText("-1")).toBeUndefined();
  });
});

test("cryptofeed: spot and futures of one symbol in one file stay apart, by the addresses of their sockets", async () => {
  await using folder = await testFolder();
  const trade = (id: string, price: string): string =>
    `{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":${START_MS},"data":[{"T":${START_MS},"s":"BTCUSDT","S":"Buy","v":"1","p":"${price}","i":"${id}","BT":false}]}`;
  const line = (conn: string, message: string): string => `{"t":"recv","conn":"${conn}","ts":1700000041,"data":${JSON.stringify(message)}}`;
  const file = await folder.write("both.jsonl", [
    '{"t":"header","format":2}',
    '{"t":"connect","conn":"B.ws.1","ts":1700000040,"addr":"wss://stream.bybit.com/v5/public/linear"}',
    '{"t":"connect","conn":"B.ws.2","ts":1700000040,"addr":"wss://stream.bybit.com/v5/public/spot"}',
    line("B.ws.1", trade("a", "100.5")), line("B.ws.2", trade("1", "101.5")), line("B.ws.2", '{"success":true,"ret_msg":"subscribe","op":"subscribe"}'),
  ].join("\n"));
  const report = await runImport(folder.path, { venue: "bybit-linear", format: "cryptofeed", files: [file] });
  expect(report.folds).toEqual({ "bybit-linear:BTCUSDT": "publicTrade", "bybit-spot:BTCUSDT": "publicTrade" });
  const records = await readAll(report.folder);
  expect(records.filter(({ source }) => source === "ws").map(({ stream }) => stream.streamId)).toEqual(["bybit-linear:BTCUSDT:publicTrade", "bybit-spot:BTCUSDT:publicTrade", "bybit-spot:_:unclassified"]);
  const connects = records.filter(({ source }) => source === "control").map(control).filter(({ kind }) => kind === "connect");
  expect(connects).toMatchObject([{ venue: "bybit-linear", connection: "B.ws.1" }, { venue: "bybit-spot", connection: "B.ws.2" }]);
  // A file that holds nothing of the venue that was named is a mistake, also when another venue is recognised.
  expect(await failureOf(folder.path, { venue: "binance-usdm", captureId: "wrong", format: "cryptofeed", files: [file] })).toMatchObject({ code: "import.wrong-venue" });
});

test("cryptofeed: where spot and swaps come by one socket, the instrument in each message keeps them apart", async () => {
  await using folder = await testFolder();
  const push = (channel: string, instId: string, id: number): string =>
    `{"arg":{"channel":"${channel}","instId":"${instId}"},"data":[{"instId":"${instId}","tradeId":"${id}","px":"100.5","sz":"2","side":"buy","count":"1","ts":"${START_MS}"}]}`;
  const line = (message: string): string => `{"t":"recv","conn":"O.ws.1","ts":1700000041,"data":${JSON.stringify(message)}}`;
  const content = [
    '{"t":"header","format":2}', '{"t":"connect","conn":"O.ws.1","ts":1700000040,"addr":"wss://ws.okx.com:8443/ws/v5/public"}',
    line('{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT"}}'),
    line(push("trades", "BTC-USDT", 1)), line(push("trades", "BTC-USDT-SWAP", 1)), line(push("tickers", "BTC-USDT-SWAP", 1)), line(push("trades", "BTC-USD-220527", 1)),
  ].join("\n");
  const file = await folder.write("both.jsonl", content);
  for (const venue of ["okx-swap", "okx-spot"] as const) {
    const report = await runImport(folder.path, { venue, captureId: venue, format: "cryptofeed", files: [file] });
    expect(report.folds).toEqual({ "okx-spot:BTCUSDT": "trades", "okx-swap:BTCUSDT": "trades" });
    const records = await readAll(report.folder);
    expect(records.filter(({ source }) => source === "ws").map(({ stream }) => stream.streamId)).toEqual([
      `${venue}:_:unclassified`, "okx-spot:BTCUSDT:trades", "okx-swap:BTCUSDT:trades", "okx-swap:BTCUSDT:tickers", `${venue}:_:unclassified`,
    ]);
  }
});

test("jsonl: receive time = event time, and the log says so", async () => {
  await using folder = await testFolder();
  const withoutTime = '{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"1.0","B":"1","a":"1.1","A":"1"}}';
  const file = await folder.write("d.jsonl", `${withoutTime}\n${tradeMessage({ id: 1, ms: START_MS, price: "1" })}\n${withoutTime}\n`);
  const records = await readAll((await runImport(folder.path, { format: "jsonl", files: [file] })).folder);
  expect(new Set(records.map((record) => record.recvNs))).toEqual(new Set([BigInt(START_MS) * 1_000_000n]));
  expect(control(records[0]!)).toMatchObject({ config: { input: { format: expect.stringContaining("receive time = event time") as string } } });
});

test("the same files give the same leaves, under any name", async () => {
  await using folder = await testFolder();
  const file = await folder.write("a.txt.gz", hftTrades(3_000));
  const leaves = async (captureId: string): Promise<string[]> =>
    (await readAll((await runImport(folder.path, { captureId, files: [file] })).folder)).map((record) => toHex(leafOf(record, sha256)));
  expect(await leaves("one")).toEqual(await leaves("two"));
});

describe("refusals name file and line, and leave nothing behind", () => {
  const good = hftTrades(2);
  const cases: readonly (readonly [string, { content: string | Uint8Array; name?: string; options?: Partial<ImportOptions>; code: string; says: RegExp }])[] = [
    ["another format", { content: '{"a":1}\n', code: "import.wrong-format", says: /line 1/ }],
    ["a bad line later", { content: `${good}oops\n`, code: "import.wrong-format", says: /line 3/ }],
    ["a blank line between", { content: `${good}\n${good}`, code: "import.wrong-format", says: /line 3/ }],
    ["an empty file", { content: "", code: "import.empty", says: /empty/ }],
    ["an empty gzip file", { content: "", name: "f.gz", code: "import.empty", says: /empty/ }],
    ["a receive time that the log cannot hold", { content: `${good}${good.replace("1700000040", "9700000040")}`, code: "import.bad-time", says: /line 3.*2262/ }],
    ["binary junk", { content: Uint8Array.from({ length: 4_096 }, (_, index) => (index * 31) % 256), code: "import.wrong-format", says: /line 1/ }],
    ["gzip cut short", { content: gzipSync(hftTrades(4_000)).subarray(0, -2_000), code: "import.truncated", says: /line \d+.*cut off/ }],
    ["damaged gzip", { content: flipped(gzipSync(hftTrades(4_000))), code: "import.bad-gzip", says: /line \d+/ }],
    ["another venue's messages", { content: hftLine(1700000040005000000n, '{"topic":"publicTrade.BTCUSDT"}'), code: "import.wrong-venue", says: /binance-usdm/ }],
    ["a fold that is not there", { content: good, options: { fold: "aggTrade" }, code: "import.no-fold", says: /trade/ }],
    ["no times at all", { content: '{"a":1}\n', options: { format: "jsonl" }, code: "import.no-times", says: /time/ }],
    ["jsonl without header as cryptofeed", { content: '{"a":1}\n', options: { format: "cryptofeed" }, code: "import.wrong-format", says: /line 1.*header/ }],
  ];

  function flipped(bytes: Buffer): Buffer {
    const copy = Buffer.from(bytes);
    copy[copy.length - 6]! ^= 0xff; // within the checksum: the text itself reads well
    return copy;
  }

  test.each(cases)("%s", async (_name, { content, name = "f.txt", options = {}, code, says }) => {
    await using folder = await testFolder();
    const file = await folder.write(name, content);
    const failure = await failureOf(folder.path, { files: [file], ...options });
    expect(failure.code).toBe(code);
    expect(failure.message).toContain(name);
    expect(failure.message).toMatch(says);
    expect(failure.message).not.toContain("\n");
    expect(await readdir(join(folder.path, "captures")).catch(() => [])).toEqual([]);
  });

  test("an absent file", async () => {
    await using folder = await testFolder();
    expect(await failureOf(folder.path, { files: [join(folder.path, "nowhere.gz")] })).toMatchObject({ code: "import.no-file" });
  });

  test("a capture that exists stays as it is", async () => {
    await using folder = await testFolder();
    const file = await folder.write("a.txt", good);
    const { folder: capture } = await runImport(folder.path, { files: [file] });
    const before = (await readAll(capture)).length;
    expect(await failureOf(folder.path, { files: [file] })).toMatchObject({ code: "import.exists" });
    expect((await readAll(capture)).length).toBe(before);
  });

  test("stopping, or a failure while candles are derived", async () => {
    await using folder = await testFolder();
    const file = await folder.write("a.txt", good);
    const stop = new AbortController();
    stop.abort();
    expect(await failureOf(folder.path, { files: [file], stop: stop.signal })).toMatchObject({ code: "import.stopped" });
    await expect(runImport(folder.path, { files: [file], complete: () => Promise.reject(new Error("no candles")) })).rejects.toThrow("no candles");
    expect(await readdir(join(folder.path, "captures"))).toEqual([]);
  });
});

describe("cryptofeed, text lines", () => {
  const MATCH = '{"type":"match","trade_id":7,"side":"sell","size":"0.5","price":"100.10","product_id":"BTC-USD","sequence":3,"time":"2023-11-14T22:14:01.250000Z"}';
  const TEXT = `wss://ws-feed.example <-> 1700000040.5\nwss://ws-feed.example <- 1700000040.75: {"type":"subscribe"}\n1700000041.2514: ${MATCH}\n\n`;

  test("messages keep their bytes and times; connections are told, what was sent is not kept", async () => {
    await using folder = await testFolder();
    const file = await folder.write("coinbase.txt", TEXT);
    const records = await readAll((await runImport(folder.path, { format: "cryptofeed", venue: "coinbase-spot", files: [file] })).folder);
    const [message] = records.filter(({ source }) => source === "ws");
    expect(message?.stream.streamId).toBe("coinbase-spot:BTC-USD:match");
    expect(message?.recvNs).toBe(1_700_000_041_251_400_000n);
    expect(message?.eventNs).toBe(1_700_000_041_250_000_000n);
    expect(Buffer.from(message?.payload ?? []).toString("utf8")).toBe(MATCH);
    expect(records.filter(({ source }) => source === "ws")).toHaveLength(1);
    expect(records.some(({ payload }) => Buffer.from(payload).toString("utf8").includes("wss://ws-feed.example"))).toBe(true);
  });

  test("a line of another kind is refused with its number", async () => {
    await using folder = await testFolder();
    const file = await folder.write("coinbase.txt", `${TEXT}nonsense\n`);
    await expect(runImport(folder.path, { format: "cryptofeed", venue: "coinbase-spot", files: [file] })).rejects.toThrow(/coinbase\.txt line 5: not the format cryptofeed/);
  });
});

test("recorded HTTP exchanges: the body is the message, received when it was recorded", async () => {
  await using folder = await testFolder();
  const line = JSON.stringify({ url: "https://fapi.example/fapi/v1/openInterest?symbol=BTCUSDT", status: 200, recorded_at: "Wed, 18 Dec 2019 08:59:34 GMT", headers: {}, body: '{"symbol":"BTCUSDT","openInterest":"14367.3"}' });
  const file = await folder.write("rest.jsonl", `${line}\n`);
  const records = await readAll((await runImport(folder.path, { format: "jsonl", files: [file] })).folder);
  const [message] = records.filter(({ source }) => source === "rest_poll");
  expect(message?.stream.streamId).toBe("binance-usdm:BTCUSDT:openInterest");
  expect(message?.recvNs).toBe(BigInt(Date.parse("2019-12-18T08:59:34Z")) * 1_000_000n);
  expect(Buffer.from(message?.payload ?? []).toString("utf8")).toBe('{"symbol":"BTCUSDT","openInterest":"14367.3"}');
});

test("answers of REST without address or receive time: the first time that they name stands in, and nothing is guessed where there is none", async () => {
  await using folder = await testFolder();
  const body = '{"code":"0","msg":"","data":[{"asks":[["29701.7","2","0","1"]],"ts":"1654329607417"}]}';
  const file = await folder.write("okx.jsonl", `${body}\n`);
  const records = await readAll((await runImport(folder.path, { format: "jsonl", venue: "okx-swap", files: [file] })).folder);
  expect(records.find(({ source }) => source === "rest_poll")?.recvNs).toBe(1_654_329_607_417_000_000n);
  const timeless = await folder.write("timeless.jsonl", '{"code":"0","data":[]}\n');
  await expect(runImport(folder.path, { captureId: "b", format: "jsonl", venue: "okx-swap", files: [timeless] })).rejects.toThrow(/nothing tells when they were received/);
});
