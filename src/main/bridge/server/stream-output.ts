// One stream on its way out: batches in order, the forming bar conflated, a heartbeat when it is quiet.
import type { Clock, Timers } from "../../../shared/base.ts";
import { msFromNs } from "../../../shared/time.ts";
import type { BridgeForming, History, SequencedEntry, StreamKey } from "../model.ts";
import type { BridgeCodec } from "../wire/codec-types.ts";
import { BATCH_ENTRIES_MAX, FRAME_BYTES_MAX, type Publication } from "../wire/messages.ts";
import { candlesTopic, formingTopic } from "../wire/topics.ts";
import type { ServedStream, StreamState } from "./types.ts";

/** Hands frames to the socket, one after the other, in the order of the calls. `make` runs when it is this one's turn. */
export type Outbox = (topic: string, make: () => Uint8Array | undefined) => Promise<void>;

export interface StreamOutputOptions {
  readonly key: StreamKey;
  readonly history: History;
  readonly state: StreamState;
  readonly codec: BridgeCodec;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly outbox: Outbox;
  readonly heartbeatMs: number;
  readonly formingMs: number;
}

/** Half of what a frame may have: the estimate need not be good. */
const BATCH_BYTES_MAX = FRAME_BYTES_MAX / 2;
/** A bar's numbers, its digest and the tables around them. */
const ENTRY_BYTES = 640;

/** More than the entry takes on the wire. */
export function wireBytes(entry: SequencedEntry): number {
  if (entry.kind === "bar") return ENTRY_BYTES;
  const text = entry.kind === "grade" ? entry.why.length : entry.gap.gapId.length + entry.gap.streamId.length + entry.gap.detail.length;
  return ENTRY_BYTES + 3 * text;
}

/** How many of the entries fit one frame, from `from` on: at least one. */
export function fitting(entries: readonly SequencedEntry[], from: number, most: number): number {
  let bytes = 0;
  let count = 0;
  while (count < most && from + count < entries.length) {
    const entry = entries[from + count];
    if (entry === undefined) break;
    bytes += wireBytes(entry);
    if (bytes > BATCH_BYTES_MAX && count > 0) break;
    count += 1;
  }
  return count;
}

const RATE_SECONDS = 5;

/** Entries per second over the last few whole seconds. */
class RateMeter {
  readonly #counts = new Array<number>(RATE_SECONDS).fill(0);
  #second = 0;

  #turn(nowMs: number): void {
    const second = Math.floor(nowMs / 1_000);
    for (let next = Math.max(this.#second + 1, second - RATE_SECONDS + 1); next <= second; next += 1) this.#counts[next % RATE_SECONDS] = 0;
    this.#second = second;
  }

  add(count: number, nowMs: number): void {
    this.#turn(nowMs);
    const at = this.#second % RATE_SECONDS;
    this.#counts[at] = (this.#counts[at] ?? 0) + count;
  }

  rate(nowMs: number): number {
    this.#turn(nowMs);
    return this.#counts.reduce((sum, count) => sum + count, 0) / RATE_SECONDS;
  }
}

export class StreamOutput {
  readonly key: StreamKey;
  readonly #options: StreamOutputOptions;
  readonly #candles: string;
  readonly #formingTopic: string;
  readonly #rate = new RateMeter();
  /** Last sequence handed to the socket; at the start what is durable, which clients can backfill. */
  #latest: number;
  /** Newest bucket with a bar that was published. */
  #sealedMs: number | undefined;
  #sentMs: number;
  #beat = 0;
  #isBeatQueued = false;
  #forming: BridgeForming | undefined;
  /** The newest that was told: told again while the stream is quiet, for whoever came later. */
  #told: BridgeForming | undefined;
  #formedMs = -Infinity;
  /** It waits for its turn at the socket: what comes until then replaces it. */
  #isFormingQueued = false;
  #cancelForming: (() => void) | undefined;
  #cancelHeartbeat: (() => void) | undefined;
  #published = 0;
  #conflated = 0;
  #lagMs: number | undefined;
  #isStopped = false;

  constructor(options: StreamOutputOptions) {
    this.key = options.key;
    this.#options = options;
    this.#candles = candlesTopic(options.key);
    this.#formingTopic = formingTopic(options.key);
    this.#latest = options.state.latestSequence;
    this.#sealedMs = options.state.latestSequence === 0 ? undefined : options.state.latestMs;
    this.#sentMs = options.clock.monotonicMs();
    this.#armHeartbeat(options.heartbeatMs);
  }

  /** Last sequence that was published. */
  get latest(): number {
    return this.#latest;
  }

  served(state: StreamState): ServedStream {
    const rate = this.#rate.rate(this.#options.clock.monotonicMs());
    return {
      key: this.key, latestSequence: state.latestSequence, firstSequence: state.firstSequence,
      published: this.#published, conflated: this.#conflated, rate, lagMs: this.#lagMs,
    };
  }

