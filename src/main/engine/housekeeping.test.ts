// Housekeeping beside a recording that a test plays: what it removes by the settings, what it refuses, and what it tells.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Fault } from "../../shared/base.ts";
import { hftTrades, runImport, testFolder, type TestFolder } from "../importers/import.testkit.ts";
import { summarizeCaptures } from "./capture-list.ts";
import { Housekeeping, type HousekeepingOptions } from "./housekeeping.ts";
import type { LiveSource } from "./live-source.ts";
import { PINNED_FILE } from "./pins.ts";
import type { Settings } from "./settings.ts";

let folder: TestFolder;
let settings: Settings;
let problems: Fault[];
let live: LiveSource | undefined;
let inUse: Set<string>;
let restarts: string[];
let keeping: Housekeeping | undefined;

beforeEach(async () => {
  folder = await testFolder();
  [settings, problems, live, inUse, restarts, keeping] = [{}, [], undefined, new Set(), [], undefined];
});
afterEach(async () => {
  await keeping?.close();
  await folder[Symbol.asyncDispose]();
});

function make(changes: Partial<HousekeepingOptions> = {}): Housekeeping {
  keeping = new Housekeeping({
    dataFolder: folder.path, version: "test", limits: {}, metrics: undefined, settings: () => settings,
    saveSettings: async (more) => { settings = { ...settings, ...more }; },
    live: () => live, recording: () => ({ state: live === undefined ? "off" : "recording", fault: undefined }),
    captures: () => summarizeCaptures(folder.path, undefined), inUse: () => inUse,
    stopForDisk: async () => undefined, restart: async (reason) => { restarts.push(reason); },
    onReport: () => undefined, onProblem: (problem) => { problems.push(problem); }, ...changes,
  });
  return keeping;
}
async function captures(...names: readonly string[]): Promise<void> {
  const file = await folder.write("trades.hft", hftTrades(200));
  for (const captureId of names) await runImport(folder.path, { captureId, files: [file] });
}
const listed = async (): Promise<readonly string[]> => (await summarizeCaptures(folder.path, undefined)).map(({ captureId }) => captureId);

test("limits in the settings count from when they are set; what is shown or pinned stays", async () => {
  await captures("old", "pinned", "shown");
  const house = make();
  await house.begin();
  await house.commands["capture.pin"]({ captureId: "pinned", pinned: true });
  inUse.add("shown");
  expect(await house.commands["retention.preview"]({ limits: { maxAgeDays: 1, unexported: true } })).toMatchObject({
    removes: [{ captureId: "old" }], keeps: [{ captureId: "pinned", why: "pinned" }, { captureId: "shown", why: "in use" }],
  });
  expect(await listed()).toEqual(["old", "pinned", "shown"]);
  await house.commands["settings.set"]({ settings: { retention: { maxAgeDays: 1, unexported: true } } });
  await expect.poll(listed).toEqual(["pinned", "shown"]);
  await expect.poll(() => problems.map(({ code }) => code)).toEqual(["retention.removed"]);

  await house.commands["capture.pin"]({ captureId: "pinned", pinned: false });
  house.retain();
  await expect.poll(listed).toEqual(["shown"]);
  await expect(house.commands["capture.pin"]({ captureId: "none", pinned: true })).rejects.toMatchObject({ fault: { code: "captures.unknown" } });
});

test("a start ends what was interrupted and goes by the settings, without limits it removes nothing", async () => {
  await captures("one", "two");
  await writeFile(join(folder.path, "captures/two", PINNED_FILE), "");
  settings = { retention: { unexported: true } };
  const house = make();
  await house.begin();
  await house.close();
  expect(await listed()).toEqual(["one", "two"]);
  settings = { retention: { maxBytes: 1, unexported: true } };
  await make().begin();
  await expect.poll(listed).toEqual(["two"]);
});

test.each([
  [{ retention: { maxAgeDays: -1, unexported: true } }, "retention"],
  [{ disk: { lowBytes: "2G" } }, "disk"],
  [{ metrics: "9464" }, "metrics"],
  [{ recordSymbols: { nowhere: ["A"] } }, "recordSymbols"],
])("settings that cannot be read are refused when they are set and at the start: %j", async (wrong, name) => {
  const house = make();
  await expect(house.commands["settings.set"]({ settings: wrong })).rejects.toMatchObject({ fault: { code: "settings.damaged", message: expect.stringContaining(`no usable ${name}`) as string } });
  expect(settings).toEqual({});
  settings = wrong as Settings;
  expect(() => make()).toThrow(`no usable ${name}`);
});

test("too little space refuses a start, saying how much there is", async () => {
  const house = make({ limits: { stopBytes: 2 ** 50 } });
  await expect(house.refuseStart()).rejects.toMatchObject({ fault: { code: "disk.low", message: expect.stringMatching(/ GiB free at .*: a recording starts with at least 1\.1 PiB/) as string } });
});

test("a symbol is saved before the recording goes on with it, one after the other", async () => {
  const house = make();
  await expect(house.commands["record.symbol"]({ venue: "sim", symbol: "AAA" })).rejects.toMatchObject({ fault: { code: "recording.off" } });
  live = { captureId: "c", captureFolder: folder.path, sources: [{ venue: "sim" }], streams: [{ venue: "sim", symbol: "BTCUSDT" }], halted: undefined } as unknown as LiveSource;
  await Promise.all(["AAA", "BBB"].map((symbol) => house.commands["record.symbol"]({ venue: "sim", symbol })));
  expect(settings).toEqual({ recordSymbols: { sim: ["AAA", "BBB"] } });
  expect(house.addedSymbols).toEqual({ sim: ["AAA", "BBB"] });
  expect(restarts).toEqual(["symbol AAA of sim added", "symbol BBB of sim added"]);
});

test("metrics whose port is taken fail the start, and leave nothing running", async () => {
  const first = make({ metrics: { host: "127.0.0.1", port: 0 } });
  await first.begin();
  const port = Number(first.metricsAddress?.split(":").at(-1));
  const second = make({ metrics: { host: "127.0.0.1", port } });
  await expect(second.begin()).rejects.toMatchObject({ fault: { code: "metrics.port-in-use" } });
  await first.close();
});
