// What counts as gap-free, by state and by either clock; and what gaps did to grades, against a slow reading of the same journal.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GRADES, type GapEntry, type GapState, type Grade, type GradeEntry } from "../../shared/candles.ts";
import { GapEffects } from "./gap-effects.ts";
import { gapFree, intervalLine, refusalObject } from "./gap-free.ts";

const T0 = Date.UTC(2026, 0, 5, 12, 0, 0);
const BTC = { venue: "binance-usdm", symbol: "BTCUSDT" } as const;
const ETH = { venue: "binance-usdm", symbol: "ETHUSDT" } as const;

function gap(facts: Partial<GapEntry> = {}): GapEntry {
  return {
    gapId: "binance-usdm:BTCUSDT:trade#3", streamId: "binance-usdm:BTCUSDT:trade", fromMs: T0, toMs: T0 + 5_000, fromRecvNs: `${T0 + 9_000}000000`, toRecvNs: `${T0 + 14_000}000000`,
    fromId: 3, toId: 9, missing: 7, cause: "disconnect", state: "open", attempts: 0, detail: "", atSeq: 1, ...facts,
  };
}
const recv = (ms: number): bigint => BigInt(ms) * 1_000_000n;

describe("gap-free input", () => {
  it("is what holds no gap but repaired ones", () => {
    const states: readonly GapState[] = ["open", "backfilling", "repaired", "partly_repaired", "GAP_UNRESOLVED"];
    expect(states.filter((state) => gapFree([gap({ state })], {}).ok)).toEqual(["repaired"]);
    expect(gapFree([], {})).toEqual({ ok: true });
  });

  it("is asked for by instruments and by either clock; a gap that has not ended reaches as far as anybody asks", () => {
    const open = gap({ toMs: undefined, toRecvNs: undefined });
    const free = (entry: GapEntry, scope: Parameters<typeof gapFree>[1]): boolean => gapFree([entry], scope).ok;
    expect([free(gap(), { instruments: [BTC] }), free(gap(), { instruments: [ETH] }), free(gap(), { instruments: [] })]).toEqual([false, true, true]);
    expect([free(gap(), { untilMs: T0 }), free(gap(), { untilMs: T0 + 1 }), free(gap(), { fromMs: T0 + 5_000 }), free(gap(), { fromMs: T0 + 5_001 })]).toEqual([true, false, false, true]);
    expect([free(open, { fromMs: T0 + 900_000 }), free(open, { fromRecvNs: recv(T0 + 900_000) }), free(open, { untilMs: T0 }), free(open, { untilRecvNs: recv(T0 + 9_000) })]).toEqual([false, false, true, true]);
    expect([free(gap(), { fromRecvNs: recv(T0 + 14_001) }), free(gap(), { fromRecvNs: recv(T0 + 14_000) }), free(gap(), { untilRecvNs: recv(T0 + 9_000) })]).toEqual([true, false, true]);
    // Ids that came out of order: the end was received first.
    const turned = gap({ fromRecvNs: `${T0 + 14_000}000000`, toRecvNs: `${T0 + 9_000}000000` });
    expect([free(turned, { fromRecvNs: recv(T0 + 10_000) }), free(turned, { untilRecvNs: recv(T0 + 10_000) })]).toEqual([false, false]);
  });

  it("is refused with a typed fault that names every interval", () => {
    const refusal = gapFree([gap(), gap({ gapId: "e", streamId: "binance-usdm:ETHUSDT:trade", toMs: undefined, fromId: undefined, toId: undefined, missing: undefined })], {});
    if (refusal.ok) throw new Error("it has gaps");
    expect(refusal.fault).toEqual({ code: "gaps.not-free", message: "refused, not gap-free: 2 intervals of 2 streams are not whole", details: { intervals: 2, streams: 2 } });
    expect(refusal.intervals.map(intervalLine)).toEqual([
      "binance-usdm:BTCUSDT:trade  2026-01-05T12:00:00.000Z…2026-01-05T12:00:05.000Z, ids 3…9 (7 missing)  disconnect  open",
      "binance-usdm:ETHUSDT:trade  2026-01-05T12:00:00.000Z…still open  disconnect  open",
    ]);
    expect(refusalObject(refusal)).toMatchObject({ refused: "gaps.not-free", intervals: [{ gap_id: "binance-usdm:BTCUSDT:trade#3", from_id: 3, to_id: 9, state: "open" }, { to_ts_ms: null, from_id: null }] });
  });
});

