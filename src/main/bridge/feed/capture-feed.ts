// Entries of the capture that this program records: read from the deriver's journals as they grow, up to where the deriver says it is.
import { assert, type StopSignal } from "../../../shared/base.ts";
import type { FormingBar } from "../../../shared/candles.ts";
import type { Interval } from "../../../shared/time.ts";
import { CANONICALIZER_VERSION } from "../../canonical/types.ts";
import { openReader } from "../../rawlog/reader.ts";
import type { RawLogReader } from "../../rawlog/types.ts";
import { Turns } from "../../replay/turns.ts";
import type { History, StreamKey } from "../model.ts";
import type { FeedSpec } from "../process-messages.ts";
import { historyOf } from "../server/history.ts";
import { FEED_BATCH_MAX, type Feed, type FeedItem, type FeedPlace } from "../server/types.ts";
import { readCaptureHead } from "./capture-head.ts";
import { formingOf, itemsOf } from "./entries.ts";
import { JournalMerge } from "./journal-merge.ts";
import { Latch } from "./latch.ts";
import type { FeedDeps, ServedFeed } from "./types.ts";

type CaptureSpec = Extract<FeedSpec, { readonly kind: "capture" }>;

/** Faults: those of readCaptureHead. Serving begins with the first `derived`: before it the journals may hold another version's lines. */
export async function openCaptureFeed(spec: CaptureSpec, deps: FeedDeps): Promise<ServedFeed> {
  const reader = await openReader({ disk: deps.disk, folder: spec.captureFolder });
  try {
    const head = await readCaptureHead(reader, deps.sha256);
    const history = historyOf({
      mode: spec.simulated ? "simulated" : "live", lineage: head.lineage, configDigest: spec.configDigest, canonicalizerVersion: CANONICALIZER_VERSION, runId: "",
    });
    return new CaptureFeed({ spec, deps, reader, history, streams: head.streams, intervals: head.config.intervals });
  } catch (error) {
    await reader.close();
    throw error;
  }
}

interface CaptureFeedParts {
  readonly spec: CaptureSpec;
  readonly deps: FeedDeps;
  readonly reader: RawLogReader;
  readonly history: History;
  readonly streams: readonly StreamKey[];
  readonly intervals: readonly Interval[];
}

class CaptureFeed implements ServedFeed {
  readonly history: History;
  readonly streams: readonly StreamKey[];
  readonly #parts: CaptureFeedParts;
  readonly #told = new Latch();
  #position = 0;
  #ended = false;
  #readableSeq = 0;
  #onForming: Parameters<Feed["onForming"]>[0] = () => undefined;
  #waitingForming: readonly FormingBar[] | undefined;
  #sayingForming: Promise<void> | undefined;

  constructor(parts: CaptureFeedParts) {
    this.#parts = parts;
    this.history = parts.history;
    this.streams = parts.streams;
  }

  derived(position: number): void {
    if (position <= this.#position) return;
    this.#position = position;
    this.#told.open();
  }

  ended(): void {
    this.#ended = true;
    this.#told.open();
  }

  begin(): void {
    // A recording is never held.
  }

  onForming(listener: Parameters<Feed["onForming"]>[0]): void {
    this.#onForming = listener;
  }

  /** The newest note replaces one that waits: open bars are worth nothing once newer ones are there. */
  forming(bars: readonly FormingBar[]): void {
    this.#waitingForming = bars;
    this.#sayingForming ??= this.#sayForming().finally(() => {
      this.#sayingForming = undefined;
    });
  }

  async #sayForming(): Promise<void> {
    for (let bars = this.#waitingForming; bars !== undefined; bars = this.#waitingForming) {
      this.#waitingForming = undefined;
      for (const bar of bars) {
        const said = formingOf(bar, await this.#knownNs(bar.lastSeq));
        this.#onForming(said.key, said.bar);
      }
    }
  }

  /** Receive time of the record; 0 where its number is not in the log. */
  async #knownNs(seq: number): Promise<bigint> {
    const { reader } = this.#parts;
    if (seq > this.#readableSeq) this.#readableSeq = await reader.refresh();
    return (await reader.record(seq))?.recvNs ?? 0n;
  }

  async *batches(from: FeedPlace, stop: StopSignal): AsyncGenerator<readonly FeedItem[]> {
    const { spec, deps } = this.#parts;
    const merge = new JournalMerge(deps.disk, `${spec.captureFolder}/candles`);
    const turns = new Turns(deps.clock);
    let isPlaced = false;
    try {
      while (!stop.aborted) {
        this.#told.close();
        const position = this.#position;
        const ended = this.#ended;
        if (!isPlaced && position > 0) {
          await merge.seek(from.seq);
          isPlaced = true;
        }
        if (isPlaced) yield* this.#upTo(position, merge, turns, stop);
        if (ended) return;
        await this.#told.passed(stop);
      }
    } finally {
      await merge.close();
    }
  }

  async *#upTo(position: number, merge: JournalMerge, turns: Turns, stop: StopSignal): AsyncGenerator<readonly FeedItem[]> {
    const items: FeedItem[] = [];
    for (let said = await merge.next(position); said !== undefined; said = await merge.next(position)) {
      if (said.bars.length + said.grades.length + said.gaps.length > 0) {
        for (const item of itemsOf(said, this.#parts.intervals, await this.#knownNs(said.atSeq))) items.push(item);
      }
      while (items.length >= FEED_BATCH_MAX) yield items.splice(0, FEED_BATCH_MAX);
      if (turns.due()) await turns.pass();
      if (stop.aborted) return;
    }
    assert(items.length < FEED_BATCH_MAX, "full batches are handed on at once");
    if (items.length > 0) yield items;
  }

  async close(): Promise<void> {
    this.#waitingForming = undefined;
    await this.#sayingForming;
    await this.#parts.reader.close();
  }
}
