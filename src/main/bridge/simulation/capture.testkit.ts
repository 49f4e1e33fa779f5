// What a simulated server has to tell, drawn from a seed, and the word of truth about it: the i-th entry of a stream has the
// sequence i, and nothing else is right. Outlives every process; a feed is one life's view of it.
import { assert } from "../../../shared/base.ts";
import type { BarValues, GapState, Grade } from "../../../shared/candles.ts";
import { decimal } from "../../../shared/decimal.ts";
import { INTERVAL_MS, type Interval } from "../../../shared/time.ts";
import type { VirtualClock } from "../../net/virtual-clock.ts";
import type { SeededRandom } from "../../sim/random.ts";
import { streamName, type BridgeBar, type BridgeForming, type BridgeGap, type Entry, type EntryContent, type History, type StreamKey } from "../model.ts";
import type { Feed, FeedItem, FeedPlace } from "../server/types.ts";
import type { Life } from "./life.testkit.ts";

export const START_MS = 1_767_225_600_000;

const SYMBOLS = ["BTC-USDT", "BTC-USDT.P", "ETHUSDT", "ES_F", "6E", "SOLUSDT", "XRPUSDT", "ADA.x"];
const INTERVALS: readonly Interval[] = ["1s", "5s", "1m", "1h"];
const GAP_STATES: readonly GapState[] = ["open", "backfilling", "repaired", "partly_repaired", "GAP_UNRESOLVED"];
const GRADES: readonly Grade[] = ["proved", "likely", "unprovable", "partial", "repaired", "unresolved"];
const EMPTY_GRADES: readonly Grade[] = ["empty_proved", "missing", "GAP_UNRESOLVED"];
/** Corrections touch one of so many last bars. */
const CORRECTED_BACK = 20;
const BATCH_MAX = 200;
const FORMING_EVERY_MS = 100;

interface Produced {
  readonly atMs: number;
  readonly item: FeedItem;
}

/** Two names may be prefixes of one another (`BTC-USDT`, `BTC-USDT.P`): filters by prefix then bring what was not asked for. */
export function drawStreams(random: SeededRandom, count: number): readonly StreamKey[] {
  assert(count <= SYMBOLS.length, `at most ${SYMBOLS.length} streams`);
  return SYMBOLS.slice(0, count).map((symbol) => ({ sourceId: random.chance(0.5) ? "sim" : "IBKR", symbol, interval: random.pick(INTERVALS) }));
}

/** One stream while it is being drawn. */
class Stream {
  readonly key: StreamKey;
  readonly entries: Entry[] = [];
  readonly #random: SeededRandom;
  readonly #label: string;
  readonly #hasDigests: boolean;
  readonly #bars: BridgeBar[] = [];
  readonly #gaps: BridgeGap[] = [];
  #nextOpenMs = START_MS - 86_400_000;

  constructor(key: StreamKey, random: SeededRandom, label: string) {
    this.key = key;
    this.#random = random;
    this.#label = label;
    this.#hasDigests = random.chance(0.8);
  }

  get nextOpenMs(): number {
    return this.#nextOpenMs;
  }

  draw(origin: { readonly atSeq: number; readonly knownNs: bigint }): Entry {
    const share = this.#random.next();
    const content = share < 0.7 || this.#bars.length === 0 ? this.#bar() : share < 0.85 ? this.#correction() : share < 0.93 ? this.#grade() : this.#gap();
    const entry: Entry = { ...content, ...origin };
    this.entries.push(entry);
    return entry;
  }

