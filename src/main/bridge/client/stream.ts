// One stream of a remote as a state machine: events in, effects out; no clock, socket or cache. What it promises: entries come
// out in sequence order, each once per history; what can no longer be had comes out as a hole; what is behind is asked for.
import { assert, unreachable } from "../../../shared/base.ts";
import { streamName, type History, type SequencedEntry, type StreamKey } from "../model.ts";
import { BACKFILL_LIMIT_MAX, type Answer, type Publication, type Refusal } from "../wire/messages.ts";
import { FrameBuffer } from "./frame-buffer.ts";
import { reasonToBegin } from "./history-change.ts";
import {
  CONFIRM_EVERY_MS, FAILED_RETRY_MS, REFUSED_RETRY_MS, SILENT_FACTOR, type StreamAnswer, type StreamEffect, type StreamEvent, type StreamTiming,
} from "./stream-events.ts";
import { isContiguous, Progress, type KnownStream } from "./progress.ts";
import type { RemoteStreamStatus, SequenceHole, StreamPhase } from "./types.ts";

type Ack = Extract<Answer, { readonly type: "subscribe_ack" }>;
type Page = Extract<Answer, { readonly type: "backfill_response" }>;
type Asked = { readonly kind: "subscribe"; readonly after: number } | { readonly kind: "backfill"; readonly after: number };

export class StreamMachine {
  readonly key: StreamKey;
  readonly #timing: StreamTiming;
  readonly #buffer: FrameBuffer;
  #effects: StreamEffect[] = [];
  #nowMs = 0;

  #link: "never" | "up" | "lost" = "never";
  #linkDetail = "";
  /** The server has confirmed history and range since the link came up. */
  #acked = false;
  #asked: Asked | undefined;
  #retryAtMs: number | undefined;
  #refused: string | undefined;

  #history: History | undefined;
  readonly #progress: Progress;
  /** Of the server, as far as heard. */
  #latest = 0;
  #latestSinceAsk = 0;
  #awaitsLastBar = false;

  #personsReset: string | undefined;
  #resyncing: string | undefined;
  #paused = false;
  #caughtUp = false;
  #confirmedMs = -Infinity;
  #retentionNote = "";
  #dropped = 0;

  #heartbeatMs = 0;
  #lastBeat: { readonly beat: number; readonly publishedNs: bigint } | undefined;
  #heardMs = 0;
  #listenedMs = 0;
  #stale = false;

  #lagMs: number | undefined;
  #lastFrameMs: number | undefined;
  #received = 0;
  #duplicates = 0;
  #gapsSeen = 0;
  #backfilled = 0;

  constructor(key: StreamKey, known: KnownStream | undefined, timing: StreamTiming) {
    this.key = key;
    this.#timing = timing;
    this.#buffer = new FrameBuffer(timing.bufferEntriesMax);
    this.#history = known?.history;
    this.#progress = new Progress(key, known);
    this.#latest = this.#progress.applied;
  }

  get history(): History | undefined {
    return this.#history;
  }
  get appliedSequence(): number {
    return this.#progress.applied;
  }
  get holes(): readonly SequenceHole[] {
    return this.#progress.holes;
  }
  /** What the server has confirmed of this link may be reported to it. */
  get isConfirmed(): boolean {
    return this.#acked;
  }

  /** True when nothing was heard for so long that the subscription, or the link, must be thought dead. */
  isSilent(nowMs: number): boolean {
    return this.#acked && this.#heartbeatMs > 0 && nowMs - this.#heardMs > this.#silenceMs * SILENT_FACTOR;
  }

