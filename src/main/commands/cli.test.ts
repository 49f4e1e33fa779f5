import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { runCli } from "../cli.ts";
import { CliOutput } from "../cli-output.ts";
import { START_MS, hftLine, hftTrades, testFolder, tradeMessage, type TestFolder } from "../importers/import.testkit.ts";
import { acquireLock } from "../rawlog/lock.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { LOCK_FILE } from "../rawlog/segment-format.ts";
import { runForTest } from "./cli.testkit.ts";
import { defaultDataFolder } from "./context.ts";

type Row = Readonly<Record<string, unknown>>;
function rows(out: string): readonly Row[] {
  return out.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Row);
}

function cli(folder: TestFolder, ...argv: readonly string[]): Promise<{ readonly code: number; readonly out: string; readonly log: string }> {
  return runForTest([...argv, "--data", folder.path]);
}

/** 80 trades over 20 s with ids 31 … 35 missing, one quote, one message that is not JSON. */
async function withCapture(): Promise<TestFolder> {
  const folder = await testFolder();
  const quote = `{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":7,"s":"BTCUSDT","b":"99.0","B":"1","a":"101.0","A":"2","T":${START_MS + 100},"E":${START_MS + 101}}}`;
  const head = hftLine(BigInt(START_MS + 120) * 1_000_000n, quote) + hftLine(BigInt(START_MS + 121) * 1_000_000n, "\u00ff not json");
  const file = await folder.write("a.txt", head + hftTrades(30) + hftTrades(45, 36));
  const done = await cli(folder, "import", "--capture", "one", "--venue", "binance", "--format", "hft", "--json", file);
  expect(done.log).toBe("");
  expect(rows(done.out)).toMatchObject([{ capture_id: "one", messages: 77, durable_messages: 77, quarantined: 1, unhandled: 0, gaps: 1 }]);
  return folder;
}

