// The recorder on a disk that fills up or breaks: it halts, says so to everyone, keeps what is durable, and goes on afterwards.
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CaptureConfig } from "../../shared/control.ts";
import { VirtualClock, settle } from "../net/virtual-clock.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { SimDisk } from "../rawlog/sim-disk.ts";
import type { RawLogWriter } from "../rawlog/types.ts";
import { verifyLog } from "../rawlog/verify-log.ts";
import { openWriter } from "../rawlog/writer.ts";
import { openTape } from "../replay/tape.ts";
import { SeededRandom } from "../sim/random.ts";
import type { Collector } from "../venues/collector.ts";
import { decoderLookup } from "../venues/registry.ts";
import { aggTrade, ScriptedVenue, START_MS } from "../venues/scripted-venue.testkit.ts";
import type { StreamLatency } from "./latency-meter.ts";
import { RecorderLoop } from "./recorder-loop.ts";
import { RecorderSink } from "./recorder-sink.ts";
import type { RecorderLatency, RecorderNote, RecorderToCollector } from "./thread-messages.ts";

const FOLDER = "/data/captures/full";
const CONFIG: CaptureConfig = {
  format: 1, lateness_ms: 500, intervals: ["1s"], folds: { "sim:BTCUSDT": "aggTrade" },
  symbols: [{ venue: "sim", symbol: "BTCUSDT", channels: ["aggTrade"] }],
};

let disk: SimDisk;
let writer: RawLogWriter;
let loop: RecorderLoop;
let notes: RecorderNote[];
let latencies: RecorderLatency[];
let venue: ScriptedVenue;
let collector: Collector;
let port: MessagePort;
let nextId: number;

async function open(): Promise<RawLogWriter> {
  return openWriter({ disk, folder: FOLDER, captureId: "full", session: "record", version: "test", clock: venue.clock, pause: settle, options: { commitEveryMs: 1 } });
}

beforeEach(async () => {
  disk = new SimDisk(new SeededRandom(3));
  venue = new ScriptedVenue();
  notes = [];
  latencies = [];
  nextId = 1;
  writer = await open();
  loop = new RecorderLoop({ writer, clock: venue.clock, sha256, config: CONFIG, timers: venue.clock, machineMs: () => venue.clock.monotonicMs(), say: (note) => { if (note.type === "positions") notes.push(note); else latencies.push(note); } });
  const channel = new MessageChannel();
  loop.attach(channel.port1);
  port = channel.port2;
  collector = venue.collector({ sink: new RecorderSink(port, () => ({ wallNs: venue.clock.wallNs(), machineMs: venue.clock.monotonicMs() })) });
  collector.start();
  await venue.clock.advance(20);
  venue.acknowledge(venue.socket);
});
afterEach(async () => {
  port.close();
  await loop.close("test over").catch((error: unknown) => {
    if (writer.halted === undefined) throw error;
  });
});

/** One trade per 100 ms of the venue's time. */
async function trades(count: number): Promise<void> {
  for (let end = nextId + count; nextId < end; nextId += 1) {
    venue.socket.say(aggTrade(nextId, START_MS + venue.clock.monotonicMs()));
    await venue.clock.advance(100);
  }
}

/** Turns of the event loop, no sleep: ports and commits need some. The test's own time limit ends a wait in vain. */
async function until(holds: () => boolean, turn: () => Promise<void> = settle): Promise<void> {
  while (!holds()) await turn();
}

async function replayed(): Promise<number> {
  const reader = await openReader({ disk, folder: FOLDER });
  const tape = await openTape({
    reader, decoders: decoderLookup, sha256, clock: new VirtualClock(0), instruments: [{ venue: "sim", symbol: "BTCUSDT" }], intervals: ["1s"],
  });
  await tape.advanceTo({ toSeq: await reader.refresh() }, new AbortController().signal);
  await reader.close();
  return tape.chronicle.versionCount;
}

