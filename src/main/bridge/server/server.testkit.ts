// What the server half's tests share: a deterministic market of items, a feed from a list, a transport in memory, a plain codec.
import { deserialize, serialize } from "node:v8";
import { assert, done, failed, type Result, type StopSignal } from "../../../shared/base.ts";
import { decimal } from "../../../shared/decimal.ts";
import { INTERVAL_MS } from "../../../shared/time.ts";
import type { BridgeBar, BridgeForming, Entry, History, SequencedEntry, StreamKey } from "../model.ts";
import type { ClientId, ServerTransport } from "../transport.ts";
import type { BridgeCodec } from "../wire/codec-types.ts";
import type { Answer, Numbered, Publication, Request } from "../wire/messages.ts";
import { historyOf } from "./history.ts";
import type { Feed, FeedItem, FeedPlace, SequenceJournals } from "./types.ts";

export const START_MS = 1_723_161_240_000;

export const HISTORY: History = historyOf({
  mode: "simulated", lineage: "test@1723161240000", configDigest: "c".repeat(64), canonicalizerVersion: "1", runId: "",
});

export function key(symbol: string, interval: StreamKey["interval"] = "1m", sourceId = "sim"): StreamKey {
  return { sourceId, symbol, interval };
}

function bar(n: number, openMs: number, revision: number): BridgeBar {
  const price = 6_180_000 + (n * 7_919) % 1_000;
  return {
    openMs,
    values: {
      open: decimal(price, 2), high: decimal(price + 50, 2), low: decimal(price - 50, 2), close: decimal(price + 1, 2),
      volume: decimal(1_000 + n, 3), quoteVolume: n % 3 === 0 ? decimal(12_345_678_901_234_567_890n + BigInt(n), 8) : decimal(n * 100, 5),
      tradeCount: n, takerBuyVolume: decimal(n, 3), takerBuyQuoteVolume: decimal(0, 5),
    },
    revision, reason: revision === 1 ? "watermark" : "late_data",
    digest: n % 4 === 0 ? undefined : n.toString(16).padStart(64, "0"), grade: n % 5 === 0 ? undefined : "proved",
  };
}

/** The n-th entry of a stream: mostly bars in time order, now and then a correction of an older one, a grade or a gap. */
export function entryOf(stream: StreamKey, n: number, seq: number): Entry {
  const length = INTERVAL_MS[stream.interval];
  const openMs = START_MS + n * length;
  const origin = { atSeq: seq, knownNs: n % 6 === 0 ? 0n : BigInt(openMs + length) * 1_000_000n + 17n };
  if (n % 11 === 7) return { kind: "grade", fromOpenMs: openMs, untilOpenMs: openMs + length, grade: "empty_proved", why: `„leer“ ${n}\n5…9`, ...origin };
  if (n % 13 === 9) {
    const gap = {
      gapId: `g${n}`, streamId: "sim:BTCUSDT:trade", fromMs: openMs, toMs: n % 2 === 0 ? undefined : openMs + 5, fromId: n % 2 === 0 ? undefined : 5,
      toId: n % 2 === 0 ? undefined : 9, missing: n % 2 === 0 ? undefined : 5, cause: "id_hole", state: "open", attempts: 1, detail: "",
    } as const;
    return { kind: "gap", gap, ...origin };
  }
  if (n % 17 === 12) return { kind: "bar", bar: bar(n, openMs - 3 * length, 2), ...origin };
  return { kind: "bar", bar: bar(n, openMs, 1), ...origin };
}

/** Items over several streams, uneven: the k-th stream has an entry every k-th record, and every 10th record causes two. */
export function itemsOf(streams: readonly StreamKey[], records: number): readonly FeedItem[] {
  const counts = streams.map(() => 0);
  const items: FeedItem[] = [];
  for (let seq = 1; seq <= records; seq += 1) {
    for (const [nth, stream] of streams.entries()) {
      if (seq % (nth + 1) !== 0) continue;
      for (let index = 0; index < (seq % 10 === 0 ? 2 : 1); index += 1) {
        const n = counts[nth] ?? 0;
        counts[nth] = n + 1;
        items.push({ key: stream, place: { seq, index }, entry: entryOf(stream, n, seq) });
      }
    }
  }
  return items;
}

/** What a stream must hold once all items are in. */
export function expectedOf(items: readonly FeedItem[], stream: StreamKey): readonly SequencedEntry[] {
  return items.filter((item) => item.key.symbol === stream.symbol && item.key.interval === stream.interval)
    .map((item, nth) => ({ ...item.entry, sequence: nth + 1 }));
}

export async function readAll(journals: SequenceJournals, stream: StreamKey): Promise<readonly SequencedEntry[]> {
  const first = journals.state(stream)?.firstSequence;
  return first === undefined ? [] : journals.read(stream, first - 1, 1_000_000);
}

// ── Feed ─────────────────────────────────────────────────────────────────────

export interface ListFeedOptions {
  readonly history?: History;
  readonly items: readonly FeedItem[];
  readonly batch?: number;
  /** Called before each batch with its first record: lets a test hold the feed. */
  readonly before?: (seq: number) => Promise<void>;
  readonly streams?: readonly StreamKey[];
  /** Waits for `stop` behind the last item instead of ending. */
  readonly endless?: boolean;
}

