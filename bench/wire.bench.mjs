// The bridge's wire: a batch of 100 bars as FlatBuffers beside JSON, both from and to the same domain objects with the same values.
// JSON is measured at its best (JSON.stringify and JSON.parse with decimals as plain members, nothing checked on the way in); our
// decoder checks every offset, length, enum and number. Also the same batch with flatc's own code and library (nothing checked either), and
// what the answer to a full backfill costs, plain and compressed.
import { deepStrictEqual } from "node:assert";
import { Builder, ByteBuffer } from "flatbuffers";
import { product } from "./kit/product.mjs";
import { note, rateOf, Report, RUNS } from "./kit/report.mjs";

const { decodeAnswer, decodePublication } = await product("main/bridge/wire/decode");
const { encodeAnswer, encodePublication } = await product("main/bridge/wire/encode");
const wire = await product("main/bridge/wire/generated/market-data");
const { decimal } = await product("shared/decimal");
const { sha256 } = await product("main/rawlog/sha256");

const BARS = 100;
const ROUNDS = 2_000;
const BACKFILL = 5_000;
const OPEN_MS = 1_723_161_240_000;

/** Digits as a venue sends them; every bar another, so that nothing is cached by value. */
function entryOf(index) {
  const price = 6_180_030 + ((index * 7_919) % 5_000);
  const volume = 303_793 + ((index * 104_729) % 400_000);
  return {
    kind: "bar",
    bar: {
      openMs: OPEN_MS + 60_000 * index,
      values: {
        open: decimal(price, 2), high: decimal(price + 1_990, 2), low: decimal(price - 2_110, 2), close: decimal(price + 240, 2),
        volume: decimal(volume, 3), quoteVolume: decimal(price * volume, 5), tradeCount: 1_000 + (index % 700),
        takerBuyVolume: decimal(volume >> 1, 3), takerBuyQuoteVolume: decimal(price * (volume >> 1), 5),
      },
      revision: 1, reason: "watermark", digest: Buffer.from(sha256(Buffer.from(String(index)))).toString("hex"), grade: "proved",
    },
    atSeq: 20_000_000 + index * 311, knownNs: BigInt(OPEN_MS + 60_000 * (index + 1)) * 1_000_000n + 123_456n, sequence: index + 1,
  };
}

const key = { sourceId: "binance-usdm", symbol: "BTCUSDT", interval: "1m" };
const batch = {
  type: "batch", key, historyId: "5f".repeat(32), mode: "live", publishedNs: 1_723_161_300_123_456_789n,
  entries: Array.from({ length: BARS }, (_, index) => entryOf(index)),
};

function toJson(message) {
  const entries = message.entries.map((entry) => ({ ...entry, knownNs: String(entry.knownNs) }));
  return Buffer.from(JSON.stringify({ ...message, publishedNs: String(message.publishedNs), entries }), "utf8");
}

function fromJson(bytes) {
  const message = JSON.parse(bytes.toString("utf8"));
  message.publishedNs = BigInt(message.publishedNs);
  for (const entry of message.entries) entry.knownNs = BigInt(entry.knownNs);
  return message;
}

const NUMBERS = ["open", "high", "low", "close", "volume", "quoteVolume", "takerBuyVolume", "takerBuyQuoteVolume"];
const SETTERS = NUMBERS.map((name) => [name, `add${name[0].toUpperCase()}${name.slice(1)}`]);
const builder = new Builder(64 * 1024);

function candleByBuilder({ bar, atSeq, knownNs }) {
  const reason = builder.createSharedString(bar.reason);
  const digest = builder.createByteVector(Buffer.from(bar.digest, "hex"));
  wire.Candle.startCandle(builder);
  wire.Candle.addTs(builder, BigInt(bar.openMs));
  for (const [name, set] of SETTERS) wire.Candle[set](builder, wire.Decimal.createDecimal(builder, BigInt(bar.values[name].mantissa), 0n, bar.values[name].scale));
  wire.Candle.addTradeCount(builder, BigInt(bar.values.tradeCount));
  wire.Candle.addRevision(builder, bar.revision);
  wire.Candle.addReason(builder, reason);
  wire.Candle.addDigest(builder, digest);
  wire.Candle.addGrade(builder, wire.Grade.PROVED);
  wire.Candle.addAtSeq(builder, BigInt(atSeq));
  wire.Candle.addKnownNs(builder, knownNs);
  return wire.Candle.endCandle(builder);
}

function byBuilder(message) {
  builder.clear();
  const candles = wire.CandleBatch.createCandlesVector(builder, message.entries.map(candleByBuilder));
  const names = [message.key.sourceId, message.key.symbol, message.key.interval].map((text) => builder.createString(text));
  const streamKey = wire.StreamKey.createStreamKey(builder, ...names);
  const history = builder.createString(message.historyId);
  const payload = wire.CandleBatch.createCandleBatch(builder, streamKey, history, wire.Mode.LIVE, 1n, candles, message.publishedNs);
  wire.Envelope.finishEnvelopeBuffer(builder, wire.Envelope.createEnvelope(builder, 1, 0n, wire.Payload.CandleBatch, payload));
  return builder.asUint8Array().slice();
}

