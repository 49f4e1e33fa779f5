// The deriver thread's loop over a real log on disk: what earlier runs left open is reported once, and readers find bars soon.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { configDigest, encodeControl, type CaptureConfig, type ControlRecord } from "../../shared/control.ts";
import { streamRef } from "../../shared/market.ts";
import { CONTROL_CONNECTION, CONTROL_STREAM } from "../../shared/raw.ts";
import { readBar } from "../derive/lines.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { sha256 } from "../rawlog/sha256.ts";
import type { RawLogWriter } from "../rawlog/types.ts";
import { openWriter } from "../rawlog/writer.ts";
import { aggTrade, restPage, START_MS } from "../venues/scripted-venue.testkit.ts";
import { decoderLookup } from "../venues/registry.ts";
import { DeriverLoop } from "./deriver-loop.ts";
import type { DeriverNote, InheritedGaps } from "./thread-messages.ts";

const disk = new NodeDisk();
const STREAM = streamRef("sim", "BTCUSDT", "aggTrade");
const CONFIG: CaptureConfig = {
  format: 1, lateness_ms: 500, intervals: ["1s"], folds: { "sim:BTCUSDT": "aggTrade" },
  symbols: [{ venue: "sim", symbol: "BTCUSDT", channels: ["aggTrade"] }], endpoints: {},
};

let folder: string;
let writer: RawLogWriter;
let nowMs: number;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "tapedeck-loop-")), "capture");
  nowMs = START_MS;
  writer = await openWriter({ disk, folder, captureId: "loop", session: "record", version: "test", clock: { wallNs: () => BigInt(nowMs) * 1_000_000n } });
  control({ kind: "config", config: CONFIG, digest: configDigest(CONFIG, sha256) });
  control({ kind: "connect", venue: "sim", connection: "sim.ws.1", url: "wss://sim", streams: [STREAM.streamId] });
});
afterEach(async () => {
  await writer.close("test over");
  await rm(join(folder, ".."), { recursive: true, force: true });
});

function control(record: ControlRecord): void {
  writer.append({ stream: CONTROL_STREAM, source: "control", connection: CONTROL_CONNECTION, recvNs: BigInt(nowMs) * 1_000_000n, eventNs: 0n, payload: encodeControl(record) });
}

/** One trade per 100 ms. */
function trades(fromId: number, toId: number): void {
  for (let id = fromId; id <= toId; id += 1) {
    nowMs = START_MS + id * 100;
    writer.append({ stream: STREAM, source: "ws", connection: "sim.ws.1", recvNs: BigInt(nowMs) * 1_000_000n, eventNs: BigInt(nowMs) * 1_000_000n, payload: Buffer.from(aggTrade(id, nowMs)) });
  }
}

function page(fromId: number, toId: number): void {
  writer.append({ stream: STREAM, source: "rest_backfill", connection: "sim.rest", recvNs: BigInt(nowMs) * 1_000_000n, eventNs: 0n, payload: Buffer.from(restPage(fromId, toId, START_MS + fromId * 100)) });
}

async function derive(startSeq: number, untilSeq = writer.positions.durable): Promise<readonly (DeriverNote | InheritedGaps)[]> {
  const notes: (DeriverNote | InheritedGaps)[] = [];
  const loop = await DeriverLoop.open({ disk, captureFolder: folder, decoders: decoderLookup, startSeq, say: (note) => { notes.push(note); } });
  loop.durable(untilSeq);
  await loop.close();
  return notes;
}

function inherited(notes: readonly (DeriverNote | InheritedGaps)[]): readonly (readonly [number | undefined, number | undefined])[][] {
  return notes.filter((note) => note.type === "inherited_gaps").map(({ ranges }) => ranges.map(({ fromId, toId }) => [fromId, toId] as const));
}

test("gaps with known ids that stand open where this run began are reported once, oldest first", async () => {
  trades(1, 10);
  trades(21, 30); // never asked for
  trades(41, 50); // asked for, then killed
  control({ kind: "backfill_begun", stream_id: STREAM.streamId, from_id: 31, to_id: 40, attempt: 1 });
  trades(61, 70); // half of it came
  control({ kind: "backfill_begun", stream_id: STREAM.streamId, from_id: 51, to_id: 60, attempt: 1 });
  page(51, 55);
  control({ kind: "backfill_done", stream_id: STREAM.streamId, from_id: 51, to_id: 60, attempt: 5, outcome: "partly", detail: "5 of 10" });
  trades(81, 90); // given up
  control({ kind: "backfill_done", stream_id: STREAM.streamId, from_id: 71, to_id: 80, attempt: 5, outcome: "unresolved", detail: "none" });
  trades(101, 110); // repaired
  page(91, 100);
  control({ kind: "backfill_done", stream_id: STREAM.streamId, from_id: 91, to_id: 100, attempt: 1, outcome: "repaired", detail: "10" });
  await writer.commit();
  const startSeq = writer.positions.durable;
  trades(121, 130); // this run's own
  await writer.commit();
  const expected = [[[11, 20], [31, 40], [51, 60]]];
  expect(inherited(await derive(startSeq))).toEqual(expected);
  // From the checkpoint too.
  expect(inherited(await derive(writer.positions.durable))).toEqual([[...expected[0]!, [111, 120]]]);
});