  /** Names this entry among all that were ever drawn, so that no two are alike. */
  #unique(): string {
    return `${this.#label} ${streamName(this.key)} ${this.entries.length + 1}`;
  }

  #values(): BarValues {
    return drawValues(this.#random, this.entries.length);
  }

  #digest(): string | undefined {
    return this.#hasDigests ? [...this.#unique()].map((letter) => letter.charCodeAt(0).toString(16)).join("").padEnd(64, "0").slice(-64) : undefined;
  }

  #bar(): EntryContent {
    // Quiet buckets have no bar at all.
    const openMs = this.#nextOpenMs + (this.#random.chance(0.05) ? this.#random.below(5) * INTERVAL_MS[this.key.interval] : 0);
    this.#nextOpenMs = openMs + INTERVAL_MS[this.key.interval];
    const bar: BridgeBar = {
      openMs, values: this.#values(), revision: 1, reason: this.#random.chance(0.8) ? "watermark" : "clock_tick", digest: this.#digest(),
      grade: this.#random.chance(0.9) ? this.#random.pick(GRADES) : undefined,
    };
    this.#bars.push(bar);
    return { kind: "bar", bar };
  }

  #correction(): EntryContent {
    const back = this.#random.below(Math.min(CORRECTED_BACK, this.#bars.length)) + 1;
    const index = this.#bars.length - back;
    const before = this.#bars[index];
    assert(before !== undefined, "a correction has a bar");
    const bar: BridgeBar = { ...before, values: this.#values(), revision: before.revision + 1, reason: this.#random.chance(0.5) ? "late_data" : "gap_backfill", digest: this.#digest() };
    this.#bars[index] = bar;
    return { kind: "bar", bar };
  }

  #grade(): EntryContent {
    const length = INTERVAL_MS[this.key.interval];
    const isEmpty = this.#random.chance(0.3);
    const fromOpenMs = isEmpty ? this.#nextOpenMs : this.#nextOpenMs - this.#random.between(1, CORRECTED_BACK) * length;
    const untilOpenMs = fromOpenMs + this.#random.between(1, 5) * length;
    if (isEmpty) this.#nextOpenMs = untilOpenMs;
    return { kind: "grade", fromOpenMs, untilOpenMs, grade: this.#random.pick(isEmpty ? EMPTY_GRADES : GRADES), why: this.#unique() };
  }

  #gap(): EntryContent {
    const index = this.#random.below(this.#gaps.length + 1);
    const before = this.#gaps[index];
    const hasIds = this.#random.chance(0.6);
    const gap: BridgeGap = {
      gapId: before?.gapId ?? `gap-${index + 1}`, streamId: `${this.key.sourceId}:${this.key.symbol}:trade`, fromMs: before?.fromMs ?? this.#nextOpenMs,
      toMs: this.#random.chance(0.5) ? this.#nextOpenMs + 1_000 : undefined, fromId: hasIds ? 7 : undefined, toId: hasIds ? 9_000_000_000 : undefined,
      missing: hasIds ? this.#random.below(99) : undefined, cause: this.#random.chance(0.5) ? "id_hole" : "disconnect", state: this.#random.pick(GAP_STATES),
      attempts: this.#random.below(4), detail: this.#unique(),
    };
    this.#gaps[index] = gap;
    return { kind: "gap", gap };
  }
}

function drawValues(random: SeededRandom, salt: number): BarValues {
  const price = 6_000_000 + random.below(100_000);
  const size = random.below(1_000_000);
  // Now and then a sum that needs more than 64 bits, as quote volumes do.
  const quote = random.chance(0.05) ? decimal(2n ** 70n + BigInt(salt), 12) : decimal(price * 1_000 + salt, 5);
  return {
    open: decimal(price, 2), high: decimal(price + random.below(500), 2), low: decimal(price - random.below(500), 2), close: decimal(price + random.below(100), 2),
    volume: decimal(size, 3), quoteVolume: quote, tradeCount: random.below(5_000), takerBuyVolume: decimal(random.below(size + 1), 3), takerBuyQuoteVolume: decimal(size, 5),
  };
}

export interface CaptureOptions {
  readonly label: string;
  readonly streams: readonly StreamKey[];
  readonly entries: number;
  /** Virtual time in which they come to be. */
  readonly fromMs: number;
  readonly untilMs: number;
  readonly history: History;
}

/** All entries of one past, in feed order, each with the virtual time at which it comes to be. */
export class Capture {
  readonly history: History;
  readonly streams: readonly StreamKey[];
  readonly #streams: ReadonlyMap<string, Stream>;
  readonly #produced: readonly Produced[];

  constructor(random: SeededRandom, options: CaptureOptions) {
    const { streams, entries, fromMs, untilMs, history, label } = options;
    this.history = history;
    this.streams = streams;
    const all = streams.map((key) => new Stream(key, random.fork(`${label} ${streamName(key)}`), label));
    this.#streams = new Map(all.map((stream) => [streamName(stream.key), stream]));
    this.#produced = this.#draw(random, all, { entries, fromMs, untilMs });
  }