  /** What to go on from when the stream is watched again. Undefined before the first word of a server. */
  get known(): KnownStream | undefined {
    if (this.#history === undefined) return undefined;
    return { key: this.key, history: this.#history, appliedSequence: this.#progress.applied, holes: this.#progress.holes };
  }

  /** `nowMs`: monotonic; `wallMs` of the last frame is told with the frame. */
  handle(event: StreamEvent, nowMs: number): readonly StreamEffect[] {
    this.#nowMs = nowMs;
    this.#dispatch(event);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #dispatch(event: StreamEvent): void {
    switch (event.type) {
      case "link_up":
        return this.#onLinkUp();
      case "link_lost":
        if (this.#link === "up") this.#link = "lost";
        this.#linkDetail = event.detail;
        return this.#forgetLink();
      case "answer":
        return this.#onAnswer(event.answer);
      case "published":
        return this.#onPublished(event.publication, event.lagMs);
      case "notice":
        return this.#onNotice(event.notice);
      case "resync":
        this.#personsReset = event.reason;
        this.#resyncing = event.reason;
        if (this.#link === "up") this.#askSubscribe();
        return;
      case "last_bar":
        this.#awaitsLastBar = false;
        this.#progress.learnLastBar(event.openMs);
        return this.#advance();
      case "pressure":
        this.#paused = event.paused;
        return this.#advance();
      case "tick":
        return this.#onTick();
      default:
        unreachable(event);
    }
  }

  // ── Link and subscription ──────────────────────────────────────────────────

  #onLinkUp(): void {
    this.#forgetLink();
    this.#link = "up";
    this.#retentionNote = "";
    this.#askSubscribe();
  }

  /** Nothing that was said on one link counts on the next: it is asked for again. */
  #forgetLink(): void {
    this.#acked = false;
    this.#asked = undefined;
    this.#retryAtMs = undefined;
    this.#refused = undefined;
    this.#progress.forgetSkip();
    this.#caughtUp = false;
    this.#stale = false;
    this.#lastBeat = undefined;
    this.#buffer.clear();
  }

  get #cursor(): number {
    return this.#progress.cursor;
  }

  #askSubscribe(): void {
    const fresh = this.#history === undefined || this.#personsReset !== undefined;
    const after = fresh ? 0 : this.#cursor;
    this.#asked = { kind: "subscribe", after };
    this.#retryAtMs = undefined;
    this.#latestSinceAsk = 0;
    this.#effects.push({
      type: "ask",
      request: { type: "subscribe", key: this.key, fromSequence: after === 0 ? undefined : after, historyId: fresh ? undefined : this.#history?.historyId },
    });
  }

  #onAnswer(answer: StreamAnswer): void {
    const asked = this.#asked;
    if (asked === undefined) return;
    this.#asked = undefined;
    if (answer.type === "refusal") return this.#refuse(answer.refusal);
    if (streamName(answer.key) !== streamName(this.key)) return this.#disbelieve(`an answer about ${streamName(answer.key)}`);
    if (answer.type === "subscribe_ack" && asked.kind === "subscribe") return this.#onAck(answer, asked.after);
    if (answer.type === "backfill_response" && asked.kind === "backfill") return this.#onPage(answer, asked.after);
    return this.#disbelieve(`${answer.type} to a ${asked.kind} request`);
  }

  #onAck(ack: Ack, after: number): void {
    const { refusal, history } = ack;
    const isAboutSequences = refusal?.code === "OTHER_HISTORY" || refusal?.code === "BEYOND_LATEST" || refusal?.code === "RETENTION_EXCEEDED";
    if (refusal !== undefined && !isAboutSequences) return this.#refuse(refusal);
    if (history === undefined || (refusal === undefined && !ack.accepted)) return this.#disbelieve("an acknowledgement without its history");
    if (refusal?.code === "OTHER_HISTORY" && history.historyId === this.#history?.historyId && this.#personsReset === undefined) {
      return this.#disbelieve(`a refusal of history ${history.historyId.slice(0, 12)}, which it serves`);
    }
    const reason = this.#personsReset ?? reasonToBegin(this.#history, { ...ack, history }, after);
    if (reason !== undefined) this.#begin(reason);
    this.#history = history;
    this.#refused = undefined;
    if (this.#buffer.historyId !== history.historyId) this.#buffer.clear();
    this.#latest = Math.max(reason === undefined ? this.#progress.applied : 0, ack.latestSequence, this.#buffer.highest);
    this.#noteFirst(ack.firstSequence);
    this.#drain();
    if (refusal !== undefined) {
      // Refused for good reason: asked again from where the server can go on. Without progress it would be asked forever.
      if (reason === undefined && this.#cursor === after) return this.#disbelieve(`the refusal ${refusal.code} (${refusal.detail})`);
      return this.#askSubscribe();
    }
    this.#latest = Math.max(this.#latest, this.#latestSinceAsk);
    this.#heartbeatMs = ack.heartbeatMs;
    if (!this.#acked) {
      // An answer says nothing about the live stream: it is given its time once per link.
      this.#heardMs = this.#nowMs;
      this.#listenedMs = this.#nowMs;
    }
    this.#acked = true;
    this.#advance();
  }

  /** Forgets everything: sequences begin anew. */
  #begin(reason: string): void {
    this.#personsReset = undefined;
    this.#resyncing = reason;
    this.#progress.begin(reason);
    this.#latest = 0;
    this.#latestSinceAsk = 0;
    this.#awaitsLastBar = false;
    this.#caughtUp = false;
    this.#retentionNote = "";
    this.#effects.push({ type: "reset", reason });
  }

  /** The server keeps entries from here on only. */
  #noteFirst(firstSequence: number): void {
    if (firstSequence <= this.#cursor + 1) return;
    // What the live stream brought meanwhile is not lost.
    const lowest = this.#ownBuffer?.lowest ?? Infinity;
    const skipTo = Math.min(firstSequence, lowest) - 1;
    if (skipTo <= this.#cursor) return;
    this.#progress.skip(skipTo);
    this.#retentionNote = `entries ${this.#progress.applied + 1}…${skipTo} are no longer kept by the server`;
    if (this.#progress.knowsLastBar || this.#awaitsLastBar) return;
    this.#awaitsLastBar = true;
    this.#effects.push({ type: "find_last_bar" });
  }

  #refuse(refusal: Refusal): void {
    const isLasting = refusal.code === "UNKNOWN_STREAM" || refusal.code === "VERSION_UNSUPPORTED" || refusal.code === "MALFORMED";
    this.#acked = false;
    this.#refused = refusal.detail === "" ? refusal.code : `${refusal.code}: ${refusal.detail}`;
    this.#retryAtMs = this.#nowMs + Math.max(refusal.retryAfterMs, isLasting ? REFUSED_RETRY_MS : FAILED_RETRY_MS);
  }

  /** The server says what cannot be: not applied, said, and asked again later. */
  #disbelieve(what: string): void {
    const message = `${streamName(this.key)}: the server sent ${what}; it is asked again`;
    this.#effects.push({ type: "problem", problem: { code: "bridge.contradiction", message } });
    this.#retryAtMs = this.#nowMs + FAILED_RETRY_MS;
  }

  // ── Backfill ───────────────────────────────────────────────────────────────

  #askBackfill(): void {
    const after = this.#cursor;
    const lowest = this.#ownBuffer?.lowest ?? Infinity;
    this.#asked = { kind: "backfill", after };
    this.#latestSinceAsk = 0;
    this.#effects.push({
      type: "ask",
      request: {
        type: "backfill", key: this.key, historyId: this.#history?.historyId, fromSequenceExclusive: after,
        limit: Math.min(BACKFILL_LIMIT_MAX, lowest - 1 - after), endMs: undefined, acceptsZstd: true,
      },
    });
  }

  #onPage(page: Page, after: number): void {
    const code = page.refusal?.code;
    if (code === "RETENTION_EXCEEDED") {
      this.#noteFirst(page.firstSequence);
      this.#drain();
      if (this.#cursor === after) return this.#disbelieve(`RETENTION_EXCEEDED although it keeps entries from ${page.firstSequence} on`);
      return this.#advance();
    }
    // The acknowledgement says it in full: which history, and how far it goes.
    if (code === "OTHER_HISTORY" || code === "BEYOND_LATEST" || code === "UNKNOWN_STREAM") return this.#askSubscribe();
    if (page.refusal !== undefined) return this.#refuse(page.refusal);
    if (page.historyId !== this.#history?.historyId) return this.#askSubscribe();
    const first = page.entries[0]?.sequence ?? after + 1;
    if (first > after + 1 && first === page.firstSequence) this.#noteFirst(first);
    if (first > this.#cursor + 1 || !isContiguous(page.entries)) return this.#disbelieve(`entries from ${first} on when asked for those after ${after}`);
    this.#resyncing = undefined;
    const fresh = page.entries.filter(({ sequence }) => sequence > this.#cursor);
    this.#duplicates += page.entries.length - fresh.length;
    this.#backfilled += fresh.length;
    this.#take(fresh);
    // The last page knows better than rumours of before it was asked for; what was heard since then stands.
    const heard = page.hasMore ? this.#latest : Math.max(this.#latestSinceAsk, this.#ownBuffer?.highest ?? 0);
    this.#latest = Math.max(this.#cursor, page.latestSequence, heard);
    if (this.#cursor === after && this.#cursor < this.#latest) this.#retryAtMs = this.#nowMs + FAILED_RETRY_MS;
    this.#advance();
  }

  // ── Live stream ────────────────────────────────────────────────────────────

  #onPublished(publication: Publication, lagMs: number): void {
    if (this.#link !== "up") return;
    const known = this.#history;
    if (known !== undefined && publication.historyId !== known.historyId) return this.#confirmHistory();
    if (publication.type === "heartbeat" && this.#isRepeated(publication)) {
      this.#duplicates += 1;
      return;
    }
    this.#heardMs = this.#nowMs;
    this.#stale = false;
    this.#lagMs = lagMs;
    this.#lastFrameMs = Number(publication.publishedNs / 1_000_000n) + lagMs;
    switch (publication.type) {
      case "batch":
        return this.#onBatch(publication.historyId, publication.entries);
      case "heartbeat":
        this.#lastBeat = { beat: publication.beat, publishedNs: publication.publishedNs };
        this.#hearOf(publication.latestSequence);
        return this.#advance();
      case "forming":
        // Behind the live edge it would stand alone, far from what is shown; older than a sealed bar it is over.
        if (this.#caughtUp && publication.afterSequence >= this.#progress.applied) this.#effects.push({ type: "forming", bar: publication.bar });
        return;
      default:
        unreachable(publication);
    }
  }

  #isRepeated({ beat, publishedNs }: { readonly beat: number; readonly publishedNs: bigint }): boolean {
    return this.#lastBeat?.beat === beat && this.#lastBeat.publishedNs === publishedNs;
  }

  #hearOf(sequence: number): void {
    this.#latest = Math.max(this.#latest, sequence);
    this.#latestSinceAsk = Math.max(this.#latestSinceAsk, sequence);
  }

  #onBatch(historyId: string, entries: readonly SequencedEntry[]): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    if (!isContiguous(entries)) return this.#disbelieve(`a batch up to ${last.sequence} with a hole inside`);
    this.#received += entries.length;
    const fresh = entries.filter(({ sequence }) => sequence > this.#cursor);
    this.#duplicates += entries.length - fresh.length;
    this.#hearOf(last.sequence);
    if (this.#history !== undefined && fresh[0]?.sequence === this.#cursor + 1) this.#take(fresh);
    else this.#keep(historyId, fresh);
    this.#advance();
  }

  /** Applies what follows the cursor without a hole, unless something has to be known first. */
  #take(entries: readonly SequencedEntry[]): void {
    if (entries.length === 0) return;
    assert(this.#history !== undefined, "entries are applied under a history");
    if (!this.#mayApply) return this.#keep(this.#history.historyId, entries);
    this.#fillHole(this.#history, entries);
    this.#progress.apply(entries);
    this.#effects.push({ type: "entries", history: this.#history, entries });
  }

  #keep(historyId: string, entries: readonly SequencedEntry[]): void {
    const { repeated, dropped } = this.#buffer.add(historyId, entries);
    this.#duplicates += repeated;
    this.#dropped += dropped;
  }

  get #mayApply(): boolean {
    return this.#history !== undefined && this.#personsReset === undefined && !this.#awaitsLastBar;
  }

  get #ownBuffer(): FrameBuffer | undefined {
    return this.#buffer.size > 0 && this.#buffer.historyId === this.#history?.historyId ? this.#buffer : undefined;
  }

  /** What could not be had ends here. */
  #fillHole(history: History, following: readonly SequencedEntry[]): void {
    const hole = this.#progress.fillHole(following);
    if (hole !== undefined) this.#effects.push({ type: "hole", history, hole });
  }

  #drain(): void {
    if (this.#mayApply) this.#take(this.#ownBuffer?.takeAfter(this.#cursor) ?? []);
  }

  /** A frame of another history: a late one of a past that is over, or the first of one that began. The server says which. */
  #confirmHistory(): void {
    if (!this.#acked || this.#asked?.kind === "subscribe" || this.#nowMs - this.#confirmedMs < CONFIRM_EVERY_MS) return;
    this.#confirmedMs = this.#nowMs;
    this.#askSubscribe();
  }

  #onNotice(notice: Extract<Answer, { readonly type: "resync_notice" }>): void {
    if (this.#history === undefined || !this.#acked) return;
    if (notice.historyId !== this.#history.historyId) return this.#confirmHistory();
    if (notice.latestSequence <= this.#cursor) return;
    this.#resyncing = `the server says that this client is behind: ${notice.detail}`;
    this.#hearOf(notice.latestSequence);
    this.#advance();
  }

  // ── Going on ───────────────────────────────────────────────────────────────

  /** Applies what can be, and asks for what is missing. */
  #advance(): void {
    this.#drain();
    if (this.#link !== "up" || !this.#acked || this.#awaitsLastBar) return;
    const isBehind = this.#cursor < this.#latest;
    if (isBehind && this.#caughtUp) this.#gapsSeen += 1;
    this.#caughtUp = !isBehind && this.#mayApply;
    if (this.#caughtUp) {
      // Nothing follows the hole yet, and nothing may for long: it is told now.
      if (this.#history !== undefined) this.#fillHole(this.#history, []);
      this.#resyncing = undefined;
      this.#dropped = 0;
      return;
    }
    if (isBehind && this.#asked === undefined && this.#retryAtMs === undefined && !this.#paused) this.#askBackfill();
  }

  get #silenceMs(): number {
    return this.#heartbeatMs * this.#timing.missedHeartbeats;
  }

  #onTick(): void {
    if (this.#link !== "up") return;
    this.#stale = this.#acked && this.#heartbeatMs > 0 && this.#nowMs - this.#heardMs > this.#silenceMs;
    if (this.isSilent(this.#nowMs) && this.#nowMs - this.#listenedMs > this.#silenceMs * SILENT_FACTOR) {
      this.#listenedMs = this.#nowMs;
      this.#effects.push({ type: "listen_again" });
      this.#askSubscribe();
    }
    if (this.#retryAtMs === undefined || this.#nowMs < this.#retryAtMs || this.#asked !== undefined) return;
    this.#retryAtMs = undefined;
    if (this.#acked) this.#advance();
    else this.#askSubscribe();
  }

  // ── Status ─────────────────────────────────────────────────────────────────

  get phase(): StreamPhase {
    if (this.#link !== "up") return this.#link === "never" ? "connecting" : "reconnecting";
    if (this.#refused !== undefined) return "refused";
    if (this.#resyncing !== undefined) return "resyncing";
    if (!this.#acked) return "connected";
    if (this.#stale) return "stale";
    return this.#caughtUp ? "live" : "warming";
  }

  get detail(): string {
    if (this.#link !== "up") return this.#linkDetail;
    if (this.#refused !== undefined) return this.#refused;
    if (this.#resyncing !== undefined) return this.#resyncing;
    if (!this.#acked) return "asking the server for the stream";
    if (this.#stale) return `nothing heard for ${Math.round((this.#nowMs - this.#heardMs) / 1_000)} s`;
    const parts: string[] = [];
    if (!this.#caughtUp) parts.push(this.#paused ? "waiting for the cache to write what came" : `fetching ${this.#latest - this.#progress.applied} entries`);
    if (this.#dropped > 0) parts.push(`${this.#dropped} live entries did not fit the buffer and are fetched again`);
    if (this.#retentionNote !== "") parts.push(this.#retentionNote);
    return parts.join("; ");
  }

  get status(): RemoteStreamStatus {
    return {
      key: this.key, phase: this.phase, detail: this.detail, appliedSequence: this.#progress.applied, latestSequence: Math.max(this.#latest, this.#progress.applied),
      lagMs: this.#lagMs, lastFrameMs: this.#lastFrameMs, received: this.#received, duplicates: this.#duplicates, gapsSeen: this.#gapsSeen,
      backfilled: this.#backfilled, lastResync: this.#progress.begunBecause, holes: this.#progress.holes,
    };
  }
}