const LOWERED: readonly Grade[] = ["partial", "unresolved", "missing", "GAP_UNRESOLVED"];
const WORST: readonly Grade[] = ["GAP_UNRESOLVED", "unresolved", "missing", "partial", "unprovable", "likely", "repaired", "proved", "empty_proved"];

describe("the effect of a gap on grades", () => {
  const entry = fc.record({ from: fc.nat(30), length: fc.integer({ min: 1, max: 8 }), grade: fc.constantFrom(...GRADES), atSeq: fc.nat(20) });

  it("is that of each bucket that it may lie in", () => {
    fc.assert(fc.property(fc.array(entry, { maxLength: 30 }), fc.nat(30_000), fc.option(fc.nat(9_000), { nil: undefined }), fc.nat(20), (facts, from, length, openedSeq) => {
      const entries = facts.map((fact): GradeEntry => ({
        ...BTC, interval: "1s", fromOpenMs: T0 + fact.from * 1_000, untilOpenMs: T0 + (fact.from + fact.length) * 1_000, grade: fact.grade, why: "", evidence: [], atSeq: fact.atSeq,
      })).sort((a, b) => a.atSeq - b.atSeq);
      const one = gap({ fromMs: T0 + from, toMs: length === undefined ? undefined : T0 + from + length });
      const effects = new GapEffects([one], new Map([[one.gapId, openedSeq]]));
      for (const each of entries) effects.add(each);
      const slow: { open: number; worst: Grade; now: Grade }[] = [];
      for (let open = Math.floor(one.fromMs / 1_000) * 1_000; open < T0 + 60_000 && open <= (one.toMs ?? Infinity); open += 1_000) {
        const history = entries.filter(({ fromOpenMs, untilOpenMs }) => fromOpenMs <= open && open < untilOpenMs);
        const first = history.findLastIndex(({ atSeq }) => atSeq < openedSeq);
        const since = history.slice(Math.max(0, first)).map(({ grade }) => grade);
        if (!since.some((grade) => LOWERED.includes(grade))) continue;
        slow.push({ open, worst: WORST.find((grade) => since.includes(grade)) ?? "proved", now: since.at(-1) ?? "proved" });
      }
      const [effect] = effects.of(one.gapId);
      expect(effect?.buckets ?? 0).toBe(slow.length);
      if (effect === undefined) return;
      expect([effect.fromOpenMs, effect.untilOpenMs]).toEqual([slow[0]?.open, (slow.at(-1)?.open ?? 0) + 1_000]);
      expect(effect.worst).toBe(WORST.find((grade) => slow.some(({ worst }) => worst === grade)));
      const now: Partial<Record<Grade, number>> = {};
      for (const { now: grade } of slow) now[grade] = (now[grade] ?? 0) + 1;
      expect(effect.now).toEqual(now);
    }), { numRuns: 300 });
  });

  it("is told per interval, and not of other instruments", () => {
    const effects = new GapEffects([gap()], new Map([[gap().gapId, 1]]));
    const grade = { why: "", evidence: [], atSeq: 5 };
    effects.add({ ...BTC, interval: "1m", fromOpenMs: T0, untilOpenMs: T0 + 60_000, grade: "partial", ...grade });
    effects.add({ ...ETH, interval: "1s", fromOpenMs: T0, untilOpenMs: T0 + 60_000, grade: "partial", ...grade });
    effects.add({ ...BTC, interval: "1s", fromOpenMs: T0, untilOpenMs: T0 + 3_600_000, grade: "missing", ...grade });
    effects.add({ ...BTC, interval: "1m", fromOpenMs: T0, untilOpenMs: T0 + 60_000, grade: "repaired", ...grade, atSeq: 6 });
    expect(effects.of(gap().gapId)).toEqual([
      { interval: "1s", fromOpenMs: T0, untilOpenMs: T0 + 6_000, buckets: 6, worst: "missing", now: { missing: 6 } },
      { interval: "1m", fromOpenMs: T0, untilOpenMs: T0 + 60_000, buckets: 1, worst: "partial", now: { repaired: 1 } },
    ]);
  });
});
