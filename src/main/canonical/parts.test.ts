// The small parts, each against the obvious slow way.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chainNext, leafOf } from "../../shared/leaf.ts";
import { nsFromMs } from "../../shared/time.ts";
import { MESSAGE_SOURCES, streamRef } from "../../shared/market.ts";
import { sha256, trade } from "./canonical.testkit.ts";
import { productOf } from "./contribution.ts";
import { ExactSum } from "./exact-sum.ts";
import { IdRuns } from "./id-runs.ts";
import { LeafChain, bytesFromHex } from "./leaf-chain.ts";
import { RECENT_TRADES, RecentTrades, fingerprint } from "./recent-trades.ts";

const large = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.bigInt({ min: 0n, max: 10n ** 40n }));

describe("exact sums", () => {
  it("equal bigint arithmetic for any sizes, also after a change of scale", () => {
    fc.assert(fc.property(fc.array(large, { maxLength: 40 }), fc.nat(6), fc.array(large, { maxLength: 40 }), (before, power, after) => {
      const sum = new ExactSum();
      for (const value of before) sum.add(value);
      sum.widen(power);
      for (const value of after) sum.add(value);
      const exact = before.reduce<bigint>((total, value) => total + BigInt(value), 0n) * 10n ** BigInt(power) + after.reduce<bigint>((total, value) => total + BigInt(value), 0n);
      expect(BigInt(sum.total())).toBe(exact);
      expect(typeof sum.total()).toBe(exact <= BigInt(Number.MAX_SAFE_INTEGER) ? "number" : "bigint");
    }));
  });
  it("products are exact", () => {
    fc.assert(fc.property(large, large, (a, b) => {
      expect(BigInt(productOf(a, b))).toBe(BigInt(a) * BigInt(b));
    }));
  });
});

describe("id runs", () => {
  it("equal a set of ids, whatever the order of arrival", () => {
    fc.assert(fc.property(fc.array(fc.record({ from: fc.nat(60), length: fc.integer({ min: 1, max: 4 }) }), { maxLength: 60 }), fc.nat(60), fc.nat(10), (adds, low, span) => {
      const runs = new IdRuns();
      const set = new Set<number>();
      for (const { from, length } of adds) {
        for (const part of runs.missingIn(from, from + length - 1)) runs.addRange(part.from, part.to, { eventMs: part.from, beginsMs: part.from, recvNs: 0n, seq: 1 });
        for (let id = from; id < from + length; id += 1) set.add(id);
      }
      const listed = runs.runs.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
      expect(listed).toEqual([...set].sort((a, b) => a - b));
      expect(runs.runs.every((run, index) => index === 0 || run.from > (runs.runs[index - 1]?.to ?? 0) + 1)).toBe(true);
      expect(runs.runs.every((run) => run.minMs >= run.from && run.maxMs <= run.to)).toBe(true);
      const missing = Array.from({ length: span + 1 }, (_, index) => low + index).filter((id) => !set.has(id));
      expect(runs.countMissing(low, low + span)).toBe(missing.length);
      for (let id = 0; id < 70; id += 1) expect(runs.runOf(id) !== undefined).toBe(set.has(id));
    }));
  });

  it("begin with their lowest id that is not late, whatever the order of arrival", () => {
    const fact = fc.record({ step: fc.nat(3), late: fc.boolean(), seen: fc.boolean(), order: fc.nat() });
    fc.assert(fc.property(fc.array(fact, { maxLength: 30 }), (facts) => {
      let ms = 0;
      const ids = facts.map(({ step, late, ...rest }, id) => ({ id, ms: (ms += step), late, ...rest })).filter(({ seen }) => seen);
      // Late ones come after every time there is, the later the higher their id.
      const beginsMs = (one: (typeof ids)[number]): number => (one.late ? 1_000 + one.id : one.ms);
      const runs = new IdRuns();
      for (const one of [...ids].sort((a, b) => a.order - b.order)) runs.add(one.id, one.ms, 1, 0n, beginsMs(one));
      for (const { from, to, fromMs, late } of runs.runs) {
        const held = ids.filter(({ id }) => id >= from && id <= to);
        const first = held.find((one) => !one.late);
        expect([late, fromMs]).toEqual([first === undefined, first === undefined ? Math.min(...held.map(beginsMs)) : first.ms]);
      }
    }));
  });
});

describe("recent trades", () => {
  it("tell the same trade from another by value, and forget the oldest", () => {
    const recent = new RecentTrades();
    for (let id = 1; id <= RECENT_TRADES + 500; id += 1) {
      const one = trade({ id, ms: id, price: "61800.30", qty: "0.006" });
      recent.push(id, one, fingerprint(one));
    }
    const verdict = (facts: Parameters<typeof trade>[0]): string => recent.compare(facts.id, trade(facts), fingerprint(trade(facts)));
    const id = RECENT_TRADES;
    expect(verdict({ id, ms: id, price: "61800.3", qty: "0.0060" })).toBe("same");
    expect(verdict({ id, ms: id, price: "61800.31", qty: "0.006" })).toBe("other");
    expect(verdict({ id, ms: id, price: "61800.30", qty: "0.007" })).toBe("other");
    expect(verdict({ id, ms: id + 1, price: "61800.30", qty: "0.006" })).toBe("other");
    expect(verdict({ id, ms: id, price: "61800.30", qty: "0.006", side: -1 })).toBe("other");
    expect(verdict({ id: 1, ms: 1, price: "61800.30", qty: "0.006" })).toBe("unknown");
    expect(recent.sumOf(id, id + 9)).toEqual({ found: 10, qty: { mantissa: 60, scale: 3 } });
  });
  it("a copy keeps what it had while the original goes on, also through rows", () => {
    const recent = new RecentTrades();
    const push = (id: number): void => recent.push(id, trade({ id, ms: id, qty: "12345678901234567890.5" }), fingerprint(trade({ id, ms: id })));
    for (let id = 1; id <= 5_000; id += 1) push(id);
    const copy = recent.clone();
    const rows = copy.toRows();
    for (let id = 5_001; id <= 12_000; id += 1) push(id);
    expect(copy.toRows()).toEqual(rows);
    const back = RecentTrades.fromRows(rows);
    expect(back.toRows()).toEqual(rows);
    expect(back.sumOf(5_000, 5_000).qty.mantissa).toBe(123456789012345678905n);
  });
});

describe("the leaf chain", () => {
  it("equals the shared definition for any record", () => {
    fc.assert(fc.property(fc.array(fc.record({ seq: fc.maxSafeNat(), ingestSeq: fc.nat(), ms: fc.nat(), payload: fc.uint8Array({ maxLength: 40 }), source: fc.constantFrom(...MESSAGE_SOURCES), symbol: fc.constantFrom("BTCUSDT", "ÄTH") }), { maxLength: 12 }), (facts) => {
      const chain = new LeafChain(sha256);
      let slow = chain.value;
      for (const { seq, ingestSeq, ms, payload, source, symbol } of facts) {
        const record = { stream: streamRef("sim", symbol, "trade"), source, connection: "x", recvNs: nsFromMs(ms), eventNs: -5n, payload, seq, ingestSeq };
        chain.next(record);
        slow = chainNext(slow, leafOf(record, sha256), sha256);
        expect(chain.value).toEqual(slow);
      }
    }));
  });
  it("hex is read back", () => {
    expect(bytesFromHex("00ff10")).toEqual(new Uint8Array([0, 255, 16]));
  });
});
