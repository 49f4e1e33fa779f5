// Streams whose pushes stand for several ids (`sequenceFromId`): completeness by id-and-count arithmetic, and how single trades from a backfill meet them.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TradeEvent } from "../../shared/market.ts";
import { formatDecimal } from "../../shared/decimal.ts";
import { derive, LogBuilder, type Run, trade } from "./canonical.testkit.ts";

const T0 = 1_700_000_040_000;
const timeOf = (id: number): number => T0 + id * 20;

/** One push that stands for trades [from, to], a thousandth each. */
function push(from: number, to: number): TradeEvent {
  const event = trade({ id: to, ms: timeOf(from), qty: `0.${String(to - from + 1).padStart(3, "0")}` });
  return { ...event, firstTradeId: from, tradeCount: to - from + 1, ...(from === to ? {} : { sequenceFromId: from }) };
}
const single = (id: number, pushFrom: number): TradeEvent => trade({ id, ms: timeOf(pushFrom), qty: "0.001" });

const gapsOf = (run: Run): unknown[] => run.outputs.filter((output) => output.kind === "gap");
const failures = (run: Run): unknown[] => run.outputs.filter((output) => output.kind === "stream" && output.state === "failed_closed");

function volumeAndCount(run: Run): { readonly volume: number; readonly trades: number } {
  const latest = new Map(run.history.versions.filter(({ key }) => key.interval === "1m").map((version) => [version.key.openMs, version]));
  let volume = 0, trades = 0;
  for (const { values } of latest.values()) {
    volume += Number(formatDecimal(values.volume));
    trades += values.tradeCount;
  }
  return { volume: Math.round(volume * 1_000), trades };
}

describe("pushes that stand for several ids", () => {
  it("are contiguous when each begins right behind the one before", () => {
    const log = new LogBuilder().config(T0);
    for (const [from, to] of [[1, 1], [2, 4], [5, 5], [6, 7]] as const) log.trades(timeOf(to), [push(from, to)]);
    const run = derive(log.control(T0 + 60_000, { kind: "end_of_input", reason: "end" }));
    expect(gapsOf(run)).toEqual([]);
    expect(volumeAndCount(run)).toEqual({ volume: 7, trades: 7 });
  });

  it("leave a gap of exactly the ids between them", () => {
    const log = new LogBuilder().config(T0).trades(timeOf(3), [push(1, 3)]).trades(timeOf(9), [push(7, 9)]);
    log.trades(timeOf(9) + 2_000, [{ ...push(10, 10), eventMs: timeOf(9) + 2_000 }]);
    expect(gapsOf(derive(log))).toMatchObject([{ gap: { fromId: 4, toId: 6, missing: 3, state: "open" } }]);
  });

  it("counts the same push again once, and fails closed when it comes with another size", () => {
    const log = (again: TradeEvent): LogBuilder => new LogBuilder().config(T0).trades(timeOf(3), [push(1, 3)]).trades(timeOf(3), [again]);
    expect(failures(derive(log(push(1, 3))))).toEqual([]);
    expect(failures(derive(log({ ...push(1, 3), qty: push(1, 4).qty })))).toHaveLength(1);
  });

  it("give the same candles whatever is dropped, doubled or late, once single trades have been backfilled", () => {
    const message = fc.record({ count: fc.integer({ min: 1, max: 5 }), fate: fc.constantFrom("ok", "ok", "drop", "double", "late") });
    fc.assert(fc.property(fc.array(message, { minLength: 1, maxLength: 60 }), fc.boolean(), (messages, all) => {
      const log = new LogBuilder().config(T0);
      const pages: TradeEvent[] = [];
      const late: TradeEvent[] = [];
      let next = 1;
      for (const { count, fate } of [{ count: 1, fate: "ok" }, ...messages, { count: 1, fate: "ok" }]) {
        const event = push(next, next + count - 1);
        if (fate === "late") late.push(event);
        else if (fate !== "drop") log.trades(timeOf(next), fate === "double" ? [event, event] : [event]);
        // The backfill may also bring again what the stream has told, trade by trade.
        if (fate === "drop" || fate === "late" || all) for (let id = next; id < next + count; id += 1) pages.push(single(id, next));
        next += count;
      }
      log.trades(timeOf(next), pages, { source: "rest_backfill" });
      for (const event of late) log.trades(timeOf(next), [event]);
      const run = derive(log.control(timeOf(next) + 600_000, { kind: "end_of_input", reason: "end" }));
      expect(failures(run)).toEqual([]);
      expect(volumeAndCount(run)).toEqual({ volume: next - 1, trades: next - 1 });
    }), { numRuns: 100 });
  });
});