describe.each([
  ["a full disk", "disk.full", /the disk is full: free some space/, () => { disk.faults.fullAfterBytes = disk.written + 700; }],
  ["a disk whose fsync fails", "disk.failed", /check the disk/, () => { disk.faults.syncsBeforeError = 0; }],
] as const)("%s", (_name, code, says, breakDisk) => {
  test("halts the recording, visibly; the collector hangs up; what is durable replays; a new start goes on", async () => {
    await trades(50);
    await until(() => writer.positions.durable >= 50);
    const { durable } = writer.positions;
    breakDisk();
    // Nobody reads on once the socket is closed; the venue may say what it likes.
    for (let n = 0; n < 30 && collector.halted === undefined; n += 1) {
      venue.sockets.at(-1)?.say(aggTrade(nextId, START_MS + venue.clock.monotonicMs()));
      nextId += 1;
      await venue.clock.advance(100);
    }
    await until(() => notes.at(-1)?.halted !== undefined);
    expect(notes.at(-1)?.halted).toMatchObject({ code, message: expect.stringMatching(says) as string });
    expect(notes.at(-1)?.positions.durable).toBeGreaterThanOrEqual(durable);

    await until(() => collector.halted !== undefined, () => venue.clock.advance(100));
    await venue.clock.advance(100);
    expect(collector.halted?.code).toBe(code);
    expect(collector.status().source).toMatchObject({ state: "down", detail: expect.stringMatching(says) as string });
    expect(venue.sockets.every(({ hasEnded }) => hasEnded)).toBe(true);

    const stands = writer.positions.durable;
    loop.control({ kind: "reopen", stream_id: "sim:BTCUSDT:aggTrade", reason: "too late" });
    await settle();
    expect(writer.positions.durable).toBe(stands);
    expect(await replayed()).toBeGreaterThan(2);

    await expect(loop.close("halted")).rejects.toMatchObject({ fault: { code } });
    disk.faults.fullAfterBytes = Infinity;
    disk.faults.syncsBeforeError = Infinity;
    const next = await open();
    await next.close("done");
    expect((await verifyLog({ disk, folder: FOLDER })).findings).toEqual([]);
    expect(next.positions.durable).toBeGreaterThan(stands);
  });

  test("is told to a collector that comes later", async () => {
    breakDisk();
    await trades(1);
    loop.control({ kind: "reopen", stream_id: "sim:BTCUSDT:aggTrade", reason: "x".repeat(2_000) });
    await until(() => notes.at(-1)?.halted !== undefined);
    const late = new MessageChannel();
    const told = new Promise<RecorderToCollector>((resolve) => late.port2.once("message", resolve));
    loop.attach(late.port1);
    expect(await told).toMatchObject({ type: "halted", fault: { code } });
    late.port2.close();
  });
});

test("a message with a time that the log cannot hold is recorded, refused by its decoder, and asked for again", async () => {
  await trades(3);
  venue.socket.say(aggTrade(nextId, Number.MAX_SAFE_INTEGER));
  nextId += 1;
  await trades(3);
  await until(() => writer.positions.durable >= 9);
  expect(writer.halted).toBeUndefined();
  expect(collector.status().streams[0]).toMatchObject({ state: "gap", messages: 7, gapsOpen: 1 });
  await until(() => venue.requests.some((path) => path.includes("aggTrades")), () => venue.clock.advance(100));
});

test("says how long messages took from receiving to the log, and when each commit was written", async () => {
  await trades(25);
  await until(() => writer.positions.durable >= 25);
  const last = (): StreamLatency | undefined => latencies.at(-1)?.report.streams[0];
  await until(() => last()?.hereToLog?.count === 25, () => venue.clock.advance(100));
  expect(last()).toMatchObject({ streamId: "sim:BTCUSDT:aggTrade", exchangeToHere: { count: 25 } });
  const marks = notes.flatMap(({ written }) => written);
  expect(marks.map(({ seq }) => seq)).toEqual([...new Set(marks.map(({ seq }) => seq))].sort((a, b) => a - b));
  expect(marks.at(-1)?.seq).toBe(notes.at(-1)?.positions.written);
});
