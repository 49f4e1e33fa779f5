// A server as the client sees it, without one: a word of truth per stream, a transport that a test can cut, silence and disorder,
// and answers that are faithful unless the test says otherwise. Everything happens on the clock that is given.
import { assert } from "../../../shared/base.ts";
import { dec } from "../../../shared/decimal.ts";
import { INTERVAL_MS } from "../../../shared/time.ts";
import type { VirtualClock } from "../../net/virtual-clock.ts";
import { streamName, type Entry, type History, type SequencedEntry, type StreamKey } from "../model.ts";
import { TokenCodec } from "../simulation/token-codec.testkit.ts";
import type { ClientTransport, ClientTransportListener } from "../transport.ts";
import type { Answer, Publication, Refusal, RefusalCode, Request } from "../wire/messages.ts";
import { candlesTopic, formingTopic } from "../wire/topics.ts";

export const KEY: StreamKey = { sourceId: "sim", symbol: "BTCUSDT", interval: "1s" };
export const START_MS = 1_700_000_000_000;
export const HEARTBEAT_MS = 1_000;

export function historyNamed(name: string, changes: Partial<History> = {}): History {
  return { historyId: name, mode: "live", lineage: "capture", configDigest: "config", canonicalizerVersion: "1", runId: "", ...changes };
}

/** The i-th entry (from 0) of a series in which each bar differs and every tenth entry is a mark or a correction. */
export function entryAt(index: number, salt = 0): Entry {
  const openMs = START_MS + index * INTERVAL_MS["1s"];
  const origin = { atSeq: index * 3 + 1, knownNs: BigInt(openMs + 1_000) * 1_000_000n };
  if (index % 10 === 7) return { kind: "grade", fromOpenMs: openMs - 3_000, untilOpenMs: openMs + 1_000, grade: "repaired", why: "ids", ...origin };
  if (index % 10 === 8) return barAt({ openMs: openMs - 2_000 - 1_000, price: 200 + index + salt, revision: 2, atSeq: origin.atSeq });
  return barAt({ openMs, price: 100 + index + salt, revision: 1, atSeq: origin.atSeq });
}

export function barAt(given: { readonly openMs: number; readonly price: number; readonly revision: number; readonly atSeq: number }): Entry {
  const price = dec(`${given.price}.25`);
  return {
    kind: "bar", atSeq: given.atSeq, knownNs: BigInt(given.openMs + 1_000) * 1_000_000n,
    bar: {
      openMs: given.openMs, revision: given.revision, reason: given.revision === 1 ? "watermark" : "late_data", digest: `${given.openMs}/${given.revision}`, grade: "proved",
      values: { open: price, high: price, low: price, close: price, volume: dec("1.5"), quoteVolume: dec("150.375"), tradeCount: 3, takerBuyVolume: dec("0.5"), takerBuyQuoteVolume: dec("50.125") },
    },
  };
}

export function sequenced(entries: readonly Entry[], from = 1): readonly SequencedEntry[] {
  return entries.map((entry, index) => ({ ...entry, sequence: from + index }));
}

interface ServedStream {
  readonly key: StreamKey;
  entries: Entry[];
  /** Oldest sequence kept. */
  first: number;
  beats: number;
}

type Asked = { readonly correlationId: number; readonly request: Request };

export class ScriptedServer implements ClientTransport {
  readonly codec = new TokenCodec();
  readonly streams = new Map<string, ServedStream>();
  history: History = historyNamed("h1");
  /** Everything that was asked, in order. */
  readonly asked: Asked[] = [];
  readonly subscribed = new Set<string>();
  /** False: nobody listens at that address. */
  isReachable = true;
  /** Requests are taken and never answered. */
  isDeaf = false;
  /** Published frames go nowhere. */
  isMute = false;
  /** In the way of answers: undefined = none comes; an answer = that one instead. */
  answering: (answer: Answer, request: Request) => Answer | undefined = (answer) => answer;
  delayMs = 1;
  connects = 0;
  isOpen = false;
  readonly #clock: VirtualClock;
  #listener: ClientTransportListener | undefined;
  #generation = 0;

