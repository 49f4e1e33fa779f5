// What a screen is told of a remote: the same by changes or whole, at once from the cache, and never of another stream or past.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GRADES, type ShownBarKey } from "../../../shared/candles.ts";
import { dec, decimal } from "../../../shared/decimal.ts";
import { BAR_BACKFILLED, BAR_FORMING, BAR_INEXACT, BAR_REVISED, type ViewUpdate } from "../../../shared/protocol/frames.ts";
import { INTERVAL_MS } from "../../../shared/time.ts";
import { settle } from "../../net/virtual-clock.ts";
import { streamName, type BridgeForming, type Entry, type SequencedEntry, type StreamKey } from "../model.ts";
import { begin, benchOf, restart, type Bench, REMOTE } from "./client.testkit.ts";
import { MemoryCache } from "./memory-cache.testkit.ts";
import { RemoteTape, type RemoteTapeFrame } from "./remote-tape.ts";
import type { WindowRange } from "./remote-window.ts";
import { barAt, historyNamed, KEY, sequenced, START_MS } from "./scripted-server.testkit.ts";
import type { SequenceHole } from "./types.ts";

const STEP = INTERVAL_MS[KEY.interval];
const HISTORY = historyNamed("h1");
const RANGE: WindowRange = { key: KEY, bars: 40, untilOpenMs: undefined };

/** The screen's side: bars and empty buckets by openMs, gaps by id, marks added. */
class Screen {
  readonly #bars = new Map<number, string>();
  readonly #empty = new Map<number, string>();
  readonly #gaps = new Map<string, ViewUpdate["gaps"][number]>();
  readonly #marks = new Map<string, number>();
  moreBefore = false;

