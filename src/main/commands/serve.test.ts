// What `serve` refuses before it starts anything: one line, exit code 2.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runForTest } from "./cli.testkit.ts";

let data: string;
beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "tapedeck-serve-test-"));
});
afterAll(() => rm(data, { recursive: true, force: true }));

test.each([
  [["--replay", "a", "--csv", "b"], "--replay and --csv: one source at a time"],
  [["--replay", "a", "--venue", "sim", "--seed", "3"], "--venue, --seed: only for a live source, not with --replay"],
  [["--csv", "a", "--source-id", "A", "--symbol", "X"], "--symbol: only for a live source, not with --csv"],
  [["--speed", "2x"], "--speed: only with --replay"],
  [["--run-id", "x"], "--run-id: only with --replay"],
  [["--replay", "a", "--rate", "5"], "--rate: not with --replay, which has --speed"],
  [["--source-id", "A"], "--source-id: only with --csv"],
  [["--csv", "a"], "--csv needs --source-id: what the feed is called, such as SIM"],
  [["--wait-for-subscriber"], "--wait-for-subscriber: only with --replay or --csv; a live source does not wait"],
  [["--heartbeat", "1ms"], "--heartbeat: 100ms to 60s"],
  [["--metrics", "localhost"], "--metrics localhost: write a port or host:port such as 9464 or 127.0.0.1:9464 (port 0 = any free one)"],
  [["--retain", "some"], "--retain some: write an age such as 7d, or a number of entries per stream such as 50000"],
  [["--replay", "nowhere"], "no capture nowhere in"],
  [["--pub", "tcp://10.0.0.1:5556"], "tcp://10.0.0.1:5556 can be reached from other machines and needs keys"],
  [["--rpc", "localhost:5557"], "localhost:5557 is no address of the bridge"],
])("%j is refused", async (words, line) => {
  const { code, out, log } = await runForTest(["serve", "--data", data, ...words]);
  expect([code, out]).toEqual([2, ""]);
  expect(log.trimEnd().split("\n")).toHaveLength(1);
  expect(log.startsWith(`tapedeck: ${line}`)).toBe(true);
  expect(await readdir(data)).toEqual([]);
});