  /** Durable entries, contiguous from the last published one on. */
  async publish(entries: readonly SequencedEntry[]): Promise<void> {
    for (let at = 0; at < entries.length && !this.#isStopped;) {
      const count = fitting(entries, at, BATCH_ENTRIES_MAX);
      const batch = entries.slice(at, at + count);
      at += count;
      await this.#options.outbox(this.#candles, () => this.#batchFrame(batch));
    }
  }

  #batchFrame(batch: readonly SequencedEntry[]): Uint8Array | undefined {
    if (this.#isStopped) return undefined;
    const { clock, codec } = this.#options;
    const publishedNs = clock.wallNs();
    const nowMs = clock.monotonicMs();
    const frame = codec.encodePublication({ type: "batch", ...this.#head(publishedNs), entries: batch });
    for (const entry of batch) {
      if (entry.kind === "bar") this.#sealedMs = Math.max(this.#sealedMs ?? entry.bar.openMs, entry.bar.openMs);
      // Of a replay the time between knowing and telling is how long ago it happened.
      if (entry.knownNs > 0n && this.#options.history.mode !== "replay") this.#lagMs = msFromNs(publishedNs - entry.knownNs);
      this.#latest = entry.sequence;
    }
    this.#published += batch.length;
    this.#rate.add(batch.length, nowMs);
    this.#sentMs = nowMs;
    return frame;
  }

  #head(publishedNs: bigint): Pick<Publication, "key" | "historyId" | "mode" | "publishedNs"> {
    const { history } = this.#options;
    return { key: this.key, historyId: history.historyId, mode: history.mode, publishedNs };
  }

  // ── The bar that is still open ─────────────────────────────────────────────

  form(bar: BridgeForming): void {
    if (this.#isStopped) return;
    if (this.#forming !== undefined) this.#conflated += 1;
    this.#forming = bar;
    if (this.#cancelForming !== undefined || this.#isFormingQueued) return;
    const waitMs = this.#formedMs + this.#options.formingMs - this.#options.clock.monotonicMs();
    if (waitMs <= 0) this.#sendForming();
    else this.#cancelForming = this.#options.timers.after(waitMs, () => { this.#sendForming(); });
  }

  #sendForming(): void {
    this.#cancelForming = undefined;
    this.#isFormingQueued = true;
    void this.#options.outbox(this.#formingTopic, () => this.#formingFrame());
  }

  #formingFrame(): Uint8Array | undefined {
    const bar = this.#forming;
    this.#forming = undefined;
    this.#isFormingQueued = false;
    if (this.#isStopped || bar === undefined) return undefined;
    this.#told = bar;
    // Sealed meanwhile: what the client has is newer.
    if (this.#isSealed(bar)) {
      this.#conflated += 1;
      return undefined;
    }
    this.#formedMs = this.#options.clock.monotonicMs();
    return this.#options.codec.encodePublication({ type: "forming", ...this.#head(this.#options.clock.wallNs()), bar, afterSequence: this.#latest });
  }

  #isSealed(bar: BridgeForming): boolean {
    return this.#sealedMs !== undefined && bar.openMs <= this.#sealedMs;
  }

  #formAgain(): void {
    const bar = this.#told;
    const isRecent = this.#options.clock.monotonicMs() - this.#formedMs < this.#options.heartbeatMs;
    if (bar === undefined || this.#forming !== undefined || this.#isFormingQueued || isRecent || this.#isSealed(bar)) return;
    this.#forming = bar;
    this.#sendForming();
  }

  // ── Signs of life ──────────────────────────────────────────────────────────

  #armHeartbeat(afterMs: number): void {
    this.#cancelHeartbeat = this.#options.timers.after(afterMs, () => {
      // Publishing does not re-arm the timer, it only moves the time: one timer per quiet spell instead of one per batch.
      const waitMs = this.#sentMs + this.#options.heartbeatMs - this.#options.clock.monotonicMs();
      if (waitMs <= 0 && !this.#isBeatQueued) {
        this.#isBeatQueued = true;
        void this.#options.outbox(this.#candles, () => this.#heartbeatFrame());
        this.#formAgain();
      }
      this.#armHeartbeat(waitMs <= 0 ? this.#options.heartbeatMs : waitMs);
    });
  }

  #heartbeatFrame(): Uint8Array | undefined {
    this.#isBeatQueued = false;
    if (this.#isStopped) return undefined;
    this.#beat += 1;
    this.#sentMs = this.#options.clock.monotonicMs();
    return this.#options.codec.encodePublication({ type: "heartbeat", ...this.#head(this.#options.clock.wallNs()), latestSequence: this.#latest, beat: this.#beat });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelForming?.();
    this.#cancelHeartbeat?.();
  }
}
