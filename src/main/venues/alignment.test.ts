// What a reconnect missed, stream by stream.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EventKind } from "../../shared/market.ts";
import { align, lastMs, missedBy, missedText, type Reconnect, unaligned } from "./alignment.ts";

const before = { ...unaligned({ venue: "bybit-linear", symbol: "BTCUSDT" }), bboMs: 5_000, tradeMs: 4_000, markPriceMs: 3_000 };
const cut = (changes: Partial<Reconnect>): Reconnect => ({ kinds: ["bbo"], ids: "none", carried: false, before, firstMs: 7_100, ...changes });

describe("a reconnect", () => {
  it.each<[string, Partial<Reconnect>, ReturnType<typeof missedBy>, string | undefined]>([
    ["quotes that nobody brings back", {}, { kind: "passed", forMs: 2_100 }, "missed 2.1 s of BBO during a reconnect"],
    ["a value that the next message says", { kinds: ["mark_price", "funding"] }, { kind: "healed", forMs: 4_100 }, "no mark price, funding for 4.1 s during a reconnect; the message after it says how things stand"],
    ["trades whose ids tell", { kinds: ["trade"], ids: "contiguous" }, { kind: "known_ids" }, undefined],
    ["trades whose ids tell nothing", { kinds: ["trade"], ids: "unordered" }, { kind: "span", fromMs: 4_000, toMs: 7_100 }, undefined],
    ["what another connection carried", { carried: true }, { kind: "nothing" }, undefined],
    ["what never came before", { kinds: ["open_interest"] }, { kind: "nothing" }, undefined],
    ["a first message from before the cut", { firstMs: 4_900 }, { kind: "passed", forMs: 0 }, "missed 0.0 s of BBO during a reconnect"],
    ["a long one", { firstMs: 5_000 + 3 * 60_000 + 4_000 }, { kind: "passed", forMs: 184_000 }, "missed 3 min 4 s of BBO during a reconnect"],
  ])("%s", (_, changes, missed, text) => {
    const reconnect = cut(changes);
    expect(missedBy(reconnect)).toEqual(missed);
    expect(missedText(missed, reconnect.kinds)).toBe(text);
  });

  it("is judged by the newest times, in whatever order messages came", () => {
    const kind = fc.constantFrom<EventKind>("bbo", "trade", "mark_price", "funding", "open_interest");
    fc.assert(fc.property(fc.array(fc.tuple(kind, fc.integer({ min: 1, max: 9_999 })), { minLength: 1 }), (messages) => {
      const alignment = unaligned({ venue: "okx-swap", symbol: "BTCUSDT" });
      for (const [said, ms] of messages) align(alignment, [said], ms);
      for (const [said] of messages) expect(lastMs(alignment, [said])).toBe(Math.max(...messages.filter(([other]) => other === said).map(([, ms]) => ms)));
    }));
  });
});
