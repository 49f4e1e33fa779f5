// Streams whose ids have no order: gaps are settled by pages of the venue's own list, and by nothing that anybody claims.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GapEntry, Grade } from "../../shared/candles.ts";
import type { ControlRecord } from "../../shared/control.ts";
import { formatDecimal } from "../../shared/decimal.ts";
import type { TradeEvent } from "../../shared/market.ts";
import { BTC, LogBuilder, TRADES, derive, feed, start, trade, type Run } from "./canonical.testkit.ts";
import { KNOWN_IDS, KnownIds } from "./known-ids.ts";

const T0 = Date.UTC(2026, 0, 5, 12, 0, 0);
const STREAM = TRADES.streamId;
const venue = "binance-usdm";

const connect = (connection: string): ControlRecord => ({ kind: "connect", venue, connection, url: "ws://x", streams: [STREAM] });
const disconnect = (connection: string): ControlRecord => ({ kind: "disconnect", venue, connection, code: 1006, cause: "closed", detail: "", streams: [STREAM] });
const asked = { stream_id: STREAM, from_ms: T0, to_ms: T0 + 60_000, attempt: 1 };
const begun: ControlRecord = { kind: "backfill_begun", ...asked };
const done = (outcome: "repaired" | "partly" | "unresolved"): ControlRecord => ({ kind: "backfill_done", ...asked, outcome, detail: "asked once" });

/** Trade number n, 100 ms after the one before; its id tells nothing of its place. */
const nameless = (n: number): TradeEvent => ({
  ...trade({ id: 0, ms: T0 + n * 100, qty: `0.${String(n + 1).padStart(4, "0")}` }), tradeId: `${(n * 7_919) % 10_007}-uuid-${n}`, sequenceId: undefined,
  firstTradeId: undefined, lastTradeId: undefined,
});
const live = (log: LogBuilder, n: number, connection = "a"): LogBuilder => log.trades(T0 + n * 100 + 20, [nameless(n)], { connection });
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
/** Newest first, as the venue lists them. */
const page = (log: LogBuilder, from: number, to: number, atN = to): LogBuilder =>
  log.trades(T0 + atN * 100 + 60, range(from, to).reverse().map(nameless), { source: "rest_backfill", connection: "rest" });

function ledger(run: Run): readonly GapEntry[] {
  const gaps = new Map<string, GapEntry>();
  for (const output of run.outputs) if (output.kind === "gap") gaps.set(output.gap.gapId, output.gap);
  return [...gaps.values()];
}
const states = (run: Run): readonly string[] => run.outputs.flatMap((output) => (output.kind === "gap" ? [output.gap.state] : []));
const gradeAt = (run: Run, second: number): Grade | undefined => run.canonicalizer.gradeOf({ ...BTC, interval: "1s", openMs: T0 + second * 1_000 })?.grade;
const sizes = (run: Run): string => {
  const latest = new Map(run.history.versions.map((version) => [version.key.openMs, version.values]));
  return [...latest].sort(([a], [b]) => a - b).map(([, values]) => `${values.tradeCount}:${formatDecimal(values.volume)}`).join(" ");
};

/** 0 … 9 live, then the line goes; it is back with `next`. */
function cutAfter9(next: number): LogBuilder {
  const log = new LogBuilder().config(T0 - 2_000, { intervals: ["1s"] }).control(T0 - 1_000, connect("a"));
  for (const n of range(0, 9)) live(log, n);
  return live(log.control(T0 + 950, disconnect("a")).control(T0 + 1_000, connect("b")), next, "b");
}

