// Durable append: messages per second through the log's writer with its default options, real files and real fsync, from the
// first append until the last message is durable; sealing of full segments goes on beside it, as it does while recording.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { product } from "./kit/product.mjs";
import { Report, RUNS } from "./kit/report.mjs";

const MESSAGES = 1_000_000;
const PAYLOAD_BYTES = 200;
const CHANNELS = ["trade", "bookTicker", "aggTrade", "markPrice"];
const SYMBOLS = ["BTCUSDT", "ETHUSDT"];
const START_NS = 1_723_161_255_000_000_000n;
/** Distinct payloads; more than fit into one zstd chunk, so that sealing cannot profit from repetition. */
const PAYLOADS = 16_384;

const { openWriter } = await product("main/rawlog/writer");
const { NodeDisk } = await product("main/rawlog/node-disk");
const { NodeClock } = await product("main/net/node-clock");
const { streamRef } = await product("shared/market");

function payloadOf(number) {
  const mixed = Math.imul(number ^ 0x9e37_79b9, 0x85eb_ca6b) >>> 0;
  const text = `{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":${5_123_107_839_020 + number * 37},"s":"BTCUSDT","b":"${61_000 + (mixed % 997)}.${mixed % 10}0","B":"${mixed % 7_919}.${mixed % 1_000}","a":"${61_000 + (mixed % 991)}.${mixed % 10}0","A":"${mixed % 6_143}.${mixed % 999}"`;
  return Buffer.from(`${text}${" ".repeat(PAYLOAD_BYTES - text.length - 2)}}}`);
}

const payloads = Array.from({ length: PAYLOADS }, (_, number) => payloadOf(number));
const streams = SYMBOLS.flatMap((symbol) => CHANNELS.map((channel) => streamRef("binance-usdm", symbol, channel)));

async function once() {
  const folder = await mkdtemp(join(tmpdir(), "tapedeck-append-"));
  try {
    const writer = await openWriter({ disk: new NodeDisk(), folder, captureId: "bench", session: "record", version: "bench", clock: new NodeClock() });
    globalThis.gc?.();
    const started = performance.now();
    for (let number = 0; number < MESSAGES; number += 1) {
      if (!writer.hasRoom) await writer.room();
      const nanoseconds = START_NS + BigInt(number) * 10_000n;
      writer.append({
        stream: streams[number % streams.length], source: "ws", connection: "binance-usdm.ws.1", recvNs: nanoseconds, eventNs: nanoseconds,
        payload: payloads[number % PAYLOADS],
      });
    }
    await writer.commit();
    const durableMs = performance.now() - started;
    if (writer.positions.durable < MESSAGES) throw new Error(`only ${writer.positions.durable} of ${MESSAGES} messages are durable`);
    await writer.close("end of bench");
    return { durable: (MESSAGES * 1_000) / durableMs, sealed: (MESSAGES * 1_000) / (performance.now() - started) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const report = new Report("append");
const runs = [];
for (let run = 0; run < RUNS; run += 1) runs.push(await once());
report.add({ name: `durable append, ${PAYLOAD_BYTES} bytes, ${streams.length} streams`, values: runs.map(({ durable }) => durable), unit: "messages/s", target: { atLeast: 100_000 } });
report.add({ name: "… until all is sealed (zstd, roots, manifest)", values: runs.map(({ sealed }) => sealed), unit: "messages/s" });
report.print();
