// Every channel that has a quick way reads whatever comes as the exact way does: sequences of messages near real ones (members in any order, doubled,
// absent, of other types, with spaces and escapes, cut short), each way with a memory of its own, which must stay the same too.
import { describe, expect, it } from "vitest";
import { CarriedStreams } from "../../shared/carried.ts";
import type { DecodeContext } from "../../shared/market.ts";
import { mutated } from "../fuzz/mutate.ts";
import { Seeded } from "../fuzz/seeded.ts";
import { decoderTargets, exactOf, readingOf } from "./decoders.fuzz.ts";
import { decoderLookup } from "./registry.ts";

const SEQUENCES = 250;
const RECV_NS = 1_754_000_000_123_456_789n;

const channels = new Map<string, { readonly label: string; readonly bytes: Uint8Array }[]>();
for (const sample of decoderTargets.flatMap((target) => target.samples())) {
  const { stream, source } = readingOf(sample.label);
  if (source !== "ws" || exactOf(stream) === undefined) continue;
  const name = `${stream.venue} ${stream.channel}`;
  channels.set(name, [...(channels.get(name) ?? []), sample]);
}

describe("quick and exact", () => {
  it("cover the channels that come most", () => {
    expect([...channels.keys()].sort()).toEqual([
      "binance-usdm aggTrade", "binance-usdm bookTicker", "binance-usdm markPrice", "binance-usdm trade", "bybit-linear orderbook.1", "bybit-linear publicTrade", "bybit-linear tickers",
      "okx-spot bbo-tbt", "okx-spot trades", "okx-spot trades-all", "okx-swap bbo-tbt", "okx-swap candle1m", "okx-swap funding-rate", "okx-swap index-tickers", "okx-swap mark-price",
      "okx-swap open-interest", "okx-swap trades", "okx-swap trades-all",
    ].concat("okx-spot candle1m").sort());
  });

  it.each([...channels])("%s", (_, samples) => {
    for (let sequence = 0; sequence < SEQUENCES; sequence += 1) {
      const random = new Seeded(97, sequence);
      const [quick, exactly] = [new CarriedStreams(), new CarriedStreams()];
      for (let step = 0; step < 6; step += 1) {
        const sample = random.pick(samples);
        const { stream, source } = readingOf(sample.label);
        const bytes = random.oneIn(4) ? sample.bytes : mutated(sample.bytes, samples.map((other) => other.bytes), random);
        const contextOf = (carried: CarriedStreams): DecodeContext => ({ stream, source, recvNs: RECV_NS, carried: carried.of(stream) });
        const outcome = decoderLookup(stream)?.(bytes, contextOf(quick));
        // Inverse contracts are refused before either way is taken.
        if (outcome?.kind === "refused" && outcome.code === "unknown-stream") continue;
        const text = new TextDecoder().decode(bytes);
        expect([text, outcome]).toEqual([text, exactOf(stream)?.(bytes, contextOf(exactly))]);
        expect([text, quick.snapshot()]).toEqual([text, exactly.snapshot()]);
      }
    }
  });
});
