// `--gap-free` on the command line: nothing comes out of input with gaps, and everything of input without.
import { expect, test } from "vitest";
import { hftTrades, START_MS, testFolder, type TestFolder } from "../importers/import.testkit.ts";
import { runForTest } from "./cli.testkit.ts";

type Row = Readonly<Record<string, unknown>>;
const rows = (out: string): readonly Row[] => out.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Row);

/** 80 trades, 250 ms apart, with ids 31 … 35 missing. */
async function withHole(): Promise<TestFolder> {
  const folder = await testFolder();
  const file = await folder.write("a.txt", hftTrades(30) + hftTrades(45, 36));
  expect((await runForTest(["import", "--capture", "one", "--venue", "binance", "--format", "hft", file, "--data", folder.path])).code).toBe(0);
  return folder;
}

test.each([["candles", ["--interval", "5s"]], ["replay", []], ["replay", ["--order", "event"]]] as const)("%s %j refuses input with a gap before any output", async (command, options) => {
  await using folder = await withHole();
  const run = (...more: readonly string[]): ReturnType<typeof runForTest> => runForTest([command, "--capture", "one", ...options, "--data", folder.path, "--gap-free", ...more]);
  const refused = await run();
  expect(refused).toMatchObject({ code: 1, out: "" });
  expect(refused.log.trimEnd().split("\n")).toEqual([
    "tapedeck: refused, not gap-free: 1 interval of 1 stream is not whole",
    "binance-usdm:BTCUSDT:trade  2023-11-14T22:14:07.500Z…2023-11-14T22:14:09.000Z, ids 31…35 (5 missing)  id_hole  GAP_UNRESOLVED",
  ]);
  const asked = await run("--json");
  expect(asked.code).toBe(1);
  expect(rows(asked.out)).toMatchObject([{ refused: "gaps.not-free", intervals: [{ stream_id: "binance-usdm:BTCUSDT:trade", from_id: 31, to_id: 35, missing: 5, from_recv_ns: `${START_MS + 7_520}000000` }] }]);
  const after = await run("--json", "--from", String(START_MS + 10_000));
  expect(after.code).toBe(0);
  expect(rows(after.out).length).toBeGreaterThan(0);
  expect((await run("--until", String(START_MS + 7_000))).code).toBe(0);
});

test("a replay that goes on behind the gap is not refused for it", async () => {
  await using folder = await withHole();
  const first = rows((await runForTest(["replay", "--capture", "one", "--until", String(START_MS + 12_000), "--json", "--data", folder.path])).out)[0];
  const run = await runForTest(["replay", "--capture", "one", "--cursor", String(first?.["last_cursor"]), "--gap-free", "--json", "--data", folder.path]);
  expect(run.code).toBe(0);
});

test("gaps say both clocks and what they did to grades", async () => {
  await using folder = await withHole();
  const found = rows((await runForTest(["gaps", "--capture", "one", "--json", "--data", folder.path])).out);
  expect(found).toMatchObject([{ from_recv_ns: `${START_MS + 7_520}000000`, to_recv_ns: `${START_MS + 9_020}000000` }]);
  const effect = found[0]?.["effect"] as readonly Row[];
  expect(effect.find(({ interval }) => interval === "5s")).toEqual({ interval: "5s", from_open_ts_ms: START_MS + 5_000, until_open_ts_ms: START_MS + 10_000, buckets: 1, worst: "unresolved", now: { unresolved: 1 } });
  expect(effect.find(({ interval }) => interval === "1s")).toMatchObject({ buckets: 3, worst: "GAP_UNRESOLVED", now: { unresolved: 2, GAP_UNRESOLVED: 1 } });
  const table = (await runForTest(["gaps", "--capture", "one", "--data", folder.path])).out;
  expect(table).toContain("5s: 1 unresolved → 1 unresolved");
  expect(rows((await runForTest(["candles", "--capture", "one", "--interval", "5s", "--json", "--data", folder.path])).out)[0]).toMatchObject({ confirmed: null });
});