describe("a page of the venue's list", () => {
  it("that reaches over both sides repairs the gap, folds what was missed once, and grades it repaired", () => {
    const log = page(live(cutAfter9(25).control(T0 + 2_540, begun), 26, "b"), 5, 26);
    log.control(T0 + 2_700, done("repaired"));
    for (const n of range(27, 80)) live(log, n, "b");
    const run = derive(log);
    expect(states(run)).toEqual(["open", "open", "backfilling", "repaired"]);
    expect(ledger(run)[0]).toMatchObject({ cause: "disconnect", missing: 0, attempts: 1, fromMs: T0 + 900, toMs: T0 + 2_500 });
    expect(ledger(run)[0]).toMatchObject({ fromRecvNs: `${(T0 + 920) * 1_000_000}`.replace(/\d{6}$/, "000000"), detail: expect.stringMatching(/15 trades were missed and backfilled/) as string });
    expect([0, 1, 2, 3].map((second) => gradeAt(run, second))).toEqual(["partial", "repaired", "repaired", "unprovable"]);
    const whole = new LogBuilder().config(T0 - 2_000, { intervals: ["1s"] });
    for (const n of range(0, 80)) live(whole, n);
    expect(sizes(run)).toBe(sizes(derive(whole)));
    expect(run.canonicalizer.counts).toMatchObject({ duplicates: 7, conflicts: 0, excluded: 0, gapsOpen: 0 });
  });

  it("that shows that nothing was missed says so", () => {
    const run = derive(page(cutAfter9(10).control(T0 + 1_030, begun), 3, 10));
    expect(states(run).at(-1)).toBe("repaired");
    expect(ledger(run)[0]?.detail).toMatch(/connection a ended: closed; .*nothing was missed/);
  });

  it("that reaches one side only repairs a part, whatever the collector says", () => {
    for (const outcome of ["repaired", "partly", "unresolved"] as const) {
      const run = derive(page(cutAfter9(25).control(T0 + 2_540, begun), 15, 25).control(T0 + 2_700, done(outcome)));
      expect(states(run).slice(2)).toEqual(["backfilling", "partly_repaired"]);
      expect(ledger(run)[0]?.detail).toMatch(/10 trades were backfilled, but no page reaches over both sides/);
      expect(run.history.versions.length + (run.canonicalizer.open(BTC, "1s").at(-1)?.values.tradeCount ?? 0)).toBeGreaterThan(0);
    }
  });

  it("that brings nothing of the gap leaves it unresolved", () => {
    const run = derive(page(live(cutAfter9(25).control(T0 + 2_540, begun), 26, "b"), 25, 26).control(T0 + 2_800, done("repaired")));
    expect(states(run).at(-1)).toBe("GAP_UNRESOLVED");
  });

  it("that came before the stream was back reaches one side only", () => {
    const log = new LogBuilder().config(T0 - 2_000, { intervals: ["1s"] }).control(T0 - 1_000, connect("a"));
    for (const n of range(0, 9)) live(log, n);
    page(log.control(T0 + 950, disconnect("a")).control(T0 + 1_000, connect("b")), 2, 15);
    // The stream goes on with a trade that the page has brought: it is back, and what the page could not know yet is open.
    live(log, 14, "b");
    expect(states(derive(log))).toEqual(["open", "open"]);
    expect(states(derive(page(live(log, 16, "b"), 4, 16))).at(-1)).toBe("repaired");
  });

  it("proves nothing by trades of which one could not be taken", () => {
    const log = cutAfter9(25).control(T0 + 2_540, begun);
    const trades = range(5, 25).reverse().map((n) => (n === 12 ? { ...nameless(n), eventMs: T0 + 200 * 86_400_000 } : nameless(n)));
    log.trades(T0 + 2_600, trades, { source: "rest_backfill" }).control(T0 + 2_700, done("repaired"));
    expect(states(derive(log)).at(-1)).toBe("partly_repaired");
  });

  it("of times long forgotten is not counted twice", () => {
    const log = new LogBuilder().config(T0 - 2_000, { intervals: ["1m"] });
    const many = KNOWN_IDS + 600;
    for (let n = 0; n < many; n += 100) log.trades(T0 + n * 100 + 9_950, range(n, n + 99).map(nameless));
    const before = derive(log);
    page(log, 0, 800, many);
    const after = derive(log);
    expect(after.canonicalizer.counts.excluded).toBeGreaterThan(0);
    expect(sizes(after)).toBe(sizes(before));
  });
});