function byReaders(bytes) {
  const table = wire.Envelope.getRootAsEnvelope(new ByteBuffer(bytes)).payload(new wire.CandleBatch());
  const key = table.streamKey();
  const entries = [];
  for (let index = 0; index < table.candlesLength(); index += 1) {
    const candle = table.candles(index);
    const values = { tradeCount: Number(candle.tradeCount()) };
    for (const name of NUMBERS) {
      const number = candle[name]();
      values[name] = decimal((number.high() << 64n) + number.low(), number.scale());
    }
    entries.push({
      kind: "bar",
      bar: {
        openMs: Number(candle.ts()), values, revision: candle.revision(), reason: candle.reason(),
        digest: Buffer.from(candle.digestArray()).toString("hex"), grade: candle.grade() === wire.Grade.PROVED ? "proved" : undefined,
      },
      atSeq: Number(candle.atSeq()), knownNs: candle.knownNs(), sequence: Number(table.startSequence()) + index,
    });
  }
  return {
    type: "batch", key: { sourceId: key.sourceId(), symbol: key.symbol(), interval: key.interval() }, historyId: table.historyId(), mode: "live",
    publishedNs: table.publishedNs(), entries,
  };
}

function decoded(frame) {
  const result = decodePublication(frame);
  if (!result.ok) throw new Error(result.fault.message);
  return result.value;
}

const frame = encodePublication(batch);
const text = toJson(batch);
deepStrictEqual(decoded(frame), batch);
deepStrictEqual(fromJson(text), batch);
deepStrictEqual(decoded(byBuilder(batch)), batch);
deepStrictEqual(byReaders(frame), batch);

let kept;
async function rates(run) {
  const values = [];
  for (let round = 0; round <= RUNS; round += 1) {
    const rate = await rateOf(() => {
      for (let index = 0; index < ROUNDS; index += 1) kept = run();
      return ROUNDS;
    });
    // The first run warms the compiler up.
    if (round > 0) values.push(rate);
  }
  return values;
}

note(`batches of ${BARS} bars, ${ROUNDS} per run`);
const report = new Report("wire");
const jsonEncode = await rates(() => toJson(batch));
const jsonDecode = await rates(() => fromJson(text));
report.add({ name: "encode FlatBuffers", values: await rates(() => encodePublication(batch)), unit: "batches/s", peer: jsonEncode, target: { atLeast: 20_000 } });
report.add({ name: "encode JSON", values: jsonEncode, unit: "batches/s" });
report.add({ name: "decode FlatBuffers, checked", values: await rates(() => decoded(frame)), unit: "batches/s", peer: jsonDecode, target: { atLeast: 20_000 } });
report.add({ name: "decode JSON, unchecked", values: jsonDecode, unit: "batches/s" });
report.add({ name: "encode by flatbuffers' Builder", values: await rates(() => byBuilder(batch)), unit: "batches/s", peer: jsonEncode });
report.add({ name: "decode by flatc's readers, unchecked", values: await rates(() => byReaders(frame)), unit: "batches/s", peer: jsonDecode });
report.one({ name: "FlatBuffers per bar", value: frame.length / BARS, unit: "bytes" });
report.one({ name: "JSON per bar", value: text.length / BARS, unit: "bytes" });

const backfill = {
  type: "backfill_response", key, historyId: batch.historyId, mode: "live", latestSequence: BACKFILL, firstSequence: 1, hasMore: false,
  nextSequence: undefined, refusal: undefined, entries: Array.from({ length: BACKFILL }, (_, index) => entryOf(index)),
};
async function times(run) {
  const values = [];
  for (let round = 0; round <= RUNS; round += 1) {
    const started = performance.now();
    kept = run();
    if (round > 0) values.push(performance.now() - started);
  }
  return values;
}
for (const acceptsZstd of [false, true]) {
  const answer = encodeAnswer(1, backfill, { acceptsZstd });
  const how = acceptsZstd ? "zstd" : "plain";
  report.add({ name: `backfill of ${BACKFILL}, encode, ${how}`, values: await times(() => encodeAnswer(1, backfill, { acceptsZstd })), unit: "ms" });
  report.add({ name: `backfill of ${BACKFILL}, decode, ${how}`, values: await times(() => decodeAnswer(answer)), unit: "ms" });
  report.one({ name: `backfill of ${BACKFILL}, ${how}, per bar`, value: answer.length / BACKFILL, unit: "bytes" });
}
if (kept === undefined) throw new Error("nothing was measured");
report.print();