  constructor(clock: VirtualClock, keys: readonly StreamKey[] = [KEY]) {
    this.#clock = clock;
    for (const key of keys) this.streams.set(streamName(key), { key, entries: [], first: 1, beats: 0 });
  }

  stream(key: StreamKey = KEY): ServedStream {
    const stream = this.streams.get(streamName(key));
    assert(stream !== undefined, `${streamName(key)} is served`);
    return stream;
  }

  /** Appends without publishing. */
  append(count: number, key: StreamKey = KEY): void {
    const { entries } = this.stream(key);
    for (let made = 0; made < count; made += 1) entries.push(entryAt(entries.length));
  }

  /** Appends and publishes as one batch. */
  tell(count: number, key: StreamKey = KEY): void {
    const from = this.stream(key).entries.length + 1;
    this.append(count, key);
    this.publish(this.batch(from, from + count - 1, key));
  }

  batch(from: number, to: number, key: StreamKey = KEY): Publication {
    return { type: "batch", ...this.#published(key), entries: sequenced(this.stream(key).entries.slice(from - 1, to), from) };
  }

  heartbeat(key: StreamKey = KEY): Publication {
    const stream = this.stream(key);
    stream.beats += 1;
    return { type: "heartbeat", ...this.#published(key), latestSequence: stream.entries.length, beat: stream.beats };
  }

  /** Heartbeats of all streams for so long. */
  async live(ms: number, each?: () => void): Promise<void> {
    for (let passed = 0; passed < ms; passed += HEARTBEAT_MS) {
      for (const { key } of this.streams.values()) this.publish(this.heartbeat(key));
      each?.();
      await this.#clock.advance(HEARTBEAT_MS);
    }
  }

  publish(publication: Publication): void {
    this.deliver(publication.type === "forming" ? formingTopic(publication.key) : candlesTopic(publication.key), this.codec.encodePublication(publication));
  }

  deliver(topic: string, frame: Uint8Array): void {
    if (this.isMute || !this.isOpen || !this.subscribed.has(topic)) return;
    this.#later(() => this.#listener?.onPublished(topic, frame));
  }

  answer(correlationId: number, answer: Answer): void {
    const frame = this.codec.encodeAnswer(correlationId, answer);
    this.#later(() => this.#listener?.onAnswer(frame));
  }

  /** The connection breaks, and the client is told. */
  cut(detail = "connection reset"): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#listener?.onLink("lost", detail);
  }

  asks<T extends Request["type"]>(type: T): readonly Extract<Request, { readonly type: T }>[] {
    return this.asked.flatMap(({ request }) => (request.type === type ? [request as Extract<Request, { readonly type: T }>] : []));
  }

  // ── ClientTransport ────────────────────────────────────────────────────────

  connect(): void {
    this.connects += 1;
    this.#generation += 1;
    this.subscribed.clear();
    const generation = this.#generation;
    this.#clock.after(this.delayMs, () => {
      if (generation !== this.#generation) return;
      if (!this.isReachable) {
        this.#listener?.onLink("lost", "connection refused");
        return;
      }
      this.isOpen = true;
      this.#listener?.onLink("connected", "");
    });
  }

  disconnect(): void {
    this.#generation += 1;
    this.isOpen = false;
  }

  subscribe(topic: string): void {
    this.subscribed.add(topic);
  }

  unsubscribe(topic: string): void {
    this.subscribed.delete(topic);
  }