describe("two connections for one stream without an order of ids", () => {
  const legs = (bIsLive: boolean): LogBuilder => {
    const log = new LogBuilder().config(T0 - 2_000, { intervals: ["1s"] }).control(T0 - 1_000, connect("a"));
    live(log, 0);
    live(log.control(T0 + 50, connect("b")), 1);
    return bIsLive ? live(log, 1, "b") : log;
  };
  it("lose nothing with one while the other lives", () => {
    const log = legs(true).control(T0 + 150, disconnect("a"));
    expect(states(derive(live(log, 2, "b")))).toEqual([]);
    // Also when the first comes back under its old name and the other goes then.
    live(live(log.control(T0 + 260, connect("a")), 3, "a"), 3, "b");
    expect(states(derive(live(log.control(T0 + 350, disconnect("b")), 4, "a")))).toEqual([]);
    expect(states(derive(live(log.control(T0 + 450, disconnect("a")), 5, "b")))).toEqual(["open", "open"]);
  });
  it("need the word of the venue, or a message, from before the last sign of life of the one that goes", () => {
    const accepted: ControlRecord = { kind: "acknowledge", venue, connection: "b", ok: true, streams: [STREAM], detail: "" };
    const at = T0 + 150;
    expect(states(derive(legs(false).control(at, accepted).quote(at, at, "a").control(at, disconnect("a"))))).toEqual([]);
    expect(states(derive(legs(false).control(at, accepted).control(at, disconnect("a"))))).toEqual(["open"]);
    expect(states(derive(legs(false).control(at, { ...accepted, ok: false }).quote(at, at, "a").control(at, disconnect("a"))))).toEqual(["open"]);
  });
  it("are in doubt from the last trade of the one that died unnoticed, whatever the late one has brought since", () => {
    // "a" tells nothing after trade 1; "b" comes with trade 5, and the death of "a" shows after trade 6.
    const log = live(live(legs(false), 5, "b"), 6, "b").control(T0 + 650, disconnect("a"));
    live(log, 7, "b");
    expect(ledger(derive(log))).toMatchObject([{ cause: "disconnect", state: "open", fromMs: T0 + 100, toMs: T0 + 700, fromRecvNs: String(BigInt(T0 + 120) * 1_000_000n) }]);
    expect(states(derive(page(log, 4, 7, 8))).at(-1)).toBe("open");
    const repaired = derive(page(log, 1, 7, 8));
    expect(ledger(repaired)).toMatchObject([{ state: "repaired", detail: expect.stringMatching(/3 trades were missed and backfilled$/) as string }]);
  });
  it("are in doubt when the other has brought nothing yet", () => {
    expect(states(derive(legs(false).control(T0 + 150, disconnect("a"))))).toEqual(["open"]);
    const back = legs(true).control(T0 + 150, disconnect("a")).control(T0 + 160, connect("a"));
    expect(states(derive(back.control(T0 + 170, disconnect("b"))))).toEqual(["open"]);
  });
  it("are in doubt when both are gone", () => {
    expect(states(derive(legs(true).control(T0 + 150, disconnect("a")).control(T0 + 160, disconnect("b"))))).toEqual(["open"]);
  });
});

