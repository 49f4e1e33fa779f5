// The acceptance of issue 2 on real captures: candles against the exchange's own, the same digests anywhere, and proof
// that notices one flipped byte. Everything goes through `runCli`, as a person would.
import { existsSync } from "node:fs";
import { chmod, cp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { execFile } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dec, equal } from "../../shared/decimal.ts";
import { runForTest } from "./cli.testkit.ts";

const DATA = fileURLToPath(new URL("../../../../shared/data/binance_usdm/", import.meta.url));
const PRESENT = existsSync(DATA);
if (!PRESENT) process.stderr.write(`skipped: the shared captures are not at ${DATA}\n`);

const CAPTURES = [
  { id: "btc-2024", file: "ws_BTCUSDT_20240808T2354.txt.gz", klines: "klines1m_BTCUSDT_20240808T2350_20240809T0001.csv", from: "2024-08-08T23:55:00Z", minutes: 5 },
  { id: "btc-2023", file: "ws_BTCUSDT_20230405T0000_markprice.txt.gz", klines: "klines1m_BTCUSDT_20230405T0000_0006.csv", from: "2023-04-05T00:00:00Z", minutes: 6 },
] as const;

interface Candle { readonly [field: string]: string | number }
interface VerifyAnswer {
  readonly result: string;
  readonly events: number;
  readonly first_difference?: { readonly segment: string; readonly seq: number | null; readonly stream_id: string | null; readonly what: string; readonly chunk: number | null };
}

let data = "";

function cli(...argv: string[]): Promise<{ readonly code: number; readonly out: string; readonly log: string }> {
  return runForTest([...argv, "--data", data]);
}
function objects<T>(out: string): readonly T[] {
  return out.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as T);
}

