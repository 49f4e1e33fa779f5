// Bad input from the venue and the host, through the whole path on a virtual clock: socket → collector → log → candles.
// Each case says what ends up in the log, and what a person is told.
import { expect, test } from "vitest";
import type { Fault } from "../../shared/base.ts";
import type { GapEntry } from "../../shared/candles.ts";
import { decodeControl, type CaptureConfig, type ControlRecord } from "../../shared/control.ts";
import type { RawRecord } from "../../shared/raw.ts";
import { VirtualClock, settle } from "../net/virtual-clock.ts";
import { openReader } from "../rawlog/reader.ts";
import { SimDisk } from "../rawlog/sim-disk.ts";
import { verifyLog } from "../rawlog/verify-log.ts";
import { SimulatedVenue } from "../sim/venue.ts";
import type { SimFault } from "../sim/faults.ts";
import { MemoryNetwork } from "../sim/memory-transport.ts";
import { SeededRandom } from "../sim/random.ts";
import type { CollectorStatus } from "../venues/collector.ts";
import { decoderLookup } from "../venues/registry.ts";
import { DeriverLoop } from "./deriver-loop.ts";
import { LiveTape } from "./simulation/live-tape.ts";
import { RecorderProcess } from "./simulation/recorder-process.ts";

const START_MS = 1_750_000_000_000;
const FOLDER = "/data/captures/bad";
const CONFIG: CaptureConfig = {
  format: 1, lateness_ms: 1_000, intervals: ["1s"], folds: { "sim:BTCUSDT": "aggTrade" },
  symbols: [{ venue: "sim", symbol: "BTCUSDT", channels: ["aggTrade"] }],
};
const STREAM = "sim:BTCUSDT:aggTrade";

interface Outcome {
  readonly tape: LiveTape;
  readonly gaps: readonly Pick<GapEntry, "cause" | "state" | "detail">[];
  readonly grades: ReadonlySet<string>;
  /** What was written that is no trade of the stream, as text. */
  readonly strays: readonly string[];
  readonly controls: readonly ControlRecord[];
  readonly status: CollectorStatus | undefined;
  /** What the screen shows as a problem and `record` prints. */
  readonly problems: readonly Fault[];
}

const MEGABYTE = 1_048_576;
type Trouble = SimFault | { readonly name: "wall-step"; readonly ms: number };

/** Five quiet seconds, then the trouble, then time enough for it to be repaired. The log itself is always whole. */
async function recordThrough(trouble: Trouble): Promise<Outcome> {
  const clock = new VirtualClock(START_MS);
  const random = new SeededRandom(7);
  const disk = new SimDisk(random.fork("disk"));
  const venue = new SimulatedVenue({ seed: 7, startMs: START_MS, symbols: ["BTCUSDT"], messagesPerSecond: 20, warmMs: 60_000 });
  const network = new MemoryNetwork({ venue, clock, timers: clock, random, tickMs: 50 });
  network.start();
  const life = await RecorderProcess.start({
    disk, folder: FOLDER, captureId: "bad", clock, timers: clock, network, random, config: CONFIG, life: 1,
    onAppended: () => undefined, onPositions: () => undefined,
  });
  await clock.advance(5_000);
  if (trouble.name === "wall-step") clock.stepWall(trouble.ms);
  else venue.inject(trouble);
  await clock.advance(20_000);
  const status = life.collector?.status();
  await Promise.all([life.stop(), clock.advance(2_000)]);
  network.stop();
  await settle();
  expect((await verifyLog({ disk, folder: FOLDER })).findings).toEqual([]);
  return outcomeOf(disk, status);
}

async function outcomeOf(disk: SimDisk, status: CollectorStatus | undefined): Promise<Outcome> {
  const problems: Fault[] = [];
  const loop = await DeriverLoop.open({
    disk, captureFolder: FOLDER, decoders: decoderLookup, startSeq: 0, say: (note) => problems.push(...(note.type === "derived" ? note.problems : [])),
  });
  loop.durable(Number.MAX_SAFE_INTEGER);
  await loop.close();
  const reader = await openReader({ disk, folder: FOLDER });
  const records: RawRecord[] = [];
  for await (const batch of reader.batches({})) records.push(...batch);
  const tape = new LiveTape();
  await tape.follow(reader, Number.MAX_SAFE_INTEGER);
  await reader.close();
  const controls = records.filter(({ source }) => source === "control").map(({ payload }) => {
    const decoded = decodeControl(payload);
    if (!decoded.ok) throw new Error(decoded.fault.message);
    return decoded.value;
  });
  const strays = records.filter(({ source, stream }) => source === "ws" && stream.streamId !== STREAM).map(({ payload }) => new TextDecoder().decode(payload));
  const gaps = [...tape.gaps.values()].map(({ cause, state, detail }) => ({ cause, state, detail }));
  return { tape, gaps, controls, strays, status, problems, grades: new Set(tape.grades.map(({ grade }) => grade)) };
}

