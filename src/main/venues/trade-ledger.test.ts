// Duplicates, conflicts and each leg's losses, and that remembering them costs a bounded memory.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dec } from "../../shared/decimal.ts";
import type { TradeEvent } from "../../shared/market.ts";
import { type LegIndex, TradeLedger } from "./trade-ledger.ts";

function trade(tradeId: string, price = "100.5", changes: Partial<TradeEvent> = {}): TradeEvent {
  return {
    kind: "trade", eventMs: 1_700_000_000_000, eventSubNs: 0, price: dec(price), qty: dec("0.1"), side: 1, tradeId, sequenceId: undefined,
    firstTradeId: undefined, lastTradeId: undefined, tradeCount: 1, market: true, ...changes,
  };
}
const ledger = (legs: 1 | 2): TradeLedger => new TradeLedger({ legs, generationMs: 1_000, generationTrades: 100 });

describe("one leg", () => {
  it("tells the same trade again from another one under its id", () => {
    const one = ledger(1);
    expect(one.see(trade("a"), 0, 0)).toBe("new");
    expect(one.see(trade("a"), 0, 10)).toBe("duplicate");
    for (const other of [trade("a", "100.6"), trade("a", "100.5", { qty: dec("0.2") }), trade("a", "100.5", { side: -1 }), trade("a", "100.5", { eventMs: 1_700_000_000_001 }), trade("a", "100.50")]) {
      expect(one.see(other, 0, 20)).toBe("conflict");
    }
    expect([one.duplicates, one.conflicts]).toEqual([1, 5]);
  });

  it("takes messages for different stretches of ids as different messages", () => {
    const one = ledger(1);
    one.see(trade("9", "1", { sequenceId: 9, sequenceFromId: 5 }), 0, 0);
    expect(one.see(trade("9", "1", { sequenceId: 9 }), 0, 0)).toBe("new");
  });
});

describe("two legs", () => {
  it("count as lost what only the other brought, once it can no longer come", () => {
    const two = ledger(2);
    for (const leg of [0, 1] as const) two.see(trade("first"), leg, 0);
    for (const id of ["a", "b", "c"]) two.see(trade(id), 0, 100);
    expect(two.see(trade("b"), 1, 200)).toBe("echo");
    two.see(trade("d"), 1, 300);
    expect(two.missed).toEqual([0, 0]);
    two.turn(1_200);
    expect(two.see(trade("c"), 1, 1_300)).toBe("echo"); // late, and not lost
    two.turn(2_300);
    expect(two.missed).toEqual([1, 1]);
    expect([two.duplicates, two.conflicts]).toEqual([0, 0]);
  });

  it("owe nothing that was said before they spoke", () => {
    const two = ledger(2);
    for (const id of ["a", "b"]) two.see(trade(id), 0, 0);
    two.see(trade("c"), 1, 10);
    two.turn(2_000);
    two.turn(4_000);
    expect(two.missed).toEqual([1, 0]);
  });

  it("measure exactly, in any order of arrival within a generation", () => {
    const plan = fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 80 });
    fc.assert(fc.property(plan, fc.infiniteStream(fc.nat(500)), (trades, delays) => {
      const two = new TradeLedger({ legs: 2, generationMs: 100_000, generationTrades: 10_000 });
      for (const leg of [0, 1] as const) two.see(trade("first"), leg, 0);
      const arrivals = trades.flatMap(([onA, onB], index) => ([onA ? 0 : undefined, onB ? 1 : undefined] as const).flatMap((leg) => (leg === undefined ? [] : [{ leg: leg as LegIndex, id: `t${index}`, atMs: index * 10 + (delays.next().value ?? 0) }])));
      for (const { leg, id, atMs } of arrivals.sort((a, b) => a.atMs - b.atMs)) two.see(trade(id), leg, atMs);
      two.turn(200_000);
      two.turn(400_000);
      expect(two.missed).toEqual([trades.filter(([onA, onB]) => !onA && onB).length, trades.filter(([onA, onB]) => onA && !onB).length]);
    }), { numRuns: 100 });
  });

  it("remember no more than two generations", () => {
    const two = ledger(2);
    for (let index = 0; index < 5_000; index += 1) {
      two.see(trade(String(index)), 0, index * 0.01);
      expect(two.size).toBeLessThanOrEqual(201);
    }
  });
});