test("spans of time are reported where ids have no order, among the others by age; none that is not over or was given up", async () => {
  const bybit = streamRef("bybit-linear", "ETHUSDT", "publicTrade");
  const folds = { ...CONFIG.folds, "bybit-linear:ETHUSDT": "publicTrade" };
  const config: CaptureConfig = { ...CONFIG, folds, symbols: [...CONFIG.symbols, { venue: "bybit-linear", symbol: "ETHUSDT", channels: ["publicTrade"] }] };
  control({ kind: "config", config, digest: configDigest(config, sha256) });
  control({ kind: "connect", venue: "bybit-linear", connection: "bybit.ws.1", url: "wss://bybit", streams: [bybit.streamId] });
  const pushed = (second: number): void => {
    nowMs = START_MS + second * 1_000;
    const item = `{"T":${nowMs},"s":"ETHUSDT","S":"Buy","v":"0.1","p":"2000.5","L":"PlusTick","i":"uuid-${second}","BT":false}`;
    const payload = Buffer.from(`{"topic":"publicTrade.ETHUSDT","type":"snapshot","ts":${nowMs},"data":[${item}]}`);
    writer.append({ stream: bybit, source: "ws", connection: "bybit.ws.1", recvNs: BigInt(nowMs) * 1_000_000n, eventNs: 0n, payload });
  };
  const stale = (): void => control({ kind: "stale", venue: "bybit-linear", connection: "bybit.ws.1", stream_id: bybit.streamId, cause: "silent" });
  trades(1, 10);
  pushed(2);
  stale();
  pushed(5); // 2 s … 5 s: never asked for
  trades(71, 72); // a hole at 1 s … 7.1 s, older
  pushed(8);
  stale();
  pushed(9); // 8 s … 9 s: given up
  control({ kind: "backfill_done", stream_id: bybit.streamId, from_ms: START_MS + 8_000, to_ms: START_MS + 9_000, attempt: 5, outcome: "unresolved", detail: "none" });
  pushed(10);
  stale(); // not over
  await writer.commit();
  const ranges = (await derive(writer.positions.durable)).flatMap((note) => (note.type === "inherited_gaps" ? note.ranges : []));
  expect(ranges).toEqual([
    { stream: STREAM, fromId: 11, toId: 70, fromMs: START_MS + 1_000, toMs: START_MS + 7_100 },
    { stream: bybit, fromId: undefined, toId: undefined, fromMs: START_MS + 2_000, toMs: START_MS + 5_000 },
  ]);
});

test("a gap that only the venue's candle shows is reported as soon as it is there, once", async () => {
  const bybit = streamRef("bybit-linear", "ETHUSDT", "publicTrade");
  const klines = streamRef("bybit-linear", "ETHUSDT", "kline.1");
  const config: CaptureConfig = { ...CONFIG, folds: { "bybit-linear:ETHUSDT": "publicTrade" }, symbols: [{ venue: "bybit-linear", symbol: "ETHUSDT", channels: ["publicTrade", "kline.1"] }] };
  control({ kind: "config", config, digest: configDigest(config, sha256) });
  control({ kind: "connect", venue: "bybit-linear", connection: "bybit.ws.1", url: "wss://bybit", streams: [bybit.streamId, klines.streamId] });
  const minute = Math.ceil(START_MS / 60_000) * 60_000;
  const say = (stream: typeof bybit, ms: number, text: string): void => {
    nowMs = ms;
    writer.append({ stream, source: "ws", connection: "bybit.ws.1", recvNs: BigInt(ms) * 1_000_000n, eventNs: 0n, payload: Buffer.from(text) });
  };
  const trade = (ms: number): void => say(bybit, ms, `{"topic":"publicTrade.ETHUSDT","type":"snapshot","ts":${ms},"data":[{"T":${ms},"s":"ETHUSDT","S":"Buy","v":"0.1","p":"2000.5","L":"PlusTick","i":"uuid-${ms}","BT":false}]}`);
  for (let ms = minute - 3_000; ms < minute + 60_000; ms += 1_000) trade(ms);
  const { durable: startSeq } = await writer.commit();
  const candle = `{"start":${minute},"end":${minute + 59_999},"interval":"1","open":"2000.5","close":"2000.5","high":"2000.5","low":"2000.5","volume":"6.3","turnover":"12603.15","confirm":true,"timestamp":${minute + 60_000}}`;
  say(klines, minute + 60_050, `{"type":"snapshot","topic":"kline.1.ETHUSDT","data":[${candle}],"ts":${minute + 60_050}}`);
  for (let ms = minute + 60_100; ms < minute + 70_000; ms += 1_000) trade(ms);
  await writer.commit();
  const ranges = (await derive(startSeq)).flatMap((note) => (note.type === "inherited_gaps" ? note.ranges : []));
  expect(ranges).toEqual([{ stream: bybit, fromId: undefined, toId: undefined, fromMs: minute, toMs: minute + 60_000 }]);
  // What an earlier run found is inherited, not found again.
  expect((await derive(writer.positions.durable)).flatMap((note) => (note.type === "inherited_gaps" ? note.ranges : []))).toEqual(ranges);
});