describe("shapes", () => {
  test("captures", async () => {
    await using folder = await withCapture();
    expect(rows((await cli(folder, "captures", "--json")).out)).toMatchObject([
      { capture_id: "one", venues: ["binance-usdm"], symbols: ["BTCUSDT"], from_ts_ms: START_MS + 120, to_ts_ms: START_MS + 20_020, events: 77, state: "complete" },
    ]);
  });

  test("dump: the ten fields, then seq, recv_ns and connection", async () => {
    await using folder = await withCapture();
    const dumped = rows((await cli(folder, "dump", "--capture", "one", "--stream", "binance-usdm:BTCUSDT:trade", "--limit", "2", "--json")).out);
    const first = tradeMessage({ id: 1, ms: START_MS + 250, price: "101.10" });
    expect(dumped).toHaveLength(2);
    expect(Object.keys(dumped[0] ?? {})).toEqual([
      "stream_id", "ingest_seq", "event_ts_exchange_ms", "event_ts_ingest_ms", "symbol", "channel", "payload_raw", "payload_sha256", "source", "schema_version",
      "seq", "recv_ns", "connection",
    ]);
    expect(dumped[0]).toMatchObject({
      stream_id: "binance-usdm:BTCUSDT:trade", ingest_seq: 1, event_ts_exchange_ms: START_MS + 250, event_ts_ingest_ms: START_MS + 270, symbol: "BTCUSDT",
      channel: "trade", payload_raw: first, source: "ws", schema_version: 1, recv_ns: `${START_MS + 270}000000`, connection: "import.1",
    });
    const control = rows((await cli(folder, "dump", "--capture", "one", "--limit", "1", "--json")).out);
    expect(control).toMatchObject([{ stream_id: "tapedeck:_:control", event_ts_exchange_ms: null, seq: 1 }]);
  });

  test("dump: a range of receive time, half-open", async () => {
    await using folder = await withCapture();
    const [from, until] = [START_MS + 20 + 250 * 10, START_MS + 20 + 250 * 13];
    const dumped = rows((await cli(folder, "dump", "--capture", "one", "--from", String(from), "--until", `${until}000000`, "--json")).out);
    expect(dumped.map((row) => row["event_ts_ingest_ms"])).toEqual([from, from + 250, from + 500]);
  });

  test("candles: exact decimals, provenance, grade, and the table for people", async () => {
    await using folder = await withCapture();
    const bars = rows((await cli(folder, "candles", "--capture", "one", "--venue", "binance", "--symbol", "btcusdt", "--interval", "5s", "--json")).out);
    expect(bars[0]).toMatchObject({ venue: "binance-usdm", symbol: "BTCUSDT", interval: "5s", open_ts_ms: START_MS, open: "101.10", volume: "0.190", trade_count: 19, state: "sealed", revision: 1 });
    expect(bars[0]?.["provenance"]).toMatchObject([{ stream_id: "binance-usdm:BTCUSDT:trade", from_seq: 1, to_seq: 19 }]);
    expect(bars.map((bar) => bar["grade"])).toContain("partial");
    const table = (await cli(folder, "candles", "--capture", "one", "--interval", "5s")).out.split("\n");
    expect(table[0]).toMatch(/^open time \(UTC\) +open +high/);
    expect(table[1]).toContain("2023-11-14T22:14:00.000Z  101.10");
  });

  test("gaps, and the refusal of what is not gap-free", async () => {
    await using folder = await withCapture();
    expect(rows((await cli(folder, "gaps", "--capture", "one", "--json")).out)).toMatchObject([
      { stream_id: "binance-usdm:BTCUSDT:trade", from_ts_ms: START_MS + 7_500, to_ts_ms: START_MS + 9_000, from_id: 31, to_id: 35, cause: "id_hole", missing: 5 },
    ]);
    const refused = await cli(folder, "candles", "--capture", "one", "--interval", "5s", "--from", String(START_MS + 5_000), "--until", String(START_MS + 10_000), "--require-gap-free", "--json");
    expect(refused.code).toBe(1);
    expect(rows(refused.out)).toMatchObject([{ refused: "candles.not-gap-free", intervals: [{ open_ts_ms: START_MS + 5_000, until_ts_ms: START_MS + 10_000 }] }]);
    const beyond = await cli(folder, "candles", "--capture", "one", "--interval", "5s", "--from", String(START_MS + 60_000), "--until", String(START_MS + 70_000), "--require-gap-free");
    expect(beyond).toMatchObject({ code: 1, out: "" });
    expect(beyond.log).toContain("2023-11-14T22:15:00.000Z…2023-11-14T22:15:10.000Z missing");
  });

  test("verify and its certificate", async () => {
    await using folder = await withCapture();
    const certificate = join(folder.path, "c.json");
    const verified = await cli(folder, "verify", "--json", "--write-certificate", certificate);
    expect(verified.code).toBe(0);
    expect(rows(verified.out)).toMatchObject([{ result: "MATCH", segments: 1, events: 80 }]);
    expect((await cli(folder, "verify", "--capture", "one", "--certificate", certificate)).code).toBe(0);
    expect(await cli(folder, "verify", "--certificate", join(folder.path, "a.txt"))).toMatchObject({ code: 2, log: expect.stringContaining("no certificate") as string });
  });

  test("candles of a capture that another process holds are derived in memory, and it says so", async () => {
    await using folder = await withCapture();
    const capture = join(folder.path, "captures/one");
    const disk = new NodeDisk();
    const expected = (await cli(folder, "candles", "--capture", "one", "--interval", "1s", "--json")).out;
    for (const name of await readdir(join(capture, "candles"))) if (name !== "objects") await disk.remove(join(capture, "candles", name));
    const lock = await acquireLock({ disk, path: join(capture, LOCK_FILE), what: capture });
    try {
      const read = await cli(folder, "candles", "--capture", "one", "--interval", "1s", "--json");
      expect(read.out).toBe(expected);
      expect(read.log).toContain("in memory");
      expect(await readdir(join(capture, "candles"))).toEqual(["objects"]);
    } finally {
      await lock.release();
    }
    const completed = await cli(folder, "candles", "--capture", "one", "--interval", "1s", "--json");
    expect(completed.out).toBe(expected);
    expect(completed.log).toContain("deriving the rest now");
    expect((await cli(folder, "candles", "--capture", "one", "--interval", "1s")).log).toBe("");
  });
});

