// In-memory stand-ins for the log reader, the decoders and the canonicalizer, and logs made from a seedable plan.
// The canonicalizer here is small but honest: seals by watermark, revises late bars, tells gaps, and digests its state.
import { createHash } from "node:crypto";
import type { Clock, Sha256 } from "../../shared/base.ts";
import { canonicalStringify } from "../../shared/canonical-json.ts";
import type { BarKey, BarValues, BarVersion, CanonicalOutput, FormingBar } from "../../shared/candles.ts";
import { encodeControl } from "../../shared/control.ts";
import { add, compare, dec, multiply, ZERO } from "../../shared/decimal.ts";
import { streamRef, type Decode, type DecodeOutcome, type Instrument, type MarketEvent, type StreamRef, type TradeEvent } from "../../shared/market.ts";
import { CONTROL_STREAM, type RawRecord } from "../../shared/raw.ts";
import { bucketOpenMs, INTERVAL_MS, type Interval } from "../../shared/time.ts";
import type { Canonicalizer, CanonicalizerOptions, CanonicalSnapshot } from "../canonical/types.ts";
import type { RawLogReader, ReadOptions, SegmentSummary, StreamSummary } from "../rawlog/types.ts";

export const sha256: Sha256 = (bytes) => createHash("sha256").update(bytes).digest();
export const testClock: Clock = { wallNs: () => 0n, monotonicMs: () => performance.now() };
export const INSTRUMENT: Instrument = { venue: "binance-usdm", symbol: "BTCUSDT" };
export const TRADES = streamRef("binance-usdm", "BTCUSDT", "aggTrade");
export const QUOTES = streamRef("binance-usdm", "BTCUSDT", "bookTicker");
export const DEPTH = streamRef("binance-usdm", "BTCUSDT", "depth");
export const OTHER = streamRef("binance-usdm", "ETHUSDT", "aggTrade");
export const START_MS = 1_700_000_000_000;

/** A reader over records in memory; `limit` hides what was not written yet. */
export class MemoryReader implements RawLogReader {
  readonly captureId = "memory";
  readonly #records: readonly RawRecord[];
  readonly #batch: number;
  visible: number;
  reads = 0;
  #seen = 0;

  constructor(records: readonly RawRecord[], options: { readonly batch?: number; readonly visible?: number } = {}) {
    this.#records = records;
    this.#batch = options.batch ?? 100;
    this.visible = options.visible ?? Infinity;
  }