const trades = { symbol: "BTCUSDT", channel: "aggTrade", count: 1 } as const;

test.each<readonly [SimFault, RegExp]>([
  [{ name: "malformed", ...trades }, /seq \d+: malformed/],
  [{ name: "wrong-type", ...trades }, /seq \d+: wrong-type/],
])("$0.name: bytes kept, a gap by quarantine that is backfilled, one line for the person", async (fault, says) => {
  const { tape, gaps, grades, problems, status } = await recordThrough(fault);
  expect(tape.canonicalizer.counts).toMatchObject({ refused: 1, gapsOpen: 0 });
  expect(gaps).toMatchObject([{ cause: "quarantine", state: "repaired" }]);
  expect(grades).toContain("repaired");
  expect(problems).toMatchObject([{ code: "stream.refused", message: expect.stringMatching(says) as string }]);
  expect(status?.streams).toMatchObject([{ state: "live", gapsOpen: 0 }]);
});

test("an unknown stream: kept under its own name, counted, nothing else is touched", async () => {
  const { tape, gaps, strays, problems } = await recordThrough({ name: "unknown-stream", ...trades });
  expect(strays).toEqual(['{"stream":"btcusdt@nobodyKnows","data":{"e":"nobodyKnows"}}']);
  expect(tape.canonicalizer.counts).toMatchObject({ unhandled: 1, refused: 0 });
  expect([gaps, problems]).toEqual([[], []]);
});

test("a 10 MB frame: kept whole, refused unread, and ids prove that nothing was missed", async () => {
  const { tape, gaps, problems } = await recordThrough({ name: "oversized", ...trades, bytes: 10 * MEGABYTE + 1_000 });
  expect(tape.canonicalizer.counts).toMatchObject({ refused: 1, gapsOpen: 0 });
  expect(gaps).toMatchObject([{ cause: "quarantine", state: "repaired", detail: expect.stringContaining("nothing was missed") as string }]);
  expect(problems).toMatchObject([{ code: "stream.refused", message: expect.stringContaining("more than 10485760") as string }]);
});

test("a duplicate with other bytes: candles stop at it, recording goes on, and a person is asked", async () => {
  const { tape, gaps, problems, status } = await recordThrough({ name: "conflict", ...trades });
  expect(tape.canonicalizer.counts).toMatchObject({ conflicts: 1, gapsOpen: 1 });
  expect(tape.canonicalizer.counts.excluded).toBeGreaterThan(10);
  expect(gaps).toMatchObject([{ cause: "conflict", state: "open", detail: expect.stringContaining("came again with other contents") as string }]);
  expect(problems).toMatchObject([{ code: "stream.failed-closed", message: expect.stringContaining("then reopen the stream") as string }]);
  expect(status?.streams).toMatchObject([{ state: "live" }]);
});

test.each(["far-past", "far-future"] as const)("a time in the %s: in no bar, seals nothing, its id stays missing and is named", async (name) => {
  const { tape, gaps, problems } = await recordThrough({ name, ...trades });
  expect(tape.canonicalizer.counts).toMatchObject({ excluded: 1, gapsOpen: 1 });
  expect(gaps).toMatchObject([{ cause: "quarantine", state: "open" }]);
  expect(problems).toMatchObject([{ code: "stream.refused", message: expect.stringMatching(/claims the time \d+ ms, too far from its receive time: left out/) as string }]);
  const opens = [...tape.history.versions.values()].map(([first]) => first?.key.openMs ?? 0);
  expect(Math.min(...opens)).toBeGreaterThan(START_MS - 60_000);
  expect(Math.max(...opens)).toBeLessThan(START_MS + 60_000);
});

test.each([
  ["set back by a minute", -60_000, "clock-set-back", 0],
  ["an hour ahead after sleep", 3_600_000, "host-slept", 1],
])("a host clock %s: said in the log and as a gap; candles are none the worse", async (_name, ms, cause, reconnects) => {
  const { tape, gaps, controls, grades } = await recordThrough({ name: "wall-step", ms });
  expect(controls.filter(({ kind }) => kind === "host_slept")).toEqual([{ kind: "host_slept", wall_jump_ms: ms, cause }]);
  expect(controls.filter((control) => control.kind === "disconnect" && control.cause === "host-slept")).toHaveLength(reconnects);
  expect(gaps).toEqual([{ cause: "host_slept", state: "repaired", detail: `${cause}: the wall clock jumped ${ms} ms; ids are contiguous across: nothing was missed` }]);
  expect(tape.canonicalizer.counts).toMatchObject({ refused: 0, excluded: 0, late: 0 });
  expect(grades).toContain("proved");
});
