// What the screen is told: nothing beyond the cursor, and changes that add up to the whole.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BAR_FORMING, BAR_REVISED, type ViewUpdate } from "../../shared/protocol/frames.ts";
import { decoders, FakeCanonicalizer, INSTRUMENT, MemoryReader, recordsOf, sha256, testClock, type Wire } from "./fakes.testkit.ts";
import { steadyPlan, wirePlans } from "./plans.testkit.ts";
import { openTape, type Tape } from "./tape.ts";
import { TapeView, type ViewWindow } from "./view.ts";

const NEVER = new AbortController().signal;
const WINDOW: ViewWindow = { instrument: INSTRUMENT, interval: "1s", bars: 4_000, untilOpenMs: undefined };

async function tapeOf(wires: readonly Wire[]): Promise<Tape> {
  const reader = new MemoryReader(recordsOf(wires));
  return openTape({ reader, decoders, sha256, clock: testClock, instruments: [INSTRUMENT], intervals: ["1s", "5s"], canonicalizer: (given) => new FakeCanonicalizer(given) });
}

/** The screen's side of the contract: bars by openMs, gaps by id, marks and events added. */
class Screen {
  readonly bars = new Map<number, string>();
  readonly gaps = new Map<string, unknown>();
  readonly revisions = new Set<string>();
  readonly events: unknown[] = [];
  take(update: ViewUpdate | undefined): void {
    if (update === undefined) return;
    if (update.kind === "reset") {
      this.bars.clear();
      this.gaps.clear();
      this.revisions.clear();
      this.events.length = 0;
    }
    const { bars } = update;
    for (let at = 0; at < bars.length; at += 1) {
      const price = (column: Float64Array): number => (column[at] ?? 0) / 10 ** bars.priceScale;
      const volume = (bars.volume[at] ?? 0) / 10 ** bars.volumeScale;
      this.bars.set(bars.openMs[at] ?? 0, [price(bars.open), price(bars.high), price(bars.low), price(bars.close), volume.toFixed(9), bars.tradeCount[at], bars.revision[at], bars.grade[at], bars.flags[at]].join(" "));
    }
    for (const gap of update.gaps) this.gaps.set(gap.gapId, gap);
    for (const mark of update.revisions) this.revisions.add(JSON.stringify(mark));
    this.events.push(...update.events);
  }
  get shown(): unknown {
    return { bars: [...this.bars].sort(([a], [b]) => a - b), gaps: [...this.gaps].sort(), revisions: [...this.revisions].sort(), events: this.events };
  }
}

describe("the view of a tape", () => {
  it("told by changes equals the view told whole, wherever the cursor goes", async () => {
    await fc.assert(fc.asyncProperty(wirePlans({ min: 5, max: 100 }), fc.array(fc.nat(), { minLength: 1, maxLength: 8 }), async (wires, stops) => {
      const tape = await tapeOf(wires);
      const view = new TapeView(tape, WINDOW);
      const screen = new Screen();
      for (const stop of stops) {
        await tape.seekSeq(stop % (wires.length + 1), undefined, NEVER);
        screen.take(view.next({ reset: false }));
        const whole = new Screen();
        whole.take(new TapeView(tape, WINDOW).next({ reset: true }));
        expect(screen.shown).toEqual(whole.shown);
      }
    }), { numRuns: 100 });
  });

  it("shows nothing beyond the cursor: the index being ahead makes no difference", async () => {
    await fc.assert(fc.asyncProperty(wirePlans({ min: 5, max: 100 }), fc.nat(), async (wires, at) => {
      const seq = at % (wires.length + 1);
      const cut = await tapeOf(wires.slice(0, seq));
      await cut.advanceTo({}, NEVER);
      const whole = await tapeOf(wires);
      await whole.index(wires.length, NEVER);
      await whole.seekSeq(seq, undefined, NEVER);
      const seen = [cut, whole].map((tape) => {
        const screen = new Screen();
        screen.take(new TapeView(tape, WINDOW).next({ reset: true }));
        return [screen.shown, tape.quote()];
      });
      expect(seen[1]).toEqual(seen[0]);
    }), { numRuns: 80 });
  });

  it("marks forming and revised bars, and windows what it shows", async () => {
    const trade = (id: number, ms: number): Wire => ({ kind: "trades", trades: [{ id, ms: 1_700_000_000_000 + ms, price: "10.5", qty: "1", buy: true }] });
    const tape = await tapeOf([trade(1, 100), trade(2, 1_500), trade(3, 2_700), trade(4, 200)]);
    await tape.advanceTo({}, NEVER);
    const { bars, revisions, moreBefore } = new TapeView(tape, WINDOW).next({ reset: true }) ?? { bars: undefined };
    expect([...(bars?.flags ?? [])]).toEqual([BAR_REVISED, 0, BAR_FORMING]);
    expect(revisions).toMatchObject([{ openMs: 1_700_000_000_000, revision: 2, reason: "late_data" }]);
    expect(moreBefore).toBe(false);
    const last = new TapeView(tape, { ...WINDOW, bars: 2 }).next({ reset: true });
    expect([[...(last?.bars.openMs ?? [])], last?.moreBefore]).toEqual([[1_700_000_001_000, 1_700_000_002_000], true]);
    const older = new TapeView(tape, { ...WINDOW, bars: 1, untilOpenMs: 1_700_000_001_000 }).next({ reset: true });
    expect([...(older?.bars.openMs ?? [])]).toEqual([1_700_000_000_000]);
  });

  it("says nothing when nothing changed", async () => {
    const tape = await tapeOf(steadyPlan(100));
    await tape.seekSeq(60, undefined, NEVER);
    const view = new TapeView(tape, WINDOW);
    view.next({ reset: true });
    expect(view.next({ reset: false })).toBeUndefined();
  });
});
