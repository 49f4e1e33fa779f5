// What must hold for any market and any delivery, against an oracle that knows every trade and shares no code with the fold.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BarVersion, CanonicalOutput, Grade } from "../../shared/candles.ts";
import type { TradeEvent } from "../../shared/market.ts";
import { INTERVAL_MS, type Interval } from "../../shared/time.ts";
import { LogBuilder, aggregate, feed, start, trade, type Entry, type Run, type TradeFacts } from "./canonical.testkit.ts";

const T0 = 1_700_000_000_000 - (1_700_000_000_000 % 86_400_000);
const INTERVALS: readonly Interval[] = ["1s", "5s", "1m"];

type Fact = Required<TradeFacts>;

/** Contiguous ids, times that never fall, prices and sizes with differing numbers of digits. */
const market: fc.Arbitrary<readonly Fact[]> = fc
  .array(
    fc.record({
      step: fc.oneof(fc.constant(0), fc.nat(40), fc.nat(1_500), fc.nat(9_000)),
      price: fc.oneof(fc.integer({ min: 9_900, max: 10_100 }).map((n) => (n / 100).toFixed(2)), fc.integer({ min: 990, max: 1_010 }).map((n) => (n / 10).toFixed(1))),
      qty: fc.oneof(fc.integer({ min: 1, max: 5_000 }).map((n) => (n / 1_000).toFixed(3)), fc.integer({ min: 1, max: 20 }).map(String)),
      side: fc.constantFrom<1 | -1>(1, -1),
      market: fc.integer({ min: 0, max: 19 }).map((n) => n !== 0),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((steps) => {
    let ms = T0 + 500;
    return steps.map(({ step, ...rest }, index) => ({ id: 1_000 + index, ms: (ms += step), ...rest }));
  });

/** How each trade gets here: in time, doubled, later on the stream, by backfill, or never. */
const fates = fc.array(fc.constantFrom("in-time", "in-time", "in-time", "doubled", "later", "backfilled", "lost"), { minLength: 60, maxLength: 60 });

interface Plain {
  open: string; high: string; low: string; close: string;
  volume: bigint; quote: bigint; buys: bigint; buyQuote: bigint; count: number;
}

const scaled = (text: string, scale: number): bigint => {
  const [whole = "", fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(scale, "0"));
};

/** The oracle: sorts, then reads off. Volumes at scale 6, quote volumes at scale 12. */
function candles(trades: readonly Fact[], interval: Interval): Map<number, Plain> {
  const out = new Map<number, Plain>();
  for (const one of [...trades].filter((each) => each.market).sort((a, b) => a.ms - b.ms || a.id - b.id)) {
    const open = one.ms - (one.ms % INTERVAL_MS[interval]);
    const bar = out.get(open) ?? { open: one.price, high: one.price, low: one.price, close: one.price, volume: 0n, quote: 0n, buys: 0n, buyQuote: 0n, count: 0 };
    out.set(open, bar);
    bar.close = one.price;
    if (Number(one.price) > Number(bar.high)) bar.high = one.price;
    if (Number(one.price) < Number(bar.low)) bar.low = one.price;
    const [qty, quote] = [scaled(one.qty, 6), scaled(one.qty, 6) * scaled(one.price, 6)];
    bar.volume += qty;
    bar.quote += quote;
    bar.count += 1;
    if (one.side === 1) {
      bar.buys += qty;
      bar.buyQuote += quote;
    }
  }
  return out;
}

function plain(version: BarVersion): unknown {
  const { values } = version;
  const at = (value: { readonly mantissa: number | bigint; readonly scale: number }, scale: number): bigint => BigInt(value.mantissa) * 10n ** BigInt(scale - value.scale);
  return {
    open: at(values.open, 6), high: at(values.high, 6), low: at(values.low, 6), close: at(values.close, 6), volume: at(values.volume, 6),
    quote: at(values.quoteVolume, 12), buys: at(values.takerBuyVolume, 6), buyQuote: at(values.takerBuyQuoteVolume, 12), count: values.tradeCount,
  };
}

function expected(bar: Plain): unknown {
  const price = (text: string): bigint => scaled(text, 6);
  return { ...bar, open: price(bar.open), high: price(bar.high), low: price(bar.low), close: price(bar.close) };
}

function latest(run: Run): Map<string, BarVersion> {
  return new Map(run.history.versions.map((version) => [`${version.key.interval}@${version.key.openMs}`, version]));
}

function finalGrades(outputs: readonly CanonicalOutput[]): Map<string, Grade> {
  const grades = new Map<string, Grade>();
  for (const output of outputs) {
    if (output.kind !== "grade") continue;
    const { interval, fromOpenMs, untilOpenMs, grade } = output.grade;
    for (let at = fromOpenMs; at < untilOpenMs; at += INTERVAL_MS[interval]) grades.set(`${interval}@${at}`, grade);
  }
  return grades;
}

interface Delivery {
  readonly entries: readonly Entry[];
  readonly delivered: readonly Fact[];
}

/** Writes the log of one delivery: stream first, backfill (single trades by REST, in any order) at the end or in the middle. */
function deliver(facts: readonly Fact[], fate: readonly string[], order: readonly number[], doubles = true): Delivery {
  const log = new LogBuilder().config(T0, { intervals: [...INTERVALS] });
  const atMs = (ms: number): number => ms + 20;
  const held: Fact[] = [];
  const backfill: Fact[] = [];
  const delivered: Fact[] = [];
  facts.forEach((fact, index) => {
    const how = fate[index];
    if (how === "later") held.push(fact);
    if (how === "backfilled") backfill.push(fact);
    if (how !== "lost") delivered.push(fact);
    if (how !== "in-time" && how !== "doubled") return;
    log.trades(atMs(fact.ms), [trade(fact)]);
    if (how === "doubled" && doubles) log.trades(atMs(fact.ms), [trade(fact)], { connection: "test.2" });
    const late = held.length > 0 && index % 3 === 0 ? held.shift() : undefined;
    if (late !== undefined) log.trades(atMs(fact.ms), [trade(late)]);
  });
  const lastMs = atMs(facts.at(-1)?.ms ?? T0);
  for (const fact of held) log.trades(lastMs, [trade(fact)]);
  const shuffled = backfill.map((fact, index) => ({ fact, at: order[index % order.length] ?? 0 })).sort((a, b) => a.at - b.at || a.fact.id - b.fact.id);
  const pages: TradeEvent[][] = [];
  shuffled.forEach(({ fact }, index) => {
    if (index % 4 === 0) pages.push([]);
    pages.at(-1)?.push(trade(fact));
  });
  for (const page of pages) log.trades(lastMs + 10, page, { source: "rest_backfill" });
  log.control(lastMs + 20, { kind: "end_of_input", reason: "test" });
  return { entries: log.entries, delivered };
}

const orders = fc.array(fc.nat(1_000), { minLength: 60, maxLength: 60 });

describe("any delivery", () => {
  it("gives the bars of exactly the trades that arrived, and never grades an incomplete one as complete", () => {
    fc.assert(
      fc.property(market, fates, orders, (facts, fate, order) => {
        const { entries, delivered } = deliver(facts, fate, order);
        const run = feed(start(), entries);
        const bars = latest(run);
        const grades = finalGrades(run.outputs);
        for (const interval of INTERVALS) {
          const arrived = candles(delivered, interval);
          const all = candles(facts, interval);
          const ours = [...bars.values()].filter((version) => version.key.interval === interval);
          expect(new Map(ours.map((version) => [version.key.openMs, plain(version)]))).toEqual(new Map([...arrived].map(([open, bar]) => [open, expected(bar)])));
          for (const [key, grade] of grades) {
            if (!key.startsWith(`${interval}@`) || (grade !== "proved" && grade !== "repaired" && grade !== "empty_proved")) continue;
            const open = Number(key.slice(interval.length + 1));
            expect([key, grade, arrived.get(open)?.count ?? 0]).toEqual([key, grade, all.get(open)?.count ?? 0]);
            expect(grade === "empty_proved").toBe(arrived.get(open) === undefined);
          }
          for (const open of arrived.keys()) expect(grades.get(`${interval}@${open}`)).toBeDefined();
        }
      }),
      { numRuns: 150 },
    );
  });

  it("declares every id that never came inside what did come", () => {
    fc.assert(
      fc.property(market, fates, orders, (facts, fate, order) => {
        const { entries, delivered } = deliver(facts, fate, order);
        const run = feed(start(), entries);
        const gaps = new Map(run.outputs.flatMap((output) => (output.kind === "gap" ? [[output.gap.gapId, output.gap] as const] : [])));
        const ids = new Set(delivered.map((fact) => fact.id));
        const [first, last] = [Math.min(...ids), Math.max(...ids)];
        const missing = facts.filter(({ id }) => id > first && id < last && !ids.has(id)).map(({ id }) => id);
        const open = [...gaps.values()].filter((gap) => gap.state !== "repaired");
        expect(missing.filter((id) => !open.some((gap) => (gap.fromId ?? id) <= id && id <= (gap.toId ?? id)))).toEqual([]);
        expect(open.reduce((sum, gap) => sum + (gap.missing ?? 0), 0)).toBe(missing.length);
        expect(open.every((gap) => gap.state === "GAP_UNRESOLVED")).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it("converges to the same values whatever the order of the backfill", () => {
    fc.assert(
      fc.property(market, fates, orders, orders, (facts, fate, one, other) => {
        const valuesOf = (order: readonly number[]): unknown => {
          const run = feed(start(), deliver(facts, fate, order).entries);
          return [[...latest(run)].map(([key, version]) => [key, version.values]).sort(), [...finalGrades(run.outputs)].sort()];
        };
        expect(valuesOf(one)).toEqual(valuesOf(other));
      }),
      { numRuns: 60 },
    );
  });

  it("is not changed by duplicates, counters apart", () => {
    fc.assert(
      fc.property(market, fates, orders, (facts, fate, order) => {
        const runOf = (doubles: boolean): Run => feed(start(), deliver(facts, fate, order, doubles).entries);
        const facets = (run: Run): unknown => [
          [...latest(run)].map(([key, version]) => [key, version.revision, version.reason, version.values]), [...finalGrades(run.outputs)],
        ];
        const [plainRun, doubled] = [runOf(false), runOf(true)];
        expect(facets(doubled)).toEqual(facets(plainRun));
        expect(doubled.canonicalizer.counts.duplicates - plainRun.canonicalizer.counts.duplicates).toBe(doubled.canonicalizer.counts.records - plainRun.canonicalizer.counts.records);
      }),
      { numRuns: 60 },
    );
  });
});

describe("any way of driving it", () => {
  it("applying a message in parts equals applying it whole", () => {
    fc.assert(
      fc.property(market, fates, orders, fc.infiniteStream(fc.nat(3)), (facts, fate, order, cuts) => {
        const { entries } = deliver(facts, fate, order);
        const whole = feed(start(), entries);
        const parts = start();
        for (const { record, outcome } of entries) {
          const length = outcome?.kind === "events" ? outcome.events.length : 0;
          let at = 0;
          do {
            const until = Math.min(length, at + (cuts.next().value ?? 0));
            if (until === at && until < length) parts.canonicalizer.apply(record, outcome, { from: at, until: (at += 1) });
            else parts.canonicalizer.apply(record, outcome, { from: at, until: (at = until) });
          } while (at < length);
          parts.outputs.push(...parts.canonicalizer.drain());
        }
        expect(parts.outputs).toEqual(whole.outputs);
        expect(parts.canonicalizer.digest()).toBe(whole.canonicalizer.digest());
      }),
      { numRuns: 40 },
    );
  });

  it("restoring at any record and going on equals one straight run, from memory and from bytes", () => {
    fc.assert(
      fc.property(market, fates, orders, (facts, fate, order) => {
        const { entries } = deliver(facts, fate, order);
        const straight = start();
        const marks = entries.map((entry) => {
          const mark = { snapshot: straight.canonicalizer.snapshot(), saved: straight.canonicalizer.save(), outputs: straight.outputs.length, versions: straight.history.versions.length };
          feed(straight, [entry]);
          return mark;
        });
        const final = straight.canonicalizer.digest();
        marks.forEach((mark, k) => {
          if (k % 7 !== 0) return;
          for (const how of ["snapshot", "saved"] as const) {
            const again = start({}, straight.history.upTo(mark.versions));
            if (how === "snapshot") again.canonicalizer.restore(mark.snapshot);
            else again.canonicalizer.load(mark.saved);
            feed(again, entries.slice(k));
            expect(again.outputs).toEqual(straight.outputs.slice(mark.outputs));
            expect(again.canonicalizer.digest()).toBe(final);
          }
        });
      }),
      { numRuns: 25 },
    );
  });
});

describe("aggregated backfill of a trade stream", () => {
  it("fills every hole to the values of the single trades, whatever was seen of an aggregate", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ size: fc.integer({ min: 1, max: 5 }), step: fc.integer({ min: 1, max: 3_000 }), price: fc.integer({ min: 990, max: 1_010 }), side: fc.constantFrom<1 | -1>(1, -1) }), { minLength: 1, maxLength: 12 }), fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }), (takers, seen) => {
        let id = 500;
        let ms = T0 + 500;
        const facts: Fact[] = [];
        const aggregates: TradeEvent[] = takers.map(({ size, step, price, side }, a) => {
          ms += step;
          const from = id;
          for (let fill = 0; fill < size; fill += 1) facts.push({ id: id++, ms, price: (price / 10).toFixed(1), qty: `0.00${fill + 1}`, side, market: true });
          return aggregate({ a: 70 + a, from, to: id - 1, ms, price: (price / 10).toFixed(1), qty: (((size * (size + 1)) / 2) / 1_000).toFixed(3), side });
        });
        const log = new LogBuilder().config(T0, { intervals: [...INTERVALS] });
        facts.forEach((fact, index) => {
          if (seen[index] === true || index === 0 || index === facts.length - 1) log.trades(fact.ms + 10, [trade(fact)]);
        });
        log.trades(ms + 20, aggregates, { source: "rest_backfill" });
        // What the backfill brought already comes once more on the stream: suppressed.
        for (const fact of facts) log.trades(ms + 30, [trade(fact)]);
        log.control(ms + 40, { kind: "end_of_input", reason: "test" });
        const run = feed(start(), log.entries);
        const bars = latest(run);
        for (const interval of INTERVALS) {
          for (const [open, bar] of candles(facts, interval)) expect(plain(bars.get(`${interval}@${open}`) ?? never())).toEqual(expected(bar));
        }
        expect(run.canonicalizer.counts).toMatchObject({ gapsOpen: 0, conflicts: 0, excluded: 0 });
      }),
      { numRuns: 100 },
    );
  });
});

function never(): never {
  throw new Error("a bar is missing");
}
