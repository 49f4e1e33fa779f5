// What the collector keeps of a stream of trades: where trades are missing, by ids or by times, and which came twice or with other contents.
import type { TradeEvent } from "../../shared/market.ts";
import type { ResumePoint } from "./collector.ts";
import type { CollectorSettings } from "./collector-settings.ts";
import { GapTracker } from "./gap-tracker.ts";
import { SpanTracker } from "./span-tracker.ts";
import { type LegIndex, TradeLedger } from "./trade-ledger.ts";

export interface StreamTradesOptions {
  readonly settings: CollectorSettings;
  /** `contiguous`: a missing id proves a missing trade. `unordered`: cuts are asked for by their times. `unused`: nobody asks. */
  readonly ids: "contiguous" | "unordered" | "unused";
}

export class StreamTrades {
  readonly ids: StreamTradesOptions["ids"];
  readonly gaps: GapTracker | undefined;
  readonly spans: SpanTracker | undefined;
  readonly ledger: TradeLedger;
  /** Ids that were repeated long after the ledger had forgotten them. */
  #oldDuplicates = 0;

  constructor({ settings, ids }: StreamTradesOptions) {
    this.ids = ids;
    this.gaps = ids === "contiguous" ? new GapTracker(settings) : undefined;
    this.spans = ids === "unordered" ? new SpanTracker() : undefined;
    this.ledger = new TradeLedger({ legs: settings.legs, generationMs: settings.ledgerMs, generationTrades: settings.ledgerTrades });
  }

  resume({ lastId, eventMs, tradeIds }: ResumePoint): void {
    if (lastId !== undefined) this.gaps?.resume(lastId, eventMs);
    if (eventMs !== undefined) this.spans?.resume(tradeIds ?? [], eventMs);
  }

  /** `eventMs`: the trade's time, or the venue's where that cannot be right. */
  see(trade: TradeEvent, eventMs: number, nowMs: number, by: { readonly leg: LegIndex; readonly connection: string }): void {
    const sighting = this.ledger.see(trade, by.leg, nowMs);
    if (trade.sequenceId !== undefined && this.gaps !== undefined) {
      const known = this.gaps.duplicates;
      this.gaps.see(trade.sequenceId, eventMs, nowMs, trade.sequenceFromId);
      if (sighting === "new" && this.gaps.duplicates > known) this.#oldDuplicates += 1;
    }
    this.spans?.see(trade.tradeId, eventMs, nowMs, by.connection);
  }

  /** A trade with a time that nobody can believe: candles leave it out, so the venue is asked for it by what lies around it. */
  seeImpossible(trade: TradeEvent, nowMs: number, leg: LegIndex): void {
    this.ledger.see(trade, leg, nowMs);
    this.spans?.cut();
  }

  get duplicates(): number {
    return this.ledger.duplicates + this.#oldDuplicates;
  }
  get conflicts(): number {
    return this.ledger.conflicts;
  }
  /** Holes that may still fill by themselves, and cuts that nobody has asked about yet. */
  get waiting(): number {
    return (this.gaps?.waiting ?? 0) + (this.spans?.waiting ?? 0);
  }
}
