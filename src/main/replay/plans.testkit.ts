// Random logs for properties: messages of several trades, quotes, late prints, holes, backfill pages and duplicates.
import fc from "fast-check";
import { START_MS, type Wire } from "./fakes.testkit.ts";

type Step =
  | { readonly kind: "trades"; readonly count: number; readonly gapMs: number; readonly skip: number }
  | { readonly kind: "late"; readonly backMs: number }
  | { readonly kind: "duplicate"; readonly back: number }
  | { readonly kind: "backfill"; readonly count: number }
  | { readonly kind: "quote" | "broken" | "depth" | "other" | "tick" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("trades" as const), count: fc.integer({ min: 1, max: 4 }), gapMs: fc.integer({ min: 0, max: 400 }), skip: fc.constantFrom(0, 0, 0, 0, 3) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("late" as const), backMs: fc.integer({ min: 1, max: 5_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("duplicate" as const), back: fc.integer({ min: 1, max: 10 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("backfill" as const), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("quote" as const, "broken" as const, "depth" as const, "other" as const, "tick" as const) }) },
);

function write(steps: readonly Step[]): readonly Wire[] {
  let id = 1;
  let ms = START_MS;
  const missing: { id: number; ms: number }[] = [];
  const sent: Extract<Wire, { kind: "trades" }>["trades"][number][] = [];
  const trade = (at: number, tradeId: number): (typeof sent)[number] => ({ id: tradeId, ms: at, price: `${100 + (tradeId % 7)}.${tradeId % 10}`, qty: `0.${1 + (tradeId % 9)}`, buy: tradeId % 2 === 0 });
  return steps.map((entry): Wire => {
    switch (entry.kind) {
      case "trades": {
        for (let skipped = 0; skipped < entry.skip; skipped += 1) missing.push({ id: id++, ms });
        ms += entry.gapMs;
        const trades = Array.from({ length: entry.count }, () => trade(ms, id++));
        sent.push(...trades);
        return { kind: "trades", trades };
      }
      case "late": {
        const trades = [trade(Math.max(START_MS, ms - entry.backMs), id++)];
        sent.push(...trades);
        return { kind: "trades", trades };
      }
      case "duplicate": {
        const again = sent.at(-entry.back);
        return again === undefined ? { kind: "depth" } : { kind: "trades", trades: [again] };
      }
      case "backfill": {
        const page = missing.splice(0, entry.count).map((lost) => trade(lost.ms, lost.id));
        // A page of a venue also holds trades that are known already.
        const known = sent.at(-1);
        return { kind: "trades", trades: known === undefined ? page : [...page, known], backfill: true };
      }
      case "quote":
        return { kind: "quote", ms, bid: `${ms % 100}.5`, ask: `${ms % 100}.6` };
      default:
        return { kind: entry.kind };
    }
  });
}

export function wirePlans(length: { readonly min: number; readonly max: number }): fc.Arbitrary<readonly Wire[]> {
  return fc.array(step, { minLength: length.min, maxLength: length.max }).map(write);
}

/** A plain plan without randomness: trades every 10 ms, a quote between, some ticks. */
export function steadyPlan(messages: number): readonly Wire[] {
  const steps = Array.from({ length: messages }, (_, index): Step =>
    index % 50 === 49 ? { kind: "tick" } : index % 2 === 0 ? { kind: "trades", count: 1, gapMs: 10, skip: 0 } : { kind: "quote" });
  return write(steps);
}