describe("any delivery without an order of ids", () => {
  const fate = fc.record({ how: fc.constantFrom("a", "a", "a", "both", "late", "lost", "cut") });
  const deliveries = fc.record({ fates: fc.array(fate, { minLength: 4, maxLength: 60 }), depth: fc.integer({ min: 1, max: 70 }) });

  interface Delivered { readonly log: LogBuilder; readonly arrived: Set<number>; readonly count: number }

  /** Live trades, doubled, late or lost, with cuts between; then one page of the newest `depth`. */
  function deliver({ fates, depth }: { readonly fates: readonly { readonly how: string }[]; readonly depth: number }): Delivered {
    const log = new LogBuilder().config(T0 - 2_000, { intervals: ["1s"] }).control(T0 - 1_000, connect("a"));
    const arrived = new Set<number>();
    const late: number[] = [];
    let isDown = false;
    fates.forEach(({ how }, n) => {
      if (how === "cut") log.control(T0 + n * 100, disconnect("a"));
      isDown ||= how === "cut";
      if (how === "late") late.push(n);
      if (how === "lost" || how === "late" || how === "cut") return;
      if (isDown) log.control(T0 + n * 100 + 5, connect("a"));
      isDown = false;
      live(log, n);
      arrived.add(n);
      if (how === "both") live(log, n, "b");
    });
    const last = fates.length;
    live(isDown ? log.control(T0 + last * 100, connect("a")) : log, last);
    arrived.add(last);
    for (const n of late) {
      live(log, n);
      arrived.add(n);
    }
    page(log.control(T0 + last * 100 + 50, begun), Math.max(0, last + 1 - depth), last);
    log.control(T0 + last * 100 + 70, done("repaired")).control(T0 + last * 100 + 80, { kind: "end_of_input", reason: "test" });
    return { log, arrived, count: last + 1 };
  }

  it("gives the bars of the trades that came by whatever way, and calls a gap repaired only when all of it came", () => {
    fc.assert(fc.property(deliveries, (delivery) => {
      const { log, arrived, count } = deliver(delivery);
      const run = derive(log);
      expect(run.canonicalizer.counts.conflicts).toBe(0);
      const inPage = range(Math.max(0, count - delivery.depth), count - 1);
      const known = new Set(arrived);
      // A page also brings what is older than all that is known of it, where a gap says that something is missing there.
      const gaps = ledger(run);
      const oldestKnown = inPage.find((n) => arrived.has(n)) ?? count;
      for (const n of inPage) if (n > oldestKnown || gaps.some(({ fromMs }) => fromMs <= T0 + n * 100)) known.add(n);
      const volumes = new Map<number, number>();
      for (const n of known) volumes.set(Math.floor(n / 10), (volumes.get(Math.floor(n / 10)) ?? 0) + n + 1);
      const ours = new Map(run.history.versions.map(({ key, values }) => [(key.openMs - T0) / 1_000, Math.round(Number(formatDecimal(values.volume)) * 10_000)]));
      expect(ours).toEqual(volumes);
      for (const gap of gaps.filter(({ state }) => state === "repaired")) {
        const within = range(0, count - 1).filter((n) => T0 + n * 100 > gap.fromMs && T0 + n * 100 < (gap.toMs ?? 0));
        expect(within.filter((n) => !known.has(n))).toEqual([]);
        expect(inPage.some((n) => T0 + n * 100 <= gap.fromMs)).toBe(true);
      }
      for (const gap of gaps) if (!inPage.some((n) => T0 + n * 100 <= gap.fromMs && arrived.has(n))) expect(gap.state).not.toBe("repaired");
    }), { numRuns: 200 });
  });

  it("comes out the same in parts, from snapshots and from bytes", () => {
    fc.assert(fc.property(deliveries, fc.nat(), (delivery, where) => {
      const { entries } = deliver(delivery).log;
      const straight = feed(start(), entries);
      const at = entries.findIndex(({ record }) => record.source === "rest_backfill");
      const entry = entries[at];
      const length = entry?.outcome?.kind === "events" ? entry.outcome.events.length : 0;
      const first = feed(start(), entries.slice(0, at));
      const cut = where % (length + 1);
      if (entry !== undefined) first.canonicalizer.apply(entry.record, entry.outcome, { from: 0, until: cut });
      first.outputs.push(...first.canonicalizer.drain());
      for (const how of ["snapshot", "bytes"] as const) {
        const again = start({}, first.history.upTo(first.history.versions.length));
        if (how === "snapshot") again.canonicalizer.restore(first.canonicalizer.snapshot());
        else again.canonicalizer.load(first.canonicalizer.save());
        if (entry !== undefined && cut < length) again.canonicalizer.apply(entry.record, entry.outcome, { from: cut, until: length });
        again.outputs.push(...again.canonicalizer.drain());
        feed(again, entries.slice(at + 1));
        expect([...first.outputs, ...again.outputs]).toEqual(straight.outputs);
        expect(again.canonicalizer.digest()).toBe(straight.canonicalizer.digest());
      }
    }), { numRuns: 60 });
  });
});

describe("known ids", () => {
  it("are a map that forgets its oldest, also through copies and bytes", () => {
    fc.assert(fc.property(fc.array(fc.nat(4_000), { minLength: 1_000, maxLength: 3_000 }), (keys) => {
      let known = new KnownIds();
      const seqs = new Map<number, number>();
      keys.forEach((key, index) => {
        if (index % 700 === 0) known = index % 1_400 === 0 ? known.clone() : KnownIds.from(JSON.parse(JSON.stringify(known.save())) as ReturnType<KnownIds["save"]>);
        known.note(key, index % 3 === 0 ? -index - 1 : index + 1);
        seqs.set(key, index % 3 === 0 ? -index - 1 : index + 1);
      });
      for (let key = 0; key <= 4_000; key += 1) expect(known.seqOf(key)).toBe(seqs.get(key));
      expect(known.reachesSeq).toBe(0);
    }), { numRuns: 20 });
  });
  it("remember at least a page many times over, and say how far back they reach", () => {
    const known = new KnownIds();
    for (let key = 1; key <= 40_000; key += 1) known.note(key, key);
    const from = known.reachesSeq;
    expect(40_000 - from).toBeGreaterThan(15_000);
    expect(40_000 - from).toBeLessThan(KNOWN_IDS);
    expect(known.seqOf(from)).toBe(from);
    expect(known.seqOf(from - 1)).toBeUndefined();
  });
});
