// The state of one subscribed stream: an acknowledgement is not data, and data that stops is not silence one may ignore.
import type { StreamRef, VenueId } from "../../shared/market.ts";
import type { StreamState, StreamStatus } from "../../shared/protocol/frames.ts";
import { msFromNs } from "../../shared/time.ts";

export interface StreamLimits {
  readonly firstFrameMs: number | undefined;
  readonly silenceMs: number | undefined;
}

/** Rates are over the last four whole slots; the fifth is being filled. */
const RATE_SLOT_MS = 500;
const RATE_SLOTS = 5;

type Ending = "rejected" | "dead_symbol";

export interface Counts {
  readonly duplicates: number;
  readonly gapsOpen: number;
  readonly unresolved: number;
  /** What the last reconnect missed, for a person. */
  readonly missed: string | undefined;
}

export class StreamHealth {
  readonly stream: StreamRef;
  readonly #venue: VenueId;
  readonly #limits: StreamLimits;
  #link: "connecting" | "acknowledged" | "down" = "connecting";
  #linkDetail = "not connected yet";
  #ending: { readonly state: Ending; readonly detail: string; readonly isFinal: boolean } | undefined;
  #staleCause: string | undefined;
  #staleSinceMs = 0;
  /** Monotonic: the moment from which silence counts. */
  #quietSinceMs = 0;
  #hasData = false;
  #lastFrameMs: number | undefined;
  #latencyMs: number | undefined;
  #messages = 0;
  readonly #slots = new Float64Array(RATE_SLOTS);
  #slot = 0;

  constructor(venue: VenueId, stream: StreamRef, limits: StreamLimits) {
    this.#venue = venue;
    this.stream = stream;
    this.#limits = limits;
  }

  get isStale(): boolean {
    return this.#staleCause !== undefined;
  }
  get staleSinceMs(): number {
    return this.#staleSinceMs;
  }
  get quietSinceMs(): number {
    return this.#quietSinceMs;
  }
  /** Data flows on the current connection. */
  get isLive(): boolean {
    return this.#link === "acknowledged" && this.#hasData && this.#staleCause === undefined && this.#ending === undefined;
  }
  get hasEnded(): boolean {
    return this.#ending !== undefined;
  }

  connecting(detail: string): void {
    this.#link = "connecting";
    this.#linkDetail = detail;
    this.#hasData = false;
    this.#staleCause = undefined;
  }

  /** Subscribed; from now on data is due. */
  subscribed(nowMs: number, detail: string): void {
    this.#link = "acknowledged";
    this.#linkDetail = detail;
    this.#quietSinceMs = nowMs;
    this.#clearEnding();
  }

  down(detail: string): void {
    this.#link = "down";
    this.#linkDetail = detail;
    this.#hasData = false;
    this.#staleCause = undefined;
  }

  /** `isFinal`: data that comes nevertheless is no reason to think better of it. */
  end(state: Ending, detail: string, isFinal = false): void {
    this.#ending = { state, detail, isFinal };
  }

  #clearEnding(): void {
    if (this.#ending?.isFinal !== true) this.#ending = undefined;
  }

  frame(nowMs: number, recvNs: bigint, eventNs: bigint): void {
    this.#link = "acknowledged";
    this.#hasData = true;
    this.#staleCause = undefined;
    this.#clearEnding();
    this.#quietSinceMs = nowMs;
    this.#lastFrameMs = msFromNs(recvNs);
    if (eventNs !== 0n) this.#latencyMs = Number(recvNs - eventNs) / 1e6;
    this.#messages += 1;
    this.#turnSlots(nowMs);
    this.#slots[this.#slot % RATE_SLOTS] = (this.#slots[this.#slot % RATE_SLOTS] ?? 0) + 1;
  }

  /** The sockets were paused by us: their silence is ours. */
  excuse(nowMs: number): void {
    this.#quietSinceMs = nowMs;
  }

  /** The cause when the stream has just become stale, else undefined. */
  check(nowMs: number): string | undefined {
    if (this.#link !== "acknowledged" || this.#staleCause !== undefined || this.#ending !== undefined) return undefined;
    const limitMs = this.#hasData ? this.#limits.silenceMs : this.#limits.firstFrameMs;
    if (limitMs === undefined || nowMs - this.#quietSinceMs <= limitMs) return undefined;
    return this.stale(nowMs, this.#hasData ? "silent" : "first-frame-deadline");
  }

  stale(nowMs: number, cause: string): string {
    this.#staleCause = cause;
    this.#staleSinceMs = nowMs;
    return cause;
  }

  #turnSlots(nowMs: number): void {
    const slot = Math.floor(nowMs / RATE_SLOT_MS);
    for (let empty = Math.max(this.#slot + 1, slot - RATE_SLOTS + 1); empty <= slot; empty += 1) this.#slots[empty % RATE_SLOTS] = 0;
    this.#slot = slot;
  }

  #rate(): number {
    const whole = this.#slots.reduce((sum, count) => sum + count, 0) - (this.#slots[this.#slot % RATE_SLOTS] ?? 0);
    return whole / (((RATE_SLOTS - 1) * RATE_SLOT_MS) / 1_000);
  }

  #state(counts: Counts): { readonly state: StreamState; readonly detail: string } {
    const unresolved = counts.unresolved === 0 ? "" : `${counts.unresolved} gap${counts.unresolved === 1 ? "" : "s"} unresolved`;
    if (this.#ending !== undefined) return { state: this.#ending.state, detail: this.#ending.detail };
    if (this.#link !== "acknowledged") return { state: this.#link, detail: this.#linkDetail };
    if (this.#staleCause !== undefined) return { state: "stale", detail: this.#staleCause };
    if (!this.#hasData) return { state: "acknowledged", detail: this.#linkDetail };
    if (counts.gapsOpen > 0) return { state: "gap", detail: `${counts.gapsOpen} gap${counts.gapsOpen === 1 ? "" : "s"} open` };
    return { state: "live", detail: [unresolved, counts.missed ?? ""].filter((text) => text !== "").join("; ") };
  }

  status(nowMs: number, counts: Counts): StreamStatus {
    this.#turnSlots(nowMs);
    return {
      streamId: this.stream.streamId, venue: this.#venue, symbol: this.stream.symbol, channel: this.stream.channel, ...this.#state(counts),
      lastFrameMs: this.#lastFrameMs, messages: this.#messages,
      rate: this.#rate(),
      duplicates: counts.duplicates, gapsOpen: counts.gapsOpen, latencyMs: this.#latencyMs,
    };
  }
}