  #draw(random: SeededRandom, streams: readonly Stream[], options: { readonly entries: number; readonly fromMs: number; readonly untilMs: number }): readonly Produced[] {
    const { entries, fromMs, untilMs } = options;
    const produced: Produced[] = [];
    let seq = 1;
    let atMs = fromMs;
    const meanMs = (untilMs - fromMs) / Math.max(1, entries);
    const ofRecord = new Map<Stream, number>();
    for (let count = 0; count < entries; count += 1) {
      // One record may cause several entries, of one stream or of several; and they come in bursts.
      if (!random.chance(0.3)) {
        seq += random.between(1, 9);
        ofRecord.clear();
        if (random.chance(0.3)) atMs = Math.min(untilMs, atMs + random.exponential() * meanMs * 4.7);
      }
      const stream = random.pick(streams);
      const index = ofRecord.get(stream) ?? 0;
      ofRecord.set(stream, index + 1);
      const entry = stream.draw({ atSeq: seq, knownNs: BigInt(START_MS + Math.floor(atMs)) * 1_000_000n });
      produced.push({ atMs, item: { key: stream.key, place: { seq, index }, entry } });
    }
    return produced;
  }

  get length(): number {
    return this.#produced.length;
  }

  /** Entries of one stream; sequence 1 is the first. */
  entriesOf(name: string): readonly Entry[] {
    return this.#streams.get(name)?.entries ?? [];
  }

  /** The first item whose record is `place.seq` or later. */
  indexOf(place: FeedPlace): number {
    let low = 0;
    let high = this.#produced.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#produced[middle]?.item.place.seq ?? Infinity) < place.seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  at(index: number): Produced | undefined {
    return this.#produced[index];
  }
}

export interface SimulatedFeedOptions {
  readonly capture: Capture;
  readonly clock: VirtualClock;
  readonly life: Life;
  readonly random: SeededRandom;
  /** The source ends with its last entry, as a replay does; else it waits for more. */
  readonly isFinite: boolean;
}

export function openFeed(options: SimulatedFeedOptions): Feed {
  const { capture, clock, life, random } = options;
  const listeners: ((key: StreamKey, bar: BridgeForming) => void)[] = [];
  let told = 0;
  let isClosed = false;
  const opens = new Map<string, number>();

  function note(item: FeedItem): void {
    if (item.entry.kind === "bar") opens.set(streamName(item.key), Math.max(opens.get(streamName(item.key)) ?? 0, item.entry.bar.openMs + INTERVAL_MS[item.key.interval]));
  }
  function tellForming(): void {
    if (isClosed) return;
    for (const key of capture.streams) {
      const openMs = opens.get(streamName(key));
      if (openMs === undefined || !random.chance(0.5)) continue;
      const bar: BridgeForming = { openMs, values: drawValues(random, (told += 1)), atSeq: told, knownNs: clock.wallNs() };
      for (const listener of listeners) listener(key, bar);
    }
    cancelForming = life.after(FORMING_EVERY_MS, tellForming);
  }
  let cancelForming = life.after(FORMING_EVERY_MS, tellForming);

  return {
    history: capture.history,
    streams: capture.streams,
    async *batches(from, stop) {
      // The source may begin earlier than asked: its files are cut elsewhere.
      let index = Math.max(0, capture.indexOf(from) - (random.chance(0.5) ? random.below(50) : 0));
      while (!stop.aborted) {
        const next = capture.at(index);
        if (next === undefined && options.isFinite) return;
        const waitMs = next === undefined ? Infinity : next.atMs - clock.monotonicMs();
        if (next === undefined || waitMs > 0) {
          await wait(life, stop, waitMs);
          continue;
        }
        const batch: FeedItem[] = [];
        const most = random.between(1, BATCH_MAX);
        for (let produced: Produced | undefined = next; produced !== undefined && produced.atMs <= clock.monotonicMs() && batch.length < most; produced = capture.at(index)) {
          batch.push(produced.item);
          note(produced.item);
          index += 1;
        }
        yield batch;
      }
    },
    onForming(listener) {
      listeners.push(listener);
    },
    async close() {
      isClosed = true;
      cancelForming();
    },
  };
}

/** Until the time has come or the reader no longer wants anything. */
function wait(life: Life, stop: { readonly aborted: boolean; addEventListener(type: "abort", run: () => void): void; removeEventListener(type: "abort", run: () => void): void }, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = delayMs === Infinity ? () => undefined : life.after(delayMs, end);
    function end(): void {
      cancel();
      stop.removeEventListener("abort", end);
      resolve();
    }
    stop.addEventListener("abort", end);
  });
}