describe.skipIf(!PRESENT)("the shared captures", () => {
  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), "tapedeck-acceptance-"));
    for (const { id, file } of CAPTURES) {
      const done = await cli("import", "--capture", id, "--venue", "binance", "--format", "hft", join(DATA, file), "--json");
      expect(done).toMatchObject({ code: 0 });
    }
  }, 60_000);
  afterAll(() => rm(data, { recursive: true, force: true }));

  test.each(CAPTURES)("$id: every 1m bar equals the exchange's own in all 8 fields", async ({ id, klines, from, minutes }) => {
    const bars = objects<Candle>((await cli("candles", "--capture", id, "--venue", "binance", "--symbol", "BTCUSDT", "--interval", "1m", "--from", from, "--json")).out).slice(0, minutes);
    expect(bars).toHaveLength(minutes);
    const truth = new Map((await readFile(join(DATA, klines), "utf8")).trim().split("\n").map((line) => line.split(",")).map((row) => [Number(row[0]), row]));
    for (const bar of bars) {
      const row = truth.get(Number(bar["open_ts_ms"])) ?? [];
      const fields = ["open", "high", "low", "close", "volume"] as const;
      const pairs: (readonly [string, string | undefined])[] = fields.map((field, index) => [String(bar[field]), row[index + 1]]);
      pairs.push([String(bar["quote_volume"]), row[7]], [String(bar["taker_buy_volume"]), row[9]], [String(bar["taker_buy_quote_volume"]), row[10]]);
      for (const [ours, theirs] of pairs) expect(equal(dec(ours), dec(theirs ?? "")), `${String(bar["open_ts_ms"])}: ${ours} and ${theirs}`).toBe(true);
      expect(String(bar["trade_count"])).toBe(row[8]);
      expect(["proved", "likely"]).toContain(bar["grade"]);
    }
    // Inner minutes are proved by ids on both sides; an edge that no id proves is below.
    expect(bars.slice(1, -1).every((bar) => bar["grade"] === "proved")).toBe(true);
  });

  test("edges: before the first message nothing is whole; the last minute of 2024 is sealed by end of input", async () => {
    const bars = objects<Candle>((await cli("candles", "--capture", "btc-2024", "--interval", "1m", "--json")).out);
    expect(bars.map((bar) => [bar["grade"], bar["reason"]])).toEqual([
      ["partial", "watermark"], ["proved", "watermark"], ["proved", "watermark"], ["proved", "watermark"], ["proved", "watermark"], ["likely", "end_of_input"],
    ]);
    const first = objects<Candle>((await cli("candles", "--capture", "btc-2023", "--interval", "1m", "--json")).out)[0];
    expect(first?.["grade"]).toBe("likely");
    const refused = await cli("candles", "--capture", "btc-2024", "--interval", "1m", "--require-gap-free", "--json");
    expect(refused.code).toBe(1);
    expect(objects(refused.out)).toMatchObject([{ refused: "candles.not-gap-free", intervals: [{ open_ts_ms: 1723161240000, grade: "partial" }] }]);
    expect((await cli("candles", "--capture", "btc-2024", "--interval", "1m", "--require-gap-free", "--from", "2024-08-08T23:55:00Z")).code).toBe(0);
  });

  test("as of a moment: what had been received then, with the forming bar", async () => {
    const bars = objects<Candle>((await cli("candles", "--capture", "btc-2024", "--interval", "1m", "--as-of", "2024-08-08T23:57:30Z", "--json")).out);
    expect(bars.map((bar) => [bar["open_ts_ms"], bar["state"]])).toEqual([
      [1723161240000, "sealed"], [1723161300000, "sealed"], [1723161360000, "sealed"], [1723161420000, "forming"],
    ]);
  });

  test("dump gives every message back, byte for byte, with its receive time", async () => {
    const { stdout } = await promisify(execFile)("gzip", ["-dc", join(DATA, CAPTURES[1].file)], { maxBuffer: 1 << 30 });
    const raw = objects<Candle>((await cli("dump", "--capture", "btc-2023", "--json")).out).filter((row) => row["source"] !== "control");
    const rebuilt = raw.map((row) => `${String(row["recv_ns"]).slice(0, 16)} ${String(row["payload_raw"])}`).join("\n");
    expect(rebuilt === stdout.trimEnd()).toBe(true);
  });

  test("a certificate of one import is a certificate of the other, whatever folder, time zone and language", async () => {
    const { id, file } = CAPTURES[1];
    const certificate = join(data, "certificate.json");
    expect((await cli("verify", "--capture", id, "--write-certificate", certificate)).code).toBe(0);
    const elsewhere = await mkdtemp(join(tmpdir(), "tapedeck élsewhere "));
    const before = { TZ: process.env["TZ"], LC_ALL: process.env["LC_ALL"] };
    try {
      process.env["TZ"] = "Asia/Kathmandu";
      process.env["LC_ALL"] = "tr_TR.UTF-8";
      const there = await runForTest(["import", "--capture", "other-name", "--venue", "binance-usdm", "--format", "hft", join(DATA, file), "--data", elsewhere]);
      expect(there.code).toBe(0);
      expect((await runForTest(["verify", "--certificate", certificate, "--data", elsewhere, "--json"])).code).toBe(0);
      for (const name of ["bars.journal", "grades.journal", "ledger.journal", "refs.jsonl"]) {
        const [here, other] = [await readFile(join(data, "captures", id, "candles", name)), await readFile(join(elsewhere, "captures/other-name/candles", name))];
        expect(here.equals(other), name).toBe(true);
      }
    } finally {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      await rm(elsewhere, { recursive: true, force: true });
    }
    const other = await cli("verify", "--capture", "btc-2024", "--certificate", certificate, "--json");
    expect(other.code).toBe(1);
    expect(objects<VerifyAnswer>(other.out)[0]?.first_difference?.what).toContain("certificate");
  }, 60_000);

  test("one flipped byte anywhere in a sealed segment: exit 1, with segment, chunk and first affected event", async () => {
    const capture = join(data, "captures/btc-2023");
    const [name] = (await readdir(join(capture, "raw"))).filter((file) => file.endsWith(".mcap"));
    const segment = join(capture, "raw", name ?? "");
    const whole = await readFile(segment);
    await chmod(segment, 0o644);
    let affected = 0;
    try {
      // Fixed places spread over head, chunks and tail, so that a failure repeats.
      for (let place = 0; place < 32; place += 1) {
        const at = Math.min(whole.length - 1, Math.floor((whole.length * place) / 31) + ((place * 7_919) % 97));
        const damaged = Buffer.from(whole);
        damaged[at]! ^= 1 << (place % 8);
        await writeFile(segment, damaged);
        const { code, out } = await cli("verify", "--capture", "btc-2023", "--json");
        const [answer] = objects<VerifyAnswer>(out);
        expect([place, at, code, answer?.result]).toEqual([place, at, 1, "MISMATCH"]);
        expect(answer?.first_difference?.segment).toContain(name);
        const seq = answer?.first_difference?.seq ?? null;
        if (seq === null) continue;
        affected += 1;
        expect(answer?.first_difference?.chunk).not.toBeNull();
        expect(seq).toBeGreaterThan(0);

      }
    } finally {
      await writeFile(segment, whole);
    }
    expect(affected).toBeGreaterThan(20);
    expect((await cli("verify", "--capture", "btc-2023")).code).toBe(0);
  }, 120_000);

  test("one flipped byte in anything derived: exit 1, and which line or artifact", async () => {
    const source = join(data, "captures/btc-2023");
    const work = join(data, "captures/damaged");
    const objectNames = await readdir(join(source, "candles/objects"));
    for (const [name, what] of [
      ["bars.journal", /bars\.journal line \d+/], ["grades.journal", /grades\.journal line \d+/], ["ledger.journal", /ledger\.journal line \d+/],
      ["refs.jsonl", /refs\.jsonl|artifact/], [`objects/${objectNames[0] ?? ""}`, /artifact .*object/], ["checkpoint", /checkpoint/],
    ] as const) {
      await cp(source, work, { recursive: true });
      const path = join(work, "candles", name);
      const bytes = await readFile(path);
      // A digit of a number, so that the file still reads as what it is.
      const at = name === "checkpoint" ? bytes.length - 10 : bytes.indexOf("5", Math.floor(bytes.length / 2));
      bytes[at] = bytes[at] === 0x35 ? 0x36 : (bytes[at] ?? 0) ^ 1;
      await writeFile(path, bytes);
      const { code, out, log } = await cli("verify", "--capture", "damaged", "--json");
      expect([name, code, log]).toEqual([name, 1, ""]);
      expect(objects<VerifyAnswer>(out)[0]?.first_difference?.what, out).toMatch(what);
      await rm(work, { recursive: true });
    }
  }, 60_000);
});
