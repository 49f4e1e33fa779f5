// Prints the live candles of one stream, one JSON line each, and says what was lost on the way. Ends after `count` of them, if given.
//   node docs/bridge/subscriber.mjs tcp://127.0.0.1:5556 sim BTCUSDT 1m [count]
// `npm run build` makes dist/main/market-data.js; so does flatc --ts. resuming.mjs also fetches what was before, and what was lost.
import { ByteBuffer } from "flatbuffers";
import { Subscriber } from "zeromq";
import * as wire from "../../dist/main/market-data.js";

const [pub, source, symbol, interval, count] = process.argv.slice(2);
const live = new Subscriber({ linger: 0 });
live.connect(pub);
live.subscribe(`candles.${source}.${symbol}.${interval}`);
const number = (decimal) => Number((decimal.high() << 64n) + decimal.low()) / 10 ** decimal.scale();
let [next, printed] = [undefined, 0];
for await (const [, frame] of live) {
  const envelope = wire.Envelope.getRootAsEnvelope(new ByteBuffer(frame));
  if (envelope.schemaVersion() !== 1) throw new Error(`the server speaks schema version ${envelope.schemaVersion()}, this is 1`);
  if (envelope.payloadType() !== wire.Payload.CandleBatch) continue; // heartbeats
  const batch = envelope.payload(new wire.CandleBatch());
  if (batch.startSequence() > (next ?? batch.startSequence())) console.error(`lost: ${next} to ${batch.startSequence() - 1n}`);
  next = batch.startSequence() + BigInt(batch.candlesLength());
  for (let index = 0; index < batch.candlesLength(); index += 1) {
    const candle = batch.candles(index);
    if (candle.kind() > wire.EntryKind.CORRECTION) continue; // marks: grades and gaps
    const numbers = Object.fromEntries(["open", "high", "low", "close", "volume"].map((field) => [field, number(candle[field]())]));
    console.log(JSON.stringify({ ts: Number(candle.ts()), ...numbers, revision: candle.revision() }));
    if ((printed += 1) === Number(count)) process.exit();
  }
}