  take(update: ViewUpdate | undefined): void {
    if (update === undefined) return;
    if (update.kind === "reset") for (const map of [this.#bars, this.#empty, this.#gaps, this.#marks]) map.clear();
    const { bars } = update;
    for (let at = 0; at < bars.length; at += 1) {
      const price = (column: Float64Array): number => (column[at] ?? 0) / 10 ** bars.priceScale;
      this.#bars.set(bars.openMs[at] ?? 0, [price(bars.open), price(bars.close), bars.revision[at], bars.grade[at], bars.flags[at], bars.atSeq[at]].join(" "));
    }
    for (const { fromOpenMs, untilOpenMs, grade } of update.empty) for (let at = fromOpenMs; at < untilOpenMs; at += STEP) this.#empty.set(at, grade);
    for (const gap of update.gaps) this.#gaps.set(gap.gapId, gap);
    for (const mark of update.revisions) this.#marks.set(JSON.stringify(mark), mark.openMs);
    this.moreBefore = update.moreBefore;
  }

  /** What is outside of the window may linger on a screen that is told changes. */
  from(openMs: number, untilMs = Infinity): unknown {
    const sorted = <T>(map: ReadonlyMap<number, T>): unknown => [...map].filter(([at]) => at >= openMs).sort(([a], [b]) => a - b);
    return {
      bars: sorted(this.#bars), empty: sorted(new Map([...this.#empty].filter(([at]) => !this.#bars.has(at)))), moreBefore: this.moreBefore,
      gaps: [...this.#gaps].filter(([, { fromMs, toMs }]) => (toMs ?? Infinity) >= openMs && fromMs < untilMs).sort(([a], [b]) => (a < b ? -1 : 1)), marks: [...this.#marks].filter(([, at]) => at >= openMs).map(([mark]) => mark).sort(),
    };
  }
}

/** A tape over a cache and a client that is only what it says. */
class Setup {
  readonly cache: MemoryCache;
  unwritten: SequencedEntry[] = [];
  holes: SequenceHole[] = [];
  changes = 0;
  readonly problems: string[] = [];
  readonly tape: RemoteTape;

  constructor(cache = new MemoryCache()) {
    this.cache = cache;
    this.tape = new RemoteTape({
      remote: REMOTE, name: "Office", cache,
      client: () => ({ unwritten: (key) => (streamName(key) === streamName(KEY) ? this.unwritten : []), continuesCache: () => true, known: () => ({ key: KEY, history: HISTORY, appliedSequence: 0, holes: this.holes }) }),
      onChange: () => { this.changes += 1; },
      onProblem: ({ message }) => this.problems.push(message),
    });
  }

  async show(range: WindowRange = RANGE): Promise<RemoteTapeFrame> {
    this.tape.setView(range);
    await settle();
    return this.tape.take();
  }

  tell(entries: readonly SequencedEntry[]): void {
    this.unwritten.push(...entries);
    this.tape.onEntries(KEY, entries);
  }

  async write(): Promise<void> {
    const entries = this.unwritten.splice(0);
    if (entries.length > 0) await this.cache.apply(REMOTE, KEY, HISTORY, entries);
  }
}

function bar(index: number, price: number, revision = 1): Entry {
  return barAt({ openMs: START_MS + index * STEP, price, revision, atSeq: index + 1 });
}
function closes({ view }: RemoteTapeFrame): readonly number[] {
  return view === undefined ? [] : [...view.bars.close].map((mantissa) => mantissa / 10 ** view.bars.priceScale);
}
function forming(index: number, price: string): BridgeForming {
  const value = dec(price);
  return { openMs: START_MS + index * STEP, atSeq: 99, knownNs: 5_000_000n, values: { open: value, high: value, low: value, close: value, volume: dec("1"), quoteVolume: dec("1"), tradeCount: 1, takerBuyVolume: dec("0"), takerBuyQuoteVolume: dec("0") } };
}

/** Series as servers tell them: buckets ascend, with jumps; corrections, late bars, grades and gaps anywhere. */
const plan = fc.array(fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("bar" as const), skip: fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat({ max: 6 }) }, { weight: 1, arbitrary: fc.constant(60) }), price: fc.nat({ max: 999 }), graded: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("correction" as const), back: fc.nat({ max: 60 }), price: fc.nat({ max: 999 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("grade" as const), back: fc.integer({ min: -5, max: 60 }), length: fc.integer({ min: 1, max: 12 }), grade: fc.constantFrom(...GRADES) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("gap" as const), id: fc.nat({ max: 3 }), back: fc.nat({ max: 60 }), length: fc.option(fc.nat({ max: 20 }), { nil: undefined }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("hole" as const) }) },
), { minLength: 1, maxLength: 120 });
type Step = typeof plan extends fc.Arbitrary<readonly (infer S)[]> ? S : never;

function told(steps: readonly Step[]): readonly (SequencedEntry | SequenceHole)[] {
  const out: (SequencedEntry | SequenceHole)[] = [];
  const revisions = new Map<number, number>();
  let next = 0;
  let sequence = 0;
  for (const step of steps) {
    sequence += 1;
    const origin = { sequence, atSeq: sequence * 2, knownNs: BigInt(sequence) };
    if (step.kind === "hole") {
      out.push({ fromSequence: sequence, toSequence: sequence + 9, fromMs: START_MS + next * STEP, toMs: START_MS + (next + 3) * STEP, why: "RETENTION_EXCEEDED" });
      next += 3;
      sequence += 9;
    } else if (step.kind === "bar" || step.kind === "correction") {
      const index = step.kind === "bar" ? (next += step.skip) : Math.max(0, next - 1 - step.back);
      if (step.kind === "bar") next += 1;
      const revision = (revisions.get(index) ?? 0) + 1;
      revisions.set(index, revision);
      const made = bar(index, step.price, revision);
      if (made.kind === "bar") out.push({ ...made, ...origin, bar: { ...made.bar, grade: step.kind === "bar" && step.graded ? "proved" : undefined } });
    } else if (step.kind === "grade") {
      const fromOpenMs = START_MS + (next - step.back) * STEP;
      out.push({ kind: "grade", fromOpenMs, untilOpenMs: fromOpenMs + step.length * STEP, grade: step.grade, why: "", ...origin });
    } else {
      const fromMs = START_MS + (next - step.back) * STEP;
      out.push({
        kind: "gap", ...origin,
        gap: { gapId: `gap-${step.id}`, streamId: "sim:BTCUSDT:trade", fromMs, toMs: step.length === undefined ? undefined : fromMs + step.length * STEP, fromId: 1, toId: 2, missing: 2, cause: "id_hole", state: "open", attempts: 0, detail: "" },
      });
    }
  }
  return out;
}

describe("a remote's tape", () => {
  it("told by changes equals the window told whole, at any time, whatever is written by then", async () => {
    await fc.assert(fc.asyncProperty(plan, fc.array(fc.constantFrom("take", "write", "compare", "form", "nothing"), { minLength: 1, maxLength: 40 }), fc.boolean(), async (steps, doings, isFixed) => {
      const range = isFixed ? { ...RANGE, untilOpenMs: START_MS + 50 * STEP } : RANGE;
      const setup = new Setup();
      const screen = new Screen();
      let lastForming: BridgeForming | undefined;
      screen.take((await setup.show(range)).view);
      const items = told(steps);
      for (const [at, item] of items.entries()) {
        if ("why" in item && "toSequence" in item) {
          await setup.write();
          await setup.cache.skip(REMOTE, KEY, HISTORY, item);
          setup.holes.push(item);
          setup.tape.onHole(KEY, item);
        } else {
          setup.tell([item]);
          if (item.kind === "bar" && item.bar.openMs >= (lastForming?.openMs ?? Infinity)) lastForming = undefined;
        }
        const doing = doings[at % doings.length];
        if (doing === "write") await setup.write();
        if (doing === "take") screen.take(setup.tape.take().view);
        if (doing === "form") {
          const newest = Math.max(-STEP + START_MS, ...items.slice(0, at + 1).flatMap((one) => ("kind" in one && one.kind === "bar" ? [one.bar.openMs] : [])));
          lastForming = forming((newest - START_MS) / STEP + 1, `${at}.5`);
          setup.tape.onForming(KEY, lastForming);
        }
        if (doing !== "compare" && at < items.length - 1) continue;
        screen.take(setup.tape.take().view);
        const fresh = new Setup(setup.cache);
        fresh.unwritten = [...setup.unwritten];
        fresh.holes = [...setup.holes];
        fresh.tape.setView(range);
        await settle();
        if (lastForming !== undefined) fresh.tape.onForming(KEY, lastForming);
        const whole = new Screen();
        const { view } = fresh.tape.take();
        whole.take(view);
        const ends = [view?.bars.openMs.at(-1) ?? -Infinity, ...(view?.empty.map(({ untilOpenMs }) => untilOpenMs - STEP) ?? [])];
        const fromMs = (range.untilOpenMs ?? Math.max(...ends) + STEP) - range.bars * STEP;
        expect(screen.from(fromMs, range.untilOpenMs)).toEqual(whole.from(fromMs, range.untilOpenMs));
      }
    }), { numRuns: 150 });
  });

  it("paints what is cached at once, also without a server, and then what comes", async () => {
    const bench = benchOf();
    bench.server.append(100);
    await begin(bench, 1_000);
    restart(bench);
    bench.server.isReachable = false;
    await begin(bench, 100);
    const tape = tapeOf(bench);
    tape.setView({ ...RANGE, bars: 20 });
    await settle();
    const first = tape.take();
    expect(first).toMatchObject({ epoch: 1, tape: { kind: "remote", remoteId: REMOTE, name: "Office" }, view: { kind: "reset", venue: "sim", symbol: "BTCUSDT", interval: "1s", moreBefore: true } });
    expect(first.view?.bars.openMs.at(-1)).toBe(START_MS + 99 * STEP);
    expect(first.quote).toEqual({ lastPrice: "199.25" });
    expect(tape.take()).toEqual({ epoch: 1 });
    bench.server.isReachable = true;
    bench.server.append(1);
    await bench.server.live(4_000);
    const next = tape.take();
    expect([next.epoch, next.view?.kind, closes(next), next.quote]).toEqual([1, "changes", [200.25], { lastPrice: "200.25" }]);
  });

  it("loses nothing between cache and client, wherever a write stands", async () => {
    for (const commits of [0, 1, 2, 3]) {
      const bench = benchOf({ timing: { persistMs: 10 } });
      await begin(bench);
      let open = (): void => undefined;
      for (let batch = 0; batch < 4; batch += 1) {
        if (batch === commits) bench.cache.gate = new Promise((resolve) => { open = resolve; });
        bench.server.tell(10);
        await bench.clock.advance(30);
      }
      const tape = tapeOf(bench);
      tape.setView(RANGE);
      bench.server.tell(3);
      await bench.clock.advance(5);
      expect(tape.take().view).toBeUndefined();
      bench.cache.gate = undefined;
      open();
      await bench.clock.advance(5);
      const screen = new Screen();
      screen.take(tape.take().view);
      const whole = new Setup();
      whole.unwritten = [...sequenced(bench.server.stream().entries)];
      const expected = new Screen();
      expected.take((await whole.show()).view);
      expect(screen.from(0)).toEqual(expected.from(0));
    }
  });

  it("never shows one stream's bars under another, nor a view that was left", async () => {
    const other: StreamKey = { ...KEY, symbol: "ETHUSDT" };
    const setup = new Setup();
    await setup.show();
    setup.tell(sequenced([bar(0, 1)]));
    setup.tape.setView({ ...RANGE, key: other });
    setup.tape.onEntries(KEY, sequenced([bar(1, 2)], 2));
    expect(setup.tape.take().view).toBeUndefined();
    setup.unwritten = [];
    await settle();
    setup.tape.onEntries(KEY, sequenced([bar(2, 3)], 3));
    const frame = setup.tape.take();
    expect(frame).toMatchObject({ epoch: 2, view: { kind: "reset", symbol: "ETHUSDT", bars: { length: 0 } }, quote: {} });
    // Two windows asked for at once: only the later one is shown.
    setup.tape.setView({ ...RANGE, key: other });
    setup.tape.setView({ ...RANGE, bars: 10 });
    setup.tell(sequenced([bar(0, 7)]));
    await settle();
    expect(setup.tape.take()).toMatchObject({ epoch: 3, view: { symbol: "BTCUSDT", bars: { length: 1 } } });
  });

  it("begins empty when the past is over, and reads nothing of it from the cache any more", async () => {
    const bench = benchOf();
    bench.server.append(30);
    await begin(bench, 1_000);
    const tape = tapeOf(bench);
    bench.client.unwatch(KEY);
    tape.setView(RANGE);
    await settle();
    tape.take();
    bench.server.history = historyNamed("h2", { lineage: "second" });
    bench.server.stream().entries = [bar(500, 777)];
    let open = (): void => undefined;
    bench.cache.gate = new Promise((resolve) => { open = resolve; });
    bench.client.watch(KEY);
    await bench.clock.advance(50);
    expect(tape.take()).toMatchObject({ epoch: 2, view: { kind: "reset", bars: { length: 1 } }, quote: { lastPrice: "777.25" } });
    // The cache still holds the old past: its reset waits at the gate.
    tape.setView(RANGE);
    bench.cache.gate = undefined;
    open();
    await settle();
    expect(closes(tape.take())).toEqual([777.25]);
    await bench.server.live(1_000);
    tape.setView(RANGE);
    await settle();
    expect(closes(tape.take())).toEqual([777.25]);
  });

  it("shows open, revised, backfilled and inexact bars as what they are", async () => {
    const setup = new Setup();
    await setup.show();
    const wide = bar(3, 5);
    const entries = [bar(0, 1), bar(1, 2), bar(0, 3, 2), bar(2, 4), wide].map((entry) => entry);
    if (wide.kind === "bar") entries[4] = { ...wide, bar: { ...wide.bar, values: { ...wide.bar.values, quoteVolume: decimal(2n ** 70n, 3) } } };
    setup.tell(sequenced([...entries, { kind: "grade", fromOpenMs: START_MS + STEP, untilOpenMs: START_MS + 2 * STEP, grade: "repaired", why: "ids", atSeq: 7, knownNs: 3_000_000n }]));
    setup.tape.onForming(KEY, forming(4, "9.125"));
    setup.tape.onForming(KEY, forming(5, "10.5"));
    const frame = setup.tape.take();
    expect([...(frame.view?.bars.flags ?? [])]).toEqual([BAR_REVISED, BAR_BACKFILLED, 0, BAR_INEXACT, BAR_FORMING, BAR_FORMING]);
    expect(closes(frame)).toEqual([3.25, 2.25, 4.25, 5.25, 9.125, 10.5]);
    expect(frame.view?.revisions).toEqual([{ openMs: START_MS, revision: 2, reason: "late_data", atSeq: 1 }]);
    expect(frame.quote).toEqual({ lastPrice: "10.5" });
    expect(frame.newestRecvMs).toBe(START_MS + 4_000);
    setup.tell(sequenced([bar(4, 6)], 7));
    const sealed = setup.tape.take();
    expect([closes(sealed), sealed.view?.kind, sealed.quote]).toEqual([[6.25], "changes", undefined]);
  });

  it("draws holes as gaps, between the bars around them", async () => {
    const setup = new Setup();
    setup.holes = [{ fromSequence: 1, toSequence: 5, fromMs: undefined, toMs: START_MS, why: "server_history" }];
    await setup.show();
    setup.tell(sequenced([bar(0, 1)], 6));
    setup.tape.onHole(KEY, { fromSequence: 7, toSequence: 9, fromMs: START_MS + STEP, toMs: undefined, why: "RETENTION_EXCEEDED" });
    const open = setup.tape.take();
    expect(open.view?.gaps).toMatchObject([{ cause: "remote_hole", state: "GAP_UNRESOLVED", fromMs: START_MS + STEP, toMs: undefined, missing: 3, detail: "entries 7…9 were not received, and the server no longer keeps them" }]);
    setup.tell(sequenced([bar(5, 1)], 10));
    expect(setup.tape.take().view?.gaps).toMatchObject([{ gapId: open.view?.gaps[0]?.gapId, toMs: START_MS + 5 * STEP }]);
  });

  it("shows an older window from the cache, with the last price of now", async () => {
    const setup = new Setup();
    setup.tell(sequenced(Array.from({ length: 100 }, (_, index) => bar(index, index))));
    await setup.write();
    const older = await setup.show({ key: KEY, bars: 10, untilOpenMs: START_MS + 50 * STEP });
    expect([closes(older), older.view?.moreBefore, older.quote]).toEqual([Array.from({ length: 10 }, (_, index) => 40.25 + index), true, { lastPrice: "99.25" }]);
    setup.tell(sequenced([bar(100, 100), bar(45, 500, 2)], 101));
    const next = setup.tape.take();
    expect([closes(next), next.quote]).toEqual([[500.25], { lastPrice: "100.25" }]);
  });

  it("keeps only its window, however long the series grows", async () => {
    const setup = new Setup();
    await setup.show({ ...RANGE, bars: 10 });
    for (let page = 0; page < 20; page += 1) {
      setup.tape.onEntries(KEY, sequenced(Array.from({ length: 500 }, (_, index) => bar(page * 500 + index, 1)), page * 500 + 1));
    }
    const { view } = setup.tape.take();
    expect([view?.kind, view?.bars.length, view?.moreBefore]).toEqual(["changes", 10, true]);
  });

  it("goes on from memory when the cache cannot be read, and says so", async () => {
    const setup = new Setup();
    setup.unwritten = [...sequenced([bar(0, 1)])];
    setup.cache.failing = () => ({ when: "before", fault: { code: "cache.disk", message: "disk gone" } });
    expect(closes(await setup.show())).toEqual([1.25]);
    expect(setup.problems).toEqual(["Office sim.BTCUSDT.1s: the cache cannot be read (disk gone): only what is in memory is shown"]);
  });

  it("is quiet until it is taken, and after it is closed", async () => {
    const setup = new Setup();
    setup.tape.setView(RANGE);
    await settle();
    setup.tell(sequenced([bar(0, 1)]));
    setup.tell(sequenced([bar(1, 1)], 2));
    expect(setup.changes).toBe(1);
    setup.tape.take();
    setup.tell(sequenced([bar(2, 1)], 3));
    expect(setup.changes).toBe(2);
    setup.tape.take();
    setup.tape.close();
    setup.tell(sequenced([bar(3, 1)], 4));
    expect([setup.changes, setup.tape.take()]).toEqual([2, { epoch: 1 }]);
  });
});

describe("a bar of a remote", () => {
  const key: ShownBarKey = { venue: "sim", symbol: "BTCUSDT", interval: "1s", openMs: START_MS };

  it("is explained from cache and memory together; its proof stays at the server", async () => {
    const setup = new Setup();
    await setup.show();
    setup.tell(sequenced([bar(0, 1), bar(1, 2)]));
    await setup.write();
    setup.tell(sequenced([bar(0, 3, 2), { kind: "grade", fromOpenMs: START_MS, untilOpenMs: START_MS + STEP, grade: "repaired", why: "ids 1…9", atSeq: 8, knownNs: 1n }], 3));
    const report = await setup.tape.inspect(key, undefined);
    expect(report.versions.map(({ revision, values, diff }) => [revision, values["close"], diff.map(({ field, before, after }) => `${field} ${before} → ${after}`)])).toEqual([
      [1, "1.25", []], [2, "3.25", ["open 1.25 → 3.25", "high 1.25 → 3.25", "low 1.25 → 3.25", "close 1.25 → 3.25"]],
    ]);
    expect(report).toMatchObject({ key, grade: "repaired", provenance: [], gradeWhy: "ids 1…9; the proof lies in the server's log (source sim, history h1, sequence 3)" });
    expect(report.gradeHistory.map(({ grade, why }) => [grade, why])).toEqual([["proved", "said with the bar"], ["proved", "said with the bar"], ["repaired", "ids 1…9"]]);
    await expect(setup.tape.inspect(key, 3)).rejects.toThrow("has no revision 3 here: it has 2");
  });

  it("that is open, unknown, or of another stream is answered as such", async () => {
    const setup = new Setup();
    await setup.show();
    setup.tape.onForming(KEY, forming(0, "9.5"));
    expect(await setup.tape.inspect(key, undefined)).toMatchObject({ versions: [], forming: { close: "9.5" }, grade: undefined });
    expect((await setup.tape.inspect({ ...key, openMs: START_MS + STEP }, undefined)).gradeWhy).toBe("nothing is known of this bucket here");
    await expect(setup.tape.inspect({ ...key, symbol: "ETHUSDT" }, undefined)).rejects.toThrow("is not what this screen shows");
  });
});

function tapeOf(bench: Bench): RemoteTape {
  const tape = new RemoteTape({ remote: REMOTE, name: "Office", cache: bench.cache, client: () => bench.client, onChange: () => undefined, onProblem: () => undefined });
  const { ears } = bench;
  const before = { entries: ears.onEntries.bind(ears), reset: ears.onReset.bind(ears), hole: ears.onHole.bind(ears), forming: ears.onForming.bind(ears) };
  ears.onEntries = (key, entries) => { before.entries(key, entries); tape.onEntries(key, entries); };
  ears.onReset = (key, reason) => { before.reset(key, reason); tape.onReset(key); };
  ears.onHole = (key, hole) => { before.hole(key, hole); tape.onHole(key, hole); };
  ears.onForming = (key, one) => { before.forming(key, one); tape.onForming(key, one); };
  return tape;
}