describe("bad usage: one clear line, exit 2", () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["candles", "--capture", "two", "--interval", "1m"], /no capture two in .*there is one/],
    [["candles", "--capture", "one", "--interval", "1m", "--symbol", "DOGEUSDT"], /has no DOGEUSDT; it has binance-usdm:BTCUSDT/],
    [["candles", "--capture", "one", "--interval", "7m"], /--interval 7m.*1s, 5s/],
    [["candles", "--capture", "one", "--interval", "1m", "--revision", "0"], /--revision 0/],
    [["candles", "--capture", "one", "--interval", "1m", "--as-of", "yesterday"], /--as-of yesterday/],
    [["candles", "--capture", "../one", "--interval", "1m"], /--capture/],
    [["candles", "--capture", "one"], /required option '--interval/],
    [["dump", "--capture", "one", "--stream", "x"], /has no such stream; it has binance-usdm:BTCUSDT:bookTicker/],
    [["dump", "--capture", "one", "--limit", "many"], /--limit many/],
    [["dump", "--capture", "one", "--until", "2024-13-01"], /--until 2024-13-01/],
    [["gaps"], /--capture/],
    [["gaps", "--capture", "one", "extra"], /too many arguments/],
    [["frobnicate"], /unknown command/],
    [["verify", "--frobnicate"], /unknown option/],
    [["verify", "--certificate", "/nowhere"], /\/nowhere/],
    [["import", "--capture", "new", "--venue", "nyse", "--format", "hft", "x"], /--venue nyse/],
    [["import", "--capture", "new", "--venue", "binance", "--format", "xml", "x"], /--format xml.*hft, cryptofeed, jsonl/],
    [["import", "--capture", "new", "--venue", "binance", "--format", "hft", "--fold", "kline", "x"], /--fold kline/],
    [["import", "--capture", "new", "--venue", "kraken-spot", "--format", "hft", "/nowhere.gz"], /\/nowhere\.gz does not exist/],
    [["import", "--capture", "new", "--venue", "binance", "--format", "hft", "/nowhere.gz"], /\/nowhere\.gz does not exist/],
    [["import", "--capture", "one", "--venue", "binance", "--format", "hft", "/nowhere.gz"], /capture one exists already/],
    [["import", "--capture", "new", "--venue", "binance", "--format", "hft"], /missing required argument 'files'/],
  ];
  test("every case", async () => {
    await using folder = await withCapture();
    for (const [argv, says] of cases) {
      const withData = argv[0] === "frobnicate" ? argv : [...argv, "--data", folder.path];
      const { code, out, log } = await runForTest(withData);
      expect([argv.join(" "), code, out]).toEqual([argv.join(" "), 2, ""]);
      expect(log).toMatch(says);
      expect(log.trimEnd().split("\n"), log).toHaveLength(1);
    }
    expect(await readdir(join(folder.path, "captures"))).toEqual(["one"]);
  });

  test("an empty data folder is no error for captures, and none for nothing to verify is", async () => {
    await using folder = await testFolder();
    expect(await cli(folder, "captures", "--json")).toEqual({ code: 0, out: "", log: "" });
    expect(await cli(folder, "verify")).toMatchObject({ code: 2, log: expect.stringContaining("no capture") as string });
  });
});

test("a closed pipe ends quietly", async () => {
  await using folder = await withCapture();
  const out = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    },
  });
  let log = "";
  const code = await runCli(["dump", "--capture", "one", "--json", "--data", folder.path], {
    out, log: new Writable({ write(chunk: Buffer, _encoding, done) { log += chunk.toString(); done(); } }),
  });
  expect([code, log]).toEqual([0, ""]);
  expect(new CliOutput(out, new Writable()).closed).toBe(false);
});

test("doctor says what it found", async () => {
  await using folder = await testFolder();
  const { out } = await cli(folder, "doctor", "--json");
  const [report] = rows(out) as readonly { checks: readonly { name: string; ok: boolean; detail: string }[] }[];
  expect(report?.checks.map(({ name }) => name)).toEqual(["version", "shell", "disk", "captures", "clock", "self-test"]);
  expect(report?.checks.at(-1)).toMatchObject({ ok: true, detail: expect.stringContaining("MATCH") as string });
});

test("the data folder: the environment's word, else the platform's place", () => {
  expect(defaultDataFolder({ TAPEDECK_DATA: "/x" })).toBe("/x");
  expect(defaultDataFolder({ XDG_DATA_HOME: "/y" }, "linux")).toBe("/y/tapedeck");
  expect(defaultDataFolder({}, "linux")).toMatch(/\.local\/share\/tapedeck$/);
});