  request(frame: Uint8Array): boolean {
    if (!this.isOpen) return false;
    const decoded = this.codec.decodeRequest(frame);
    assert(decoded.ok, "the client sends whole requests");
    const { correlationId, message } = decoded.value;
    this.asked.push({ correlationId, request: message });
    if (this.isDeaf || message.type === "report_applied") return true;
    const answer = this.answering(this.#faithful(message), message);
    if (answer !== undefined) this.answer(correlationId, answer);
    return true;
  }

  listen(listener: ClientTransportListener): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    this.disconnect();
    this.#listener = undefined;
  }

  // ── Answers ────────────────────────────────────────────────────────────────

  #later(run: () => void): void {
    const generation = this.#generation;
    this.#clock.after(this.delayMs, () => {
      if (generation === this.#generation && this.isOpen) run();
    });
  }

  #published(key: StreamKey): { readonly key: StreamKey; readonly historyId: string; readonly mode: History["mode"]; readonly publishedNs: bigint } {
    return { key, historyId: this.history.historyId, mode: this.history.mode, publishedNs: this.#clock.wallNs() };
  }

  #faithful(request: Request): Answer {
    const { history } = this;
    switch (request.type) {
      case "health":
        return { type: "health", serverVersion: "9.9", history, uptimeMs: 1, streams: this.streams.size, clients: 1, status: "GREEN", detail: "", nowNs: this.#clock.wallNs(), pubPort: 0 };
      case "list_streams":
        return {
          type: "streams", history, refusal: undefined,
          streams: [...this.streams.values()].map(({ key, entries, first }) => ({ key, latestSequence: entries.length, firstSequence: first, latestMs: 0 })),
        };
      case "subscribe":
        return this.#ack(request);
      case "backfill":
        return this.#page(request);
      default:
        assert(false, `not asked by a client: ${request.type}`);
    }
  }

  #refusal(request: { readonly key: StreamKey; readonly historyId: string | undefined }, after: number): Refusal | undefined {
    const stream = this.streams.get(streamName(request.key));
    if (stream === undefined) return refusalOf("UNKNOWN_STREAM");
    if (request.historyId !== undefined && request.historyId !== this.history.historyId) return refusalOf("OTHER_HISTORY");
    if (after > stream.entries.length) return refusalOf("BEYOND_LATEST");
    return after + 1 < stream.first && after > 0 ? refusalOf("RETENTION_EXCEEDED") : undefined;
  }

  #range(key: StreamKey): { readonly latestSequence: number; readonly firstSequence: number } {
    const stream = this.streams.get(streamName(key));
    return { latestSequence: stream?.entries.length ?? 0, firstSequence: stream?.first ?? 1 };
  }

  #ack(request: Extract<Request, { readonly type: "subscribe" }>): Answer {
    const refusal = this.#refusal(request, request.fromSequence ?? 0);
    return { type: "subscribe_ack", accepted: refusal === undefined, key: request.key, history: this.history, heartbeatMs: HEARTBEAT_MS, refusal, ...this.#range(request.key) };
  }

  #page(request: Extract<Request, { readonly type: "backfill" }>): Answer {
    const after = request.fromSequenceExclusive ?? 0;
    const range = this.#range(request.key);
    const base = { type: "backfill_response", key: request.key, historyId: this.history.historyId, mode: this.history.mode, ...range } as const;
    const refusal = this.#refusal(request, after) ?? (after + 1 < range.firstSequence ? refusalOf("RETENTION_EXCEEDED") : undefined);
    if (refusal !== undefined) return { ...base, entries: [], hasMore: false, nextSequence: undefined, refusal };
    const entries = sequenced(this.stream(request.key).entries.slice(after, after + request.limit), after + 1);
    const last = after + entries.length;
    const hasMore = last < range.latestSequence;
    return { ...base, entries, hasMore, nextSequence: hasMore ? last + 1 : undefined, refusal: undefined };
  }
}

export function refusalOf(code: RefusalCode, retryAfterMs = 0): Refusal {
  return { code, detail: `refused as ${code}`, retryAfterMs, supportedVersion: 1 };
}
