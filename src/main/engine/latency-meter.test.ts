// What is measured per stream is what happened to its messages, whatever the order and however many wait.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { streamRef, type MessageSource } from "../../shared/market.ts";
import type { RawDraft } from "../../shared/raw.ts";
import { LATENCY_BOUNDS_MS, LatencyCounter } from "../metrics/latency-totals.ts";
import { LatencyMeter, METERED_STREAMS_MAX } from "./latency-meter.ts";

const WALL_MS = 1_700_000_000_000;
const TRADE = streamRef("sim", "BTCUSDT", "trade");
const OPEN_INTEREST = streamRef("sim", "BTCUSDT", "openInterest");
/** The wall clock stood at WALL_MS when the machine's stood at 0. */
const MARK = { wallNs: BigInt(WALL_MS) * 1_000_000n, machineMs: 0 };

function draft(changes: { readonly receivedMs: number; readonly eventMs?: number; readonly source?: MessageSource; readonly stream?: typeof TRADE }): RawDraft {
  const ns = (ms: number): bigint => BigInt(Math.round((WALL_MS + ms) * 1_000)) * 1_000n;
  return {
    stream: changes.stream ?? TRADE, source: changes.source ?? "ws", connection: "c", payload: new Uint8Array(1),
    recvNs: ns(changes.receivedMs), eventNs: changes.eventMs === undefined ? 0n : ns(changes.eventMs),
  };
}

describe("the latency meter", () => {
  test("measures from receiving to writing on the machine's clock, and from event to receiving over two clocks", () => {
    const meter = new LatencyMeter();
    meter.appended(draft({ receivedMs: 100, eventMs: 60 }), 1, MARK, 102);
    meter.appended(draft({ receivedMs: 104, eventMs: 112 }), 2, MARK, 105);
    meter.written(1, 110);
    meter.written(2, 124);
    expect(meter.report(130).streams).toEqual([{
      streamId: TRADE.streamId,
      exchangeToHere: { count: 2, p50: expect.closeTo(-8, 0) as number, p90: expect.closeTo(40, 0) as number, p99: expect.closeTo(40, 0) as number, max: 40 },
      hereToLog: { count: 2, p50: expect.closeTo(10, 0) as number, p90: expect.closeTo(20, 0) as number, p99: expect.closeTo(20, 0) as number, max: 20 },
    }]);
  });

  test("a wall clock that stepped between two batches does not matter: each batch is placed by its own mark", () => {
    const meter = new LatencyMeter();
    meter.appended(draft({ receivedMs: 100 }), 1, MARK, 101);
    meter.appended(draft({ receivedMs: 5_110 }), 2, { wallNs: MARK.wallNs + 5_000_000_000n, machineMs: 0 }, 111);
    meter.written(2, 115);
    expect(meter.report(120).streams[0]?.hereToLog).toMatchObject({ count: 2, max: 15 });
  });

  test("takes no event time of what was asked for over REST, nor of messages without one", () => {
    const meter = new LatencyMeter();
    meter.appended(draft({ receivedMs: 100, eventMs: -50_000, source: "rest_backfill" }), 1, MARK, 100);
    meter.appended(draft({ receivedMs: 100, eventMs: -50_000, source: "rest_poll", stream: OPEN_INTEREST }), 2, MARK, 100);
    meter.appended(draft({ receivedMs: 100 }), 3, MARK, 100);
    meter.written(3, 101);
    const { streams, channels } = meter.report(101);
    expect(streams.map(({ exchangeToHere, hereToLog }) => [exchangeToHere, hereToLog?.count])).toEqual([[undefined, 2], [undefined, 1]]);
    expect(channels.map(({ channel, exchangeToHere, hereToLog }) => [channel, exchangeToHere.count, hereToLog.count])).toEqual([["trade", 0, 2], ["openInterest", 0, 1]]);
  });

  test("loses none of those that wait, however many, and measures each once", () => {
    fc.assert(fc.property(fc.array(fc.record({ append: fc.nat(6_000), written: fc.nat(7_000) }), { maxLength: 12 }), (steps) => {
      const meter = new LatencyMeter();
      let [seq, durable] = [0, 0];
      for (const step of steps) {
        for (let n = 0; n < step.append; n += 1) {
          seq += 1;
          meter.appended(draft({ receivedMs: 0 }), seq, MARK, 0);
        }
        durable = Math.min(seq, durable + step.written);
        meter.written(durable, 1);
      }
      expect(meter.report(1).streams[0]?.hereToLog?.count ?? 0).toBe(durable);
    }), { numRuns: 30 });
  });

  test("gives percentiles to a bounded number of streams", () => {
    const meter = new LatencyMeter();
    for (let n = 0; n < METERED_STREAMS_MAX + 10; n += 1) meter.appended(draft({ receivedMs: 0, stream: streamRef("sim", `S${n}`, "trade") }), n + 1, MARK, 0);
    meter.written(METERED_STREAMS_MAX + 10, 1);
    expect(meter.report(1).streams).toHaveLength(METERED_STREAMS_MAX);
  });
});

test("totals count each value under the smallest bound that is not below it", () => {
  fc.assert(fc.property(fc.array(fc.oneof(fc.double({ min: -100, max: 100_000, noNaN: true }), fc.constantFrom(...LATENCY_BOUNDS_MS))), (values) => {
    const counter = new LatencyCounter();
    for (const value of values) counter.record(value);
    const { counts, count, sumMs } = counter.totals;
    let cumulative = 0;
    LATENCY_BOUNDS_MS.forEach((bound, index) => {
      cumulative += counts[index] ?? 0;
      expect(cumulative).toBe(values.filter((value) => value <= bound).length);
    });
    expect(count).toBe(values.length);
    expect(sumMs).toBeCloseTo(values.reduce((sum, value) => sum + value, 0), 3);
  }));
});
