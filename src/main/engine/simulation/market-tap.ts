// Everything that the simulated market said, before any fault touched it, and what of it is in the log.
import type { RawRecord } from "../../../shared/raw.ts";
import type { MarketSink, SimAggTrade, SimTrade } from "../../sim/market-types.ts";
import { formatUnits } from "../../sim/market-types.ts";
import { TrueCandles } from "../../sim/true-candles.ts";

export class MarketTap implements MarketSink {
  readonly #trades = new Map<string, Map<number, SimTrade>>();
  readonly #aggregates = new Map<string, Map<number, SimAggTrade>>();

  trade(trade: SimTrade): void {
    this.#of(this.#trades, trade.spec.symbol).set(trade.id, trade);
  }
  aggTrade(trade: SimAggTrade): void {
    this.#of(this.#aggregates, trade.spec.symbol).set(trade.id, trade);
  }
  book(): void {
    // Quotes take no part in candles.
  }
  mark(): void {
    // Nor do marks.
  }

  #of<T>(map: Map<string, Map<number, T>>, symbol: string): Map<number, T> {
    const found = map.get(symbol);
    if (found !== undefined) return found;
    const made = new Map<number, T>();
    map.set(symbol, made);
    return made;
  }

  aggregates(symbol: string): ReadonlyMap<number, SimAggTrade> {
    return this.#of(this.#aggregates, symbol);
  }

  /** Exact candles over the trades of these aggregates only. */
  candlesOf(symbol: string, aggIds: Iterable<number>): TrueCandles {
    const candles = new TrueCandles({ candlesMax: 1_000_000 });
    const trades = this.#of(this.#trades, symbol);
    const aggregates = this.aggregates(symbol);
    for (const aggId of aggIds) {
      const aggregate = aggregates.get(aggId);
      if (aggregate === undefined) continue;
      for (let id = aggregate.firstId; id <= aggregate.lastId; id += 1) {
        const trade = trades.get(id);
        if (trade !== undefined) candles.add(trade);
      }
    }
    return candles;
  }
}

/** What the log holds of one symbol's aggregates: first record by id, and records whose content is not the market's. */
export interface Received {
  /** Aggregate id → seq of the first record that holds it as the market said it. */
  readonly seqOf: Map<number, number>;
  /** The same, over the socket only. */
  readonly overSocket: Map<number, number>;
  /** Ids that came with other content (conflict, wrong times, wrong types). */
  readonly altered: Map<number, number>;
}

interface WireAggTrade { readonly a: number; readonly p: string; readonly q: string; readonly f: number; readonly l: number; readonly T: number; readonly m: boolean }
const decoder = new TextDecoder();

function isAs(wire: WireAggTrade, truth: SimAggTrade): boolean {
  const { spec } = truth;
  return (
    wire.p === formatUnits(truth.price, spec.priceScale) && wire.q === formatUnits(truth.qty, spec.qtyScale) && wire.f === truth.firstId &&
    wire.l === truth.lastId && wire.T === truth.timeMs && wire.m === truth.buyerIsMaker
  );
}

/** Reads a record on its own, without any of the product's decoders. Bytes that are no aggregates count as nothing. */
export function receive(into: Received, record: RawRecord, truth: ReadonlyMap<number, SimAggTrade>): void {
  let parsed: unknown;
  try {
    parsed = JSON.parse(decoder.decode(record.payload));
  } catch {
    return; // Malformed on purpose: nothing was received.
  }
  const rows = record.source === "ws" ? [(parsed as { data?: unknown }).data] : Array.isArray(parsed) ? (parsed as unknown[]) : [];
  for (const row of rows) {
    if (typeof row !== "object" || row === null || typeof (row as { a?: unknown }).a !== "number") continue;
    const wire = row as WireAggTrade;
    const known = truth.get(wire.a);
    if (known === undefined || !isAs(wire, known)) {
      into.altered.set(wire.a, record.seq);
      continue;
    }
    if (!into.seqOf.has(wire.a)) into.seqOf.set(wire.a, record.seq);
    if (record.source === "ws" && !into.overSocket.has(wire.a)) into.overSocket.set(wire.a, record.seq);
  }
}
