// Test doubles for the canonicalizer: a log under construction, a history in memory, Node's sha256.
import { createHash } from "node:crypto";
import type { BarKey, BarVersion, CanonicalOutput } from "../../shared/candles.ts";
import { CONTROL_CONNECTION, CONTROL_STREAM, type RawRecord } from "../../shared/raw.ts";
import { encodeControl, type CaptureConfig, type ControlRecord } from "../../shared/control.ts";
import { dec } from "../../shared/decimal.ts";
import { streamRef, type DecodeOutcome, type MarketEvent, type MessageSource, type StreamRef, type TradeEvent } from "../../shared/market.ts";
import { nsFromMs, type Interval } from "../../shared/time.ts";
import { createCanonicalizer } from "./canonicalizer.ts";
import type { BarHistory, Canonicalizer } from "./types.ts";

export const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

export const BTC = { venue: "binance-usdm", symbol: "BTCUSDT" } as const;
export const TRADES = streamRef(BTC.venue, BTC.symbol, "trade");
export const QUOTES = streamRef(BTC.venue, BTC.symbol, "bookTicker");

function keyText(key: BarKey): string {
  return `${key.venue}:${key.symbol}:${key.interval}:${key.openMs}`;
}

/** Versions by key; going back in time is forgetting the newest. Appending an old version again must be the same one. */
export class MemoryHistory implements BarHistory {
  readonly versions: BarVersion[] = [];
  readonly #latest = new Map<string, BarVersion>();
  latest(key: BarKey): BarVersion | undefined {
    return this.#latest.get(keyText(key));
  }
  append(version: BarVersion): void {
    this.versions.push(version);
    this.#latest.set(keyText(version.key), version);
  }
  /** As it was when it held that many versions. */
  upTo(length: number): MemoryHistory {
    const past = new MemoryHistory();
    for (const version of this.versions.slice(0, length)) past.append(version);
    return past;
  }
}

export interface Entry {
  readonly record: RawRecord;
  readonly outcome: DecodeOutcome | undefined;
}

/** Builds a log record by record, stamping seq and ingest_seq as the recorder would. */
export class LogBuilder {
  readonly entries: Entry[] = [];
  readonly #ingest = new Map<string, number>();

  add(options: {
    readonly stream: StreamRef; readonly atMs: number; readonly outcome: DecodeOutcome | undefined; readonly source?: MessageSource;
    readonly connection?: string; readonly payload?: Uint8Array;
  }): this {
    const { stream, atMs, outcome, source = "ws", connection = "test.1" } = options;
    const ingestSeq = (this.#ingest.get(stream.streamId) ?? 0) + 1;
    this.#ingest.set(stream.streamId, ingestSeq);
    const seq = this.entries.length + 1;
    const payload = options.payload ?? new TextEncoder().encode(`${seq}`);
    this.entries.push({ record: { stream, source, connection, recvNs: nsFromMs(atMs), eventNs: 0n, payload, seq, ingestSeq }, outcome });
    return this;
  }

  control(atMs: number, control: ControlRecord): this {
    return this.add({ stream: CONTROL_STREAM, atMs, outcome: undefined, source: "control", connection: CONTROL_CONNECTION, payload: encodeControl(control) });
  }

  config(atMs: number, config: Partial<CaptureConfig> = {}): this {
    const whole: CaptureConfig = {
      format: 1, lateness_ms: 3_000, intervals: ["1s", "1m"], folds: { "binance-usdm:BTCUSDT": "trade" },
      symbols: [{ venue: "binance-usdm", symbol: "BTCUSDT", channels: ["trade"] }], ...config,
    };
    return this.control(atMs, { kind: "config", config: whole, digest: "0".repeat(64) });
  }

  trades(atMs: number, events: readonly MarketEvent[], options: { readonly source?: MessageSource; readonly connection?: string; readonly stream?: StreamRef } = {}): this {
    const { source = "ws", connection = source === "ws" ? "test.1" : "test.rest", stream = TRADES } = options;
    return this.add({ stream, atMs, outcome: { kind: "events", events }, source, connection });
  }

  quote(atMs: number, eventMs = atMs, connection = "test.1"): this {
    const price = dec("1");
    const event: MarketEvent = { kind: "bbo", eventMs, eventSubNs: 0, bidPrice: price, bidQty: price, askPrice: price, askQty: price, updateId: undefined };
    return this.add({ stream: QUOTES, atMs, outcome: { kind: "events", events: [event] }, connection });
  }
}

export interface TradeFacts {
  readonly id: number;
  readonly ms: number;
  readonly price?: string;
  readonly qty?: string;
  readonly side?: 1 | -1;
  readonly market?: boolean;
}

/** One trade of the `trade` channel. */
export function trade(facts: TradeFacts): TradeEvent {
  const { id, ms, price = "100.00", qty = "1.000", side = 1, market = true } = facts;
  return {
    kind: "trade", eventMs: ms, eventSubNs: 0, price: dec(price), qty: dec(qty), side, tradeId: String(id), sequenceId: id, firstTradeId: id,
    lastTradeId: id, tradeCount: 1, market,
  };
}

/** A REST aggTrade that stands for trades [from, to] of the `trade` stream. */
export function aggregate(facts: { readonly a: number; readonly from: number; readonly to: number; readonly ms: number; readonly price?: string; readonly qty: string; readonly side?: 1 | -1 }): TradeEvent {
  const { a, from, to, ms, price = "100.00", qty, side = 1 } = facts;
  return {
    kind: "trade", eventMs: ms, eventSubNs: 0, price: dec(price), qty: dec(qty), side, tradeId: String(a), sequenceId: undefined,
    firstTradeId: from, lastTradeId: to, tradeCount: to - from + 1, market: true,
  };
}

export interface Run {
  readonly canonicalizer: Canonicalizer;
  readonly history: MemoryHistory;
  readonly outputs: CanonicalOutput[];
}

export function start(options: { readonly intervals?: readonly Interval[] } = {}, history = new MemoryHistory()): Run {
  return { canonicalizer: createCanonicalizer({ sha256, history, ...options }), history, outputs: [] };
}

export function feed(run: Run, entries: readonly Entry[]): Run {
  for (const { record, outcome } of entries) {
    run.canonicalizer.apply(record, outcome);
    run.outputs.push(...run.canonicalizer.drain());
  }
  return run;
}

export function derive(log: LogBuilder, options: { readonly intervals?: readonly Interval[] } = {}): Run {
  return feed(start(options), log.entries);
}
