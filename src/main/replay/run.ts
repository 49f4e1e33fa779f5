// One replay run over a frozen prefix: which events, in which order, at which speed, and what came of it.
// Live is not here: a run reads what the log held when it began.
import { fault, type Clock, type StopSignal, type Timers } from "../../shared/base.ts";
import { decodeCursor } from "../../shared/cursor.ts";
import { type DecoderLookup, type EventKind, eventNs, type StreamRef } from "../../shared/market.ts";
import { compareOrder, type OrderKey } from "../../shared/ordering.ts";
import { positionOf, rawSeqOf } from "../../shared/raw.ts";
import type { RawLogReader } from "../rawlog/types.ts";
import { eventOrderEvents } from "./event-order.ts";
import { arrivalEvents, eventsAt, type EventsOptions, type ReplayEvent } from "./events.ts";
import { ReplayDigest } from "./replay-digest.ts";

export type ReplayOrder = "arrival" | "event";

export interface ReplayRunOptions {
  readonly reader: RawLogReader;
  readonly decoders: DecoderLookup;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly signal: StopSignal;
  readonly order: ReplayOrder;
  /** Times (ns), from inclusive, until exclusive: known time in arrival order, event time in event order. */
  readonly fromNs: bigint | undefined;
  readonly untilNs: bigint | undefined;
  /** Resume after this event. */
  readonly cursor: string | undefined;
  readonly wantedStream: ((stream: StreamRef) => boolean) | undefined;
  readonly kind?: EventKind | undefined;
  /** 0 = as fast as possible, else known (or event) time per real time. */
  readonly speed: number;
  readonly scratchFolder: string;
  readonly onBatch?: (batch: readonly ReplayEvent[]) => void;
}

export interface ReplayRunResult {
  readonly events: number;
  readonly digest: string;
  readonly lastCursor: string | undefined;
  readonly stopReason: "STREAM_END" | "UNTIL" | "INTERRUPTED";
  readonly elapsedMs: number;
  /** Last raw seq of the frozen prefix. */
  readonly toSeq: number;
}

/** Longest single wait of pacing (ms): an interruption is heard by then even without a timer of its own. */
const WAIT_MAX_MS = 1_000;

/** The time an event is paced and bounded by, in the order of the run. */
type TimeOf = (event: ReplayEvent) => bigint;

/** Known time = running maximum of receive time. */
function knownTime(): TimeOf {
  let knownNs = 0n;
  return ({ record }) => {
    if (record.recvNs > knownNs) knownNs = record.recvNs;
    return knownNs;
  };
}

function wait(options: Pick<ReplayRunOptions, "timers" | "signal">, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      options.signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = options.timers.after(delayMs, end);
    options.signal.addEventListener("abort", end);
  });
}

/** Checks that the cursor names an event of this capture and run; a wrong one would resume at a wrong place. */
async function resumeKey(options: ReplayRunOptions, toSeq: number): Promise<OrderKey | undefined> {
  if (options.cursor === undefined) return undefined;
  const decoded = decodeCursor(options.cursor);
  if (!decoded.ok) throw fault(decoded.fault.code, decoded.fault.message);
  const key = decoded.value;
  const rawSeq = rawSeqOf(key.seq);
  const record = rawSeq <= toSeq ? await options.reader.record(rawSeq) : undefined;
  if (record === undefined) throw fault("replay.cursor-unknown", `the cursor names message ${rawSeq}, which this capture does not hold (it ends at ${toSeq})`);
  const event = (await eventsAt(options, record))[positionOf(key.seq)];
  if (event === undefined) throw fault("replay.cursor-unknown", `the cursor names event ${positionOf(key.seq)} of message ${rawSeq} (${record.stream.streamId}), which is no event`);
  if (eventNs(event) !== key.tsEventNs) {
    throw fault("replay.cursor-mismatch", `the cursor says ts_event ${key.tsEventNs}, message ${rawSeq} says ${eventNs(event)}: it is of another capture`);
  }
  return key;
}

