// The venues' own candles, recorded by default, confirm what is derived from their trades: one simulated minute at each venue, through collector,
// log, decoder and canonicalizer.
import { describe, expect, it } from "vitest";
import type { BarConfirmation } from "../../../shared/candles.ts";
import { CarriedStreams } from "../../../shared/carried.ts";
import type { CaptureConfig } from "../../../shared/control.ts";
import { createCanonicalizer } from "../../canonical/canonicalizer.ts";
import { applyRecord } from "../../derive/pipeline.ts";
import { VirtualClock } from "../../net/virtual-clock.ts";
import { openReader } from "../../rawlog/reader.ts";
import { sha256 } from "../../rawlog/sha256.ts";
import { SimDisk } from "../../rawlog/sim-disk.ts";
import { MemoryNetwork } from "../../sim/memory-transport.ts";
import { SeededRandom } from "../../sim/random.ts";
import { SimulatedVenue } from "../../sim/venue.ts";
import { adapterFor, decoderLookup } from "../../venues/registry.ts";
import { MATRIX_VENUES } from "./fault-matrix.ts";
import { MemoryHistory } from "./live-tape.ts";
import { RecorderProcess } from "./recorder-process.ts";

/** The first minute that is recorded whole begins in 20 s. */
const START_MS = 1_767_225_640_000;
const MINUTE_MS = START_MS + 20_000;
const FOLDER = "/data/captures/confirmed";
const SYMBOLS = ["BTCUSDT", "ETHUSDT"];
const CANDLES: Readonly<Record<(typeof MATRIX_VENUES)[number], string>> = { "binance-usdm": "kline_1m", "bybit-linear": "kline.1", "okx-swap": "candle1m" };

async function confirmationsAt(venueId: (typeof MATRIX_VENUES)[number]): Promise<readonly BarConfirmation[]> {
  const adapter = adapterFor(venueId);
  if (adapter === undefined) throw new Error(`Invariant: ${venueId} has an adapter`);
  const clock = new VirtualClock(START_MS);
  const random = new SeededRandom(3);
  const disk = new SimDisk(random.fork("disk"));
  const venue = new SimulatedVenue({ seed: 3, venue: venueId, startMs: START_MS, symbols: SYMBOLS, messagesPerSecond: 60, warmMs: 60_000, historyTrades: 16_384 });
  const network = new MemoryNetwork({ venue, clock, timers: clock, random: random.fork("line"), tickMs: 50 });
  const config: CaptureConfig = {
    format: 1, lateness_ms: 3_000, intervals: ["1s", "1m"], folds: Object.fromEntries(SYMBOLS.map((symbol) => [`${venueId}:${symbol}`, adapter.foldChannel])),
    symbols: SYMBOLS.map((symbol) => ({ venue: venueId, symbol, channels: [...adapter.defaultChannels] })),
  };
  network.start();
  const recorder = await RecorderProcess.start({
    disk, folder: FOLDER, captureId: "confirmed", clock, timers: clock, network, random: random.fork("life"), config, life: 1, onAppended: () => undefined, onPositions: () => undefined,
  });
  await clock.advance(100_000);
  let isOver = false;
  const stopping = recorder.stop().finally(() => { isOver = true; });
  for (let turn = 0; turn < 400 && !isOver; turn += 1) await clock.advance(50);
  await stopping;
  network.stop();

  const canonicalizer = createCanonicalizer({ sha256, history: new MemoryHistory() });
  const carried = new CarriedStreams();
  const found: BarConfirmation[] = [];
  const reader = await openReader({ disk, folder: FOLDER });
  for await (const batch of reader.batches({})) {
    for (const record of batch) applyRecord(canonicalizer, record, decoderLookup, carried);
    for (const output of canonicalizer.drain()) if (output.kind === "confirmation") found.push(output.confirmation);
  }
  await reader.close();
  return found.filter(({ key }) => key.openMs === MINUTE_MS);
}

describe("a recorded minute", () => {
  it.each(MATRIX_VENUES)("is confirmed as equal by the candles of %s", async (venue) => {
    const said = (await confirmationsAt(venue)).map(({ key, revision, result, fields, streamId }) => [key.symbol, key.interval, revision, result, fields, streamId]);
    expect(said.sort()).toEqual(SYMBOLS.map((symbol) => [symbol, "1m", 1, "equal", [], `${venue}:${symbol}:${CANDLES[venue]}`]));
  });
});