  get #shown(): readonly RawRecord[] {
    return this.#records.filter((record) => record.seq <= this.#seen);
  }
  get segments(): readonly SegmentSummary[] {
    const shown = this.#shown;
    const recv = shown.map(({ recvNs }) => recvNs);
    if (shown.length === 0) return [];
    return [{
      index: 1, file: "memory", state: "open", fromSeq: shown[0]?.seq ?? 1, toSeq: this.#seen, count: shown.length, bytes: 0,
      fromRecvNs: recv[0] ?? 0n, toRecvNs: recv.reduce((max, ns) => (ns > max ? ns : max), 0n),
    }];
  }
  get streams(): readonly StreamSummary[] {
    const counts = new Map<string, { stream: StreamRef; count: number }>();
    for (const { stream } of this.#shown) {
      const entry = counts.get(stream.streamId) ?? { stream, count: 0 };
      entry.count += 1;
      counts.set(stream.streamId, entry);
    }
    return [...counts.values()];
  }
  refresh(): Promise<number> {
    this.#seen = Math.min(this.visible, this.#records.at(-1)?.seq ?? 0);
    return Promise.resolve(this.#seen);
  }
  async *batches(options: ReadOptions): AsyncGenerator<readonly RawRecord[]> {
    this.reads += 1;
    const from = options.fromSeq ?? 1;
    const to = Math.min(options.toSeq ?? Infinity, this.#seen);
    let batch: RawRecord[] = [];
    let low = 0;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#records[middle]?.seq ?? 0) < from) low = middle + 1;
      else high = middle;
    }
    for (let index = low; index < this.#records.length; index += 1) {
      const record = this.#records[index];
      if (record === undefined || record.seq > to) break;
      if (options.streams !== undefined && record.stream.streamId !== CONTROL_STREAM.streamId && !options.streams.has(record.stream.streamId)) continue;
      batch.push(record);
      if (batch.length < this.#batch) continue;
      yield batch;
      batch = [];
      await Promise.resolve();
    }
    if (batch.length > 0) yield batch;
  }
  record(seq: number): Promise<RawRecord | undefined> {
    return Promise.resolve(this.#records.find((record) => record.seq === seq && seq <= this.#seen));
  }
  locate(recvNs: bigint): Promise<number> {
    let known = 0n;
    let found = 0;
    for (const record of this.#shown) {
      if (record.recvNs > known) known = record.recvNs;
      if (known > recvNs) break;
      found = record.seq;
    }
    return Promise.resolve(found);
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface WireTrade { readonly id: number; readonly ms: number; readonly price: string; readonly qty: string; readonly buy: boolean }
export type Wire =
  | { readonly kind: "trades"; readonly trades: readonly WireTrade[]; readonly backfill?: boolean }
  | { readonly kind: "quote"; readonly ms: number; readonly bid: string; readonly ask: string }
  | { readonly kind: "broken" }
  | { readonly kind: "depth" }
  | { readonly kind: "other" }
  | { readonly kind: "tick" };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function tradeOf(trade: WireTrade): TradeEvent {
  return {
    kind: "trade", eventMs: trade.ms, eventSubNs: 0, price: dec(trade.price), qty: dec(trade.qty), side: trade.buy ? 1 : -1,
    tradeId: String(trade.id), sequenceId: trade.id, firstTradeId: undefined, lastTradeId: undefined, tradeCount: 1, market: true,
  };
}

const decode: Decode = (payload): DecodeOutcome => {
  const wire = JSON.parse(decoder.decode(payload)) as Wire;
  if (wire.kind === "trades") return { kind: "events", events: wire.trades.map(tradeOf) };
  if (wire.kind === "quote") {
    const event: MarketEvent = { kind: "bbo", eventMs: wire.ms, eventSubNs: 0, bidPrice: dec(wire.bid), bidQty: dec("1"), askPrice: dec(wire.ask), askQty: dec("1"), updateId: undefined };
    return { kind: "events", events: [event] };
  }
  return { kind: "refused", code: "malformed-json", detail: "broken" };
};
export const decoders = (stream: StreamRef): Decode | undefined => (stream.channel === "aggTrade" || stream.channel === "bookTicker" ? decode : undefined);

const STREAM_OF = { trades: TRADES, quote: QUOTES, broken: QUOTES, depth: DEPTH, other: OTHER, tick: CONTROL_STREAM } as const;

/** Records of a plan: seq dense from 1, receive time 1 ms apart. */
export function recordsOf(wires: readonly Wire[]): RawRecord[] {
  const ingest = new Map<string, number>();
  return wires.map((wire, index) => {
    const stream = STREAM_OF[wire.kind];
    const ingestSeq = (ingest.get(stream.streamId) ?? 0) + 1;
    ingest.set(stream.streamId, ingestSeq);
    const payload = wire.kind === "tick"
      ? encodeControl({ kind: "tick", venue: "binance-usdm", offset_ns: 0n, error_ns: 0n })
      : encoder.encode(JSON.stringify(wire.kind === "other" ? { kind: "trades", trades: [{ id: index, ms: START_MS, price: "1", qty: "1", buy: true }] } : wire));
    const source = wire.kind === "tick" ? "control" : wire.kind === "trades" && wire.backfill === true ? "rest_backfill" : "ws";
    return { stream, source, connection: "c.1", recvNs: BigInt(START_MS + index) * 1_000_000n, eventNs: 0n, payload, seq: index + 1, ingestSeq };
  });
}

interface FakeBar { readonly values: BarValues; readonly firstMs: number; readonly lastMs: number; readonly fromSeq: number; readonly lastSeq: number }
interface FakeState {
  readonly position: number; readonly inRecord: number; readonly watermark: number; readonly nextId: number; readonly events: number; readonly duplicates: number;
  readonly seen: ReadonlySet<number>; readonly open: ReadonlyMap<string, FakeBar>; readonly sealedUntil: Readonly<Record<string, number>>;
}
const EMPTY: FakeState = { position: 0, inRecord: 0, watermark: 0, nextId: 0, events: 0, duplicates: 0, seen: new Set(), open: new Map(), sealedUntil: {} };
const LATENESS_MS = 20;

function merge(bar: FakeBar | undefined, trade: TradeEvent, seq: number): FakeBar {
  const quote = multiply(trade.price, trade.qty);
  const buy = trade.side === 1;
  if (bar === undefined) {
    const values: BarValues = { open: trade.price, high: trade.price, low: trade.price, close: trade.price, volume: trade.qty, quoteVolume: quote, tradeCount: 1, takerBuyVolume: buy ? trade.qty : ZERO, takerBuyQuoteVolume: buy ? quote : ZERO };
    return { values, firstMs: trade.eventMs, lastMs: trade.eventMs, fromSeq: seq, lastSeq: seq };
  }
  const { values } = bar;
  return {
    firstMs: Math.min(bar.firstMs, trade.eventMs), lastMs: Math.max(bar.lastMs, trade.eventMs), fromSeq: bar.fromSeq, lastSeq: seq,
    values: {
      open: trade.eventMs < bar.firstMs ? trade.price : values.open, close: trade.eventMs >= bar.lastMs ? trade.price : values.close,
      high: compare(trade.price, values.high) > 0 ? trade.price : values.high, low: compare(trade.price, values.low) < 0 ? trade.price : values.low,
      volume: add(values.volume, trade.qty), quoteVolume: add(values.quoteVolume, quote), tradeCount: values.tradeCount + 1,
      takerBuyVolume: buy ? add(values.takerBuyVolume, trade.qty) : values.takerBuyVolume, takerBuyQuoteVolume: buy ? add(values.takerBuyQuoteVolume, quote) : values.takerBuyQuoteVolume,
    },
  };
}

class FakeSnapshot implements CanonicalSnapshot {
  readonly state: FakeState;
  constructor(state: FakeState) {
    this.state = state;
  }
  get position(): number {
    return this.state.position;
  }
}

export class FakeCanonicalizer implements Canonicalizer {
  readonly #options: CanonicalizerOptions;
  #state: FakeState = EMPTY;
  #outputs: CanonicalOutput[] = [];

  constructor(options: CanonicalizerOptions) {
    this.#options = options;
  }
  get #intervals(): readonly Interval[] {
    return this.#options.intervals ?? ["1s"];
  }
  get position(): number {
    return this.#state.position;
  }
  get unsettledGaps(): Canonicalizer["unsettledGaps"] {
    return [];
  }
  get folds(): Canonicalizer["folds"] {
    return [];
  }
  get counts(): Canonicalizer["counts"] {
    return { records: 0, events: this.#state.events, duplicates: this.#state.duplicates, conflicts: 0, late: 0, refused: 0, unhandled: 0, gapsOpen: 0, unverified: 0, nonMarket: 0, excluded: 0, crossChecked: 0, crossDisagreed: 0 };
  }
  apply(record: RawRecord, outcome: DecodeOutcome | undefined, range?: { readonly from: number; readonly until: number }): void {
    const events = outcome?.kind === "events" ? outcome.events : [];
    const { from, until } = range ?? { from: 0, until: events.length };
    const state = this.#state;
    if (from === 0 ? record.seq <= state.position : record.seq !== state.position || from !== state.inRecord) throw new Error("out of order");
    this.#state = { ...state, position: record.seq, inRecord: until >= events.length ? 0 : until };
    for (const event of events.slice(from, until)) {
      this.#state = { ...this.#state, events: this.#state.events + 1 };
      if (event.kind === "trade") this.#trade(event, record.seq);
    }
    if (record.source === "control") this.#outputs.push({ kind: "lane", event: { kind: "tick", venue: "binance-usdm", connection: "c.1", atMs: Number(record.recvNs / 1_000_000n), detail: "", atSeq: record.seq } });
  }
  #trade(trade: TradeEvent, seq: number): void {
    const id = trade.sequenceId ?? 0;
    if (this.#state.seen.has(id)) {
      this.#state = { ...this.#state, duplicates: this.#state.duplicates + 1 };
      return;
    }
    if (id > this.#state.nextId && this.#state.nextId > 0) {
      this.#outputs.push({ kind: "gap", gap: { gapId: `gap.${this.#state.nextId}`, streamId: TRADES.streamId, fromMs: this.#state.watermark, toMs: trade.eventMs, fromId: this.#state.nextId, toId: id - 1, missing: id - this.#state.nextId, cause: "id_hole", state: "open", attempts: 0, detail: "", atSeq: seq } });
    }
    const watermark = Math.max(this.#state.watermark, trade.eventMs);
    this.#state = { ...this.#state, seen: new Set([...this.#state.seen, id]), nextId: Math.max(this.#state.nextId, id + 1), watermark };
    for (const interval of this.#intervals) this.#fold(trade, interval, seq);
  }
  #fold(trade: TradeEvent, interval: Interval, seq: number): void {
    const openMs = bucketOpenMs(trade.eventMs, interval);
    const key: BarKey = { ...INSTRUMENT, interval, openMs };
    const latest = this.#options.history.latest(key);
    if (latest !== undefined) {
      const bar = merge({ values: latest.values, firstMs: latest.firstKey.eventMs, lastMs: latest.lastKey.eventMs, fromSeq: latest.provenance[0]?.fromSeq ?? seq, lastSeq: latest.atSeq }, trade, seq);
      this.#emit(key, bar, seq, latest);
    } else {
      const open = new Map(this.#state.open);
      open.set(`${interval} ${openMs}`, merge(open.get(`${interval} ${openMs}`), trade, seq));
      this.#state = { ...this.#state, open };
    }
    const due = [...this.#state.open].filter(([id]) => id.startsWith(`${interval} `) && Number(id.split(" ")[1]) + INTERVAL_MS[interval] + LATENESS_MS <= this.#state.watermark)
      .sort((a, b) => Number(a[0].split(" ")[1]) - Number(b[0].split(" ")[1]));
    for (const [id, bar] of due) {
      const open = new Map(this.#state.open);
      open.delete(id);
      this.#state = { ...this.#state, open };
      this.#emit({ ...INSTRUMENT, interval, openMs: Number(id.split(" ")[1]) }, bar, seq, undefined);
    }
  }
  #emit(key: BarKey, bar: FakeBar, seq: number, before: BarVersion | undefined): void {
    const revision = (before?.revision ?? 0) + 1;
    const digest = createHash("sha256").update(canonicalStringify({ key, values: bar.values, revision })).digest("hex");
    const version: BarVersion = {
      key, revision, reason: before === undefined ? "watermark" : "late_data", values: bar.values, digest, previousDigest: before?.digest, diff: [],
      firstKey: { eventMs: bar.firstMs, id: 0, ingestSeq: 0 }, lastKey: { eventMs: bar.lastMs, id: 0, ingestSeq: 0 }, excluded: { count: 0, seqs: [] }, backfilledTrades: 0, atSeq: seq,
      provenance: [{ streamId: TRADES.streamId, fromIngestSeq: 0, toIngestSeq: 0, fromPosition: 0, toPosition: 65_535, fromSeq: bar.fromSeq, toSeq: bar.lastSeq, base: "", digest: "" }],
    };
    this.#options.history.append(version);
    this.#outputs.push({ kind: "bar", bar: version });
    this.#outputs.push({ kind: "grade", grade: { ...INSTRUMENT, interval: key.interval, fromOpenMs: key.openMs, untilOpenMs: key.openMs + INTERVAL_MS[key.interval], grade: revision > 1 ? "repaired" : "likely", why: "fake", evidence: [], atSeq: seq } });
  }
  drain(): readonly CanonicalOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }
  open(instrument: Instrument, interval: Interval): readonly FormingBar[] {
    return [...this.#state.open].filter(([id]) => id.startsWith(`${interval} `))
      .map(([id, bar]) => ({ key: { ...instrument, interval, openMs: Number(id.split(" ")[1]) }, values: bar.values, lastSeq: bar.lastSeq }))
      .sort((a, b) => a.key.openMs - b.key.openMs);
  }
  openContents(): undefined {
    return undefined;
  }

  gradeOf(): undefined {
    return undefined;
  }
  snapshot(): CanonicalSnapshot {
    return new FakeSnapshot(this.#state);
  }
  restore(snapshot: CanonicalSnapshot): void {
    if (!(snapshot instanceof FakeSnapshot)) throw new Error("a snapshot of another canonicalizer");
    this.#state = snapshot.state;
    this.#outputs = [];
  }
  digest(): string {
    const { seen, open, ...rest } = this.#state;
    return createHash("sha256").update(canonicalStringify({ ...rest, seen: [...seen].sort((a, b) => a - b), open: [...open].map(([id, bar]) => [id, bar]) })).digest("hex");
  }
  save(): Uint8Array {
    throw new Error("not needed here");
  }
  load(): void {
    throw new Error("not needed here");
  }
}