/** The batches of the run's order, from its start on (both bounds of `from`; `until` is the caller's). */
async function source(options: ReplayRunOptions, toSeq: number): Promise<AsyncIterable<readonly ReplayEvent[]>> {
  const common: EventsOptions = { reader: options.reader, decoders: options.decoders, clock: options.clock, signal: options.signal, toSeq, wanted: options.wantedStream, kind: options.kind };
  const resume = await resumeKey(options, toSeq);
  if (options.order === "event") {
    const first = options.fromNs === undefined ? undefined : { key: { tsEventNs: options.fromNs, seq: 0n }, inclusive: true };
    const after = resume && { key: resume, inclusive: false };
    const from = first !== undefined && after !== undefined ? (compareOrder(first.key, after.key) > 0 ? first : after) : (first ?? after);
    return eventOrderEvents({ ...common, scratchFolder: options.scratchFolder, ...(from && { from }) });
  }
  // Known time never falls, so a moment is a seq: the last one before `from` is where reading starts.
  const beforeSeq = options.fromNs === undefined ? 0 : await options.reader.locate(options.fromNs - 1n);
  const resumeSeq = resume === undefined ? 0 : rawSeqOf(resume.seq);
  if (resume !== undefined && resumeSeq > beforeSeq) return arrivalEvents({ ...common, afterSeq: resumeSeq, afterPosition: positionOf(resume.seq) });
  return arrivalEvents({ ...common, afterSeq: beforeSeq });
}

/** Runs to the end of the prefix, to `until`, or until the signal aborts. Faults: `cursor.*`, `replay.*`, `log.*`. */
export async function runReplay(options: ReplayRunOptions): Promise<ReplayRunResult> {
  const toSeq = await options.reader.refresh();
  const startMs = options.clock.monotonicMs();
  const digest = new ReplayDigest();
  let stopReason: ReplayRunResult["stopReason"] = "STREAM_END";
  // In arrival order `until` is a place in the log: the running maximum must not depend on which streams are wanted.
  const bySeq = options.order === "arrival" && options.untilNs !== undefined;
  const lastSeq = bySeq && options.untilNs !== undefined ? await options.reader.locate(options.untilNs - 1n) : toSeq;
  if (bySeq && lastSeq < toSeq) stopReason = "UNTIL";
  const timeOf: TimeOf = options.order === "arrival" ? knownTime() : ({ tsEventNs }) => tsEventNs;
  const pace = pacer(options, timeOf);
  for await (const all of await source(options, Math.min(toSeq, lastSeq))) {
    if (options.signal.aborted) break;
    const { untilNs } = options;
    const cut = bySeq || untilNs === undefined ? -1 : all.findIndex(({ tsEventNs }) => tsEventNs >= untilNs);
    const batch = cut < 0 ? all : all.slice(0, cut);
    for await (const part of pace(batch)) {
      digest.add(part);
      options.onBatch?.(part);
    }
    if (cut >= 0) {
      stopReason = "UNTIL";
      break;
    }
  }
  if (options.signal.aborted) stopReason = "INTERRUPTED";
  return { events: digest.events, digest: digest.digest(), lastCursor: digest.lastCursor, stopReason, elapsedMs: options.clock.monotonicMs() - startMs, toSeq };
}

/** Cuts batches so that each part is due when it is handed on. As fast as possible: the batch itself. */
function pacer(options: ReplayRunOptions, timeOf: TimeOf): (batch: readonly ReplayEvent[]) => AsyncGenerator<readonly ReplayEvent[]> {
  let origin: { readonly ns: bigint; readonly ms: number } | undefined;
  return async function* paced(batch) {
    if (options.speed === 0) {
      if (batch.length > 0) yield batch;
      return;
    }
    let part: ReplayEvent[] = [];
    for (const event of batch) {
      const ns = timeOf(event);
      origin ??= { ns, ms: options.clock.monotonicMs() };
      const dueMs = origin.ms + Number(ns - origin.ns) / 1e6 / options.speed;
      if (dueMs > options.clock.monotonicMs() && part.length > 0) {
        yield part;
        part = [];
      }
      for (let left = dueMs - options.clock.monotonicMs(); left > 0 && !options.signal.aborted; left = dueMs - options.clock.monotonicMs()) {
        await wait(options, Math.min(left, WAIT_MAX_MS));
      }
      if (options.signal.aborted) return;
      part.push(event);
    }
    if (part.length > 0) yield part;
  };
}