export class ListFeed implements Feed {
  readonly history: History;
  readonly streams: readonly StreamKey[];
  readonly #options: ListFeedOptions;
  #forming: ((stream: StreamKey, bar: BridgeForming) => void) | undefined;
  /** Where each start of the server began. */
  readonly starts: FeedPlace[] = [];

  constructor(options: ListFeedOptions) {
    this.#options = options;
    this.history = options.history ?? HISTORY;
    this.streams = options.streams ?? [];
  }

  async *batches(from: FeedPlace, stop: StopSignal): AsyncGenerator<readonly FeedItem[]> {
    this.starts.push(from);
    const items = this.#options.items.filter((item) => item.place.seq >= from.seq);
    const size = this.#options.batch ?? 10;
    for (let at = 0; at < items.length && !stop.aborted; at += size) {
      await this.#options.before?.(items[at]?.place.seq ?? 0);
      yield items.slice(at, at + size);
    }
    if (this.#options.endless === true && !stop.aborted) await new Promise<void>((resolve) => stop.addEventListener("abort", resolve));
  }

  onForming(listener: (stream: StreamKey, bar: BridgeForming) => void): void {
    this.#forming = listener;
  }

  form(stream: StreamKey, openMs: number, trades = 1): void {
    this.#forming?.(stream, { openMs, values: bar(trades, openMs, 1).values, atSeq: trades, knownNs: 0n });
  }

  async close(): Promise<void> {}
}

// ── Codec ────────────────────────────────────────────────────────────────────

function read<T>(frame: Uint8Array): Result<T> {
  try {
    const value: unknown = deserialize(frame);
    return typeof value === "object" && value !== null ? done(value as T) : failed("wire.malformed", `a ${typeof value} is no message`);
  } catch (error) {
    return failed("wire.malformed", error instanceof Error ? error.message : String(error));
  }
}

/** Frames as structured clones: `{correlationId, message}`, or the publication itself. A frame `?7…` is malformed but tells its id 7. */
export const plainCodec: BridgeCodec = {
  encodeRequest: (correlationId, message) => serialize({ correlationId, message }),
  encodeAnswer: (correlationId, message) => serialize({ correlationId, message }),
  encodePublication: (publication) => serialize(publication),
  decodeRequest: (frame) => read<Numbered<Request>>(frame),
  decodeAnswer: (frame) => read<Numbered<Answer>>(frame),
  decodePublication: (frame) => read<Publication>(frame),
  correlationIdOf(frame) {
    const told = /^\?(\d+)/.exec(Buffer.from(frame.subarray(0, 20)).toString("latin1"))?.[1];
    if (told !== undefined) return Number(told);
    const message = read<Numbered<unknown>>(frame);
    return message.ok ? message.value.correlationId : undefined;
  },
};

// ── Transport ────────────────────────────────────────────────────────────────

export interface Sent { readonly topic: string; readonly publication: Publication }

export class MemoryTransport implements ServerTransport {
  readonly published: Sent[] = [];
  readonly frames: Uint8Array[] = [];
  readonly answers = new Map<ClientId, Numbered<Answer>[]>();
  /** Clients that do not read their answers. */
  readonly full = new Set<ClientId>();
  readonly gone = new Set<ClientId>();
  onPublish: ((sent: Sent) => void) | undefined;
  #listener: ((client: ClientId, frame: Uint8Array) => void) | undefined;

  async publish(topic: string, frame: Uint8Array): Promise<void> {
    const publication = plainCodec.decodePublication(frame);
    assert(publication.ok, "the server publishes what can be decoded");
    const sent = { topic, publication: publication.value };
    this.frames.push(frame);
    this.published.push(sent);
    this.onPublish?.(sent);
  }

  async answer(client: ClientId, frame: Uint8Array): Promise<"sent" | "full" | "gone"> {
    if (this.full.has(client)) return "full";
    if (this.gone.has(client)) return "gone";
    const answer = plainCodec.decodeAnswer(frame);
    assert(answer.ok, "the server answers what can be decoded");
    this.answers.set(client, [...(this.answers.get(client) ?? []), answer.value]);
    return "sent";
  }

  onRequest(listener: (client: ClientId, frame: Uint8Array) => void): void {
    this.#listener = listener;
  }

  receive(client: ClientId, frame: Uint8Array): void {
    this.#listener?.(client, frame);
  }

  ask(client: ClientId, correlationId: number, request: Request): void {
    this.receive(client, plainCodec.encodeRequest(correlationId, request));
  }

  answerTo(client: ClientId, correlationId: number): Answer | undefined {
    return this.answers.get(client)?.find((answer) => answer.correlationId === correlationId)?.message;
  }

  /** Entries published of one stream, in order, over all batches. */
  entries(stream: StreamKey): readonly SequencedEntry[] {
    return this.published.flatMap(({ publication }) =>
      publication.type === "batch" && publication.key.symbol === stream.symbol && publication.key.interval === stream.interval ? publication.entries : []);
  }

  async close(): Promise<void> {}
}