test("nothing is reported before the log is derived up to the start of the run, nor when nothing is open", async () => {
  trades(1, 10);
  trades(21, 30);
  await writer.commit();
  expect(inherited(await derive(writer.positions.durable, 5))).toEqual([]);
  page(11, 20);
  await writer.commit();
  expect(inherited(await derive(writer.positions.durable))).toEqual([]);
});

test("sealed bars are on disk for other processes as soon as the log is derived, long before the next checkpoint", async () => {
  let derivedUpTo: (position: number) => void = () => undefined;
  const loop = await DeriverLoop.open({
    disk, captureFolder: folder, decoders: decoderLookup, startSeq: 0, say: (note) => { if (note.type === "derived") derivedUpTo(note.position); },
  });
  trades(1, 40);
  const { durable } = await writer.commit();
  const position = await new Promise<number>((resolve) => {
    derivedUpTo = resolve;
    loop.durable(durable);
  });
  expect(position).toBe(durable);
  const lines = (await readFile(join(folder, "candles/bars.journal"), "utf8")).split("\n");
  // Trades of four seconds, half a second of lateness: three bars are sealed, each line whole.
  expect(lines.slice(0, -1).map((line) => readBar(line).key.openMs)).toEqual([START_MS, START_MS + 1_000, START_MS + 2_000]);
  expect(lines.at(-1)).toBe("");
  expect(await disk.size(join(folder, "candles/checkpoint"))).toBeUndefined();
  await loop.close();
  expect(await disk.size(join(folder, "candles/checkpoint"))).toBeGreaterThan(0);
});

test("who watches is told every pass, with the open bars that changed, and no position that is not in the files yet", async () => {
  trades(1, 25);
  await writer.commit();
  const notes: DeriverNote[] = [];
  const loop = await DeriverLoop.open({
    disk, captureFolder: folder, decoders: decoderLookup, startSeq: 0,
    say: (note) => {
      if (note.type === "derived") notes.push(note);
    },
  });
  loop.watch(true);
  expect(notes).toEqual([]);
  loop.durable(writer.positions.durable);
  await expect.poll(() => notes.length).toBe(1);
  const first = notes[0];
  expect(first?.position).toBe(writer.positions.durable);
  const journal = await readFile(join(folder, "candles/bars.journal"), "utf8");
  const sealed = journal.split("\n").slice(0, -1).map((line) => readBar(line).key.openMs);
  expect(first?.forming.map(({ key, lastSeq }) => [key.symbol, key.interval, key.openMs > (sealed.at(-1) ?? 0), lastSeq])).toEqual([["BTCUSDT", "1s", true, writer.positions.durable]]);
  trades(26, 27);
  await writer.commit();
  loop.durable(writer.positions.durable);
  // The second pass follows the first at once: without a watcher it would be too soon to report.
  await expect.poll(() => notes.length).toBe(2);
  expect(notes[1]?.forming.map(({ lastSeq }) => lastSeq)).toEqual([writer.positions.durable]);
  loop.watch(false);
  await loop.close();
  expect(notes.at(-1)?.forming).toEqual([]);
});

test("being told the same position again, as when a recording starts, stops nothing", async () => {
  const derived: number[] = [];
  const loop = await DeriverLoop.open({
    disk, captureFolder: folder, decoders: decoderLookup, startSeq: 0, say: (note) => { if (note.type === "derived") derived.push(note.position); },
  });
  loop.watch(true);
  trades(1, 10);
  const first = (await writer.commit()).durable;
  loop.durable(first);
  await expect.poll(() => derived.at(-1)).toBe(first);
  loop.durable(first);
  loop.durable(first);
  trades(11, 20);
  const second = (await writer.commit()).durable;
  loop.durable(second);
  await expect.poll(() => derived.at(-1)).toBe(second);
  await loop.close();
});
