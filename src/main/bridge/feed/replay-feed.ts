// Entries of a captured log told again: reader → decoder → canonicalizer, paced by known time. The same words as the deriver's, so the
// same entries at the same places as those of the capture's journals.
import type { StopSignal } from "../../../shared/base.ts";
import { CarriedStreams } from "../../../shared/carried.ts";
import type { RawRecord } from "../../../shared/raw.ts";
import { createCanonicalizer } from "../../canonical/canonicalizer.ts";
import { CANONICALIZER_VERSION, type Canonicalizer } from "../../canonical/types.ts";
import { applyRecord } from "../../derive/pipeline.ts";
import { openReader } from "../../rawlog/reader.ts";
import type { RawLogReader } from "../../rawlog/types.ts";
import { Chronicle, ChronicleReader } from "../../replay/chronicle.ts";
import { Turns } from "../../replay/turns.ts";
import type { History, StreamKey } from "../model.ts";
import type { FeedSpec } from "../process-messages.ts";
import { historyOf } from "../server/history.ts";
import { FEED_BATCH_MAX, type Feed, type FeedItem, type FeedPlace } from "../server/types.ts";
import { readCaptureHead, type CaptureHead } from "./capture-head.ts";
import { formingOf, itemsOf, saidBy } from "./entries.ts";
import { FormingWatch } from "./forming-watch.ts";
import { Latch } from "./latch.ts";
import { KnownTimePace, pause } from "./pace.ts";
import type { FeedDeps, ServedFeed } from "./types.ts";

type ReplaySpec = Extract<FeedSpec, { readonly kind: "replay" }>;

/** Open bars are told this often (real ms), those that changed. */
const FORMING_EVERY_MS = 100;

/** Faults: those of readCaptureHead. */
export async function openReplayFeed(spec: ReplaySpec, deps: FeedDeps): Promise<ServedFeed> {
  const reader = await openReader({ disk: deps.disk, folder: spec.captureFolder });
  try {
    const head = await readCaptureHead(reader, deps.sha256);
    const { lineage, configDigest } = head;
    const history = historyOf({ mode: "replay", lineage, configDigest, canonicalizerVersion: CANONICALIZER_VERSION, runId: spec.runId });
    return new ReplayFeed({ spec, deps, reader, head, history });
  } catch (error) {
    await reader.close();
    throw error;
  }
}

interface ReplayFeedParts {
  readonly spec: ReplaySpec;
  readonly deps: FeedDeps;
  readonly reader: RawLogReader;
  readonly head: CaptureHead;
  readonly history: History;
}

class ReplayFeed implements ServedFeed {
  readonly history: History;
  readonly streams: readonly StreamKey[];
  readonly #parts: ReplayFeedParts;
  readonly #begun = new Latch();
  #onForming: Parameters<Feed["onForming"]>[0] = () => undefined;

  constructor(parts: ReplayFeedParts) {
    this.#parts = parts;
    this.history = parts.history;
    this.streams = parts.head.streams;
    if (!parts.spec.held) this.#begun.open();
  }

  begin(): void {
    this.#begun.open();
  }
  derived(): void {
    // A replay derives by itself.
  }
  forming(): void {
    // As above.
  }
  ended(): void {
    // The log's end is its end.
  }

  onForming(listener: Parameters<Feed["onForming"]>[0]): void {
    this.#onForming = listener;
  }

  /** What lies before `from` is derived as fast as possible, unheard. */
  async *batches(from: FeedPlace, stop: StopSignal): AsyncGenerator<readonly FeedItem[]> {
    const { reader, deps, head, spec } = this.#parts;
    await this.#begun.passed(stop);
    const { clock, timers } = deps;
    const telling = new Telling(this.#parts, from.seq);
    const forming = new FormingWatch(this.streams, telling.canonicalizer);
    const pace = new KnownTimePace(spec.speed);
    const turns = new Turns(clock);
    let formingAtMs = 0;
    const sayForming = (nowMs: number): void => {
      if (nowMs < formingAtMs) return;
      formingAtMs = nowMs + FORMING_EVERY_MS;
      for (const open of forming.changed()) {
        const { key, bar } = formingOf(open, pace.knownNs);
        this.#onForming(key, bar);
      }
    };
    for await (const records of reader.batches({ toSeq: await reader.refresh() })) {
      for (const record of records) {
        if (stop.aborted) return;
        pace.see(record);
        if (record.seq >= from.seq) {
          for (let left = pace.leftMs(clock); left > 0; left = pace.leftMs(clock)) {
            sayForming(clock.monotonicMs());
            yield* telling.take(0);
            await pause(timers, left, stop);
            if (stop.aborted) return;
          }
        }
        telling.tell(record, head.config.intervals);
        yield* telling.take(FEED_BATCH_MAX);
        if (!turns.due()) continue;
        if (record.seq >= from.seq) sayForming(clock.monotonicMs());
        yield* telling.take(0);
        await turns.pass();
      }
    }
    yield* telling.take(0);
  }

  close(): Promise<void> {
    return this.#parts.reader.close();
  }
}

/** The canonicalizer of one pass and what it said that is not handed on yet. */
class Telling {
  readonly canonicalizer: Canonicalizer;
  readonly #parts: ReplayFeedParts;
  readonly #fromSeq: number;
  readonly #carried = new CarriedStreams();
  #items: FeedItem[] = [];

  constructor(parts: ReplayFeedParts, fromSeq: number) {
    this.#parts = parts;
    this.#fromSeq = fromSeq;
    this.canonicalizer = createCanonicalizer({ sha256: parts.deps.sha256, history: new ChronicleReader(new Chronicle()) });
  }

  tell(record: RawRecord, intervals: CaptureHead["config"]["intervals"]): void {
    applyRecord(this.canonicalizer, record, this.#parts.deps.decoders, this.#carried);
    const said = saidBy(record.seq, this.canonicalizer.drain());
    if (said === undefined || record.seq < this.#fromSeq) return;
    for (const item of itemsOf(said, intervals, record.recvNs)) this.#items.push(item);
  }

  /** Hands on what has gathered, once it is at least so much. */
  *take(atLeast: number): Generator<readonly FeedItem[]> {
    while (this.#items.length > 0 && this.#items.length >= atLeast) yield this.#items.splice(0, FEED_BATCH_MAX);
  }
}
