// Prints one JSON line per candle of one stream: from the oldest that is kept up to now, then live. Ends after `count` of them, if given.
//   node docs/bridge/resuming.mjs tcp://127.0.0.1:5556 tcp://127.0.0.1:5557 sim BTCUSDT 1m [count]
// Packages: zeromq, flatbuffers. `npm run build` makes dist/main/market-data.js; so does flatc --ts from schemas/market_data.fbs.
import { setTimeout as sleep } from "node:timers/promises";
import { Builder, ByteBuffer } from "flatbuffers";
import { Dealer, Subscriber } from "zeromq";
import * as wire from "../../dist/main/market-data.js";

const [pub, rpc, source, symbol, interval, count] = process.argv.slice(2);
const live = new Subscriber({ linger: 0 });
const dealer = new Dealer({ linger: 0, receiveTimeout: 10_000 });
live.connect(pub);
live.subscribe(`candles.${source}.${symbol}.${interval}`); // before asking, so that nothing falls in between
dealer.connect(rpc);
let [applied, history, asked, printed] = [0n, undefined, 0n, 0];

function open(frame) {
  const envelope = wire.Envelope.getRootAsEnvelope(new ByteBuffer(frame));
  if (envelope.schemaVersion() !== 1) throw new Error(`the server speaks schema version ${envelope.schemaVersion()}, this is 1`);
  return { id: envelope.correlationId(), table: envelope.payload(new wire[wire.Payload[envelope.payloadType()]]()) };
}
async function ask() {
  const builder = new Builder();
  const names = [source, symbol, interval].map((name) => builder.createString(name));
  const from = history === undefined ? [0, null] : [builder.createString(history), applied];
  const request = wire.BackfillCandlesRequest.createBackfillCandlesRequest(builder, ...names, ...from, 2_000, null, false);
  wire.Envelope.finishEnvelopeBuffer(builder, wire.Envelope.createEnvelope(builder, 1, (asked += 1n), wire.Payload.BackfillCandlesRequest, request));
  await dealer.send(builder.asUint8Array());
  for (;;) {
    const { id, table } = open((await dealer.receive()).at(-1));
    if (id === asked) return table; // other ids: answers that came too late, and notices
  }
}
async function catchUp() {
  for (let hasMore = true; hasMore; ) {
    const answer = await ask();
    const refusal = answer instanceof wire.Refusal ? answer : answer.refusal();
    if (refusal === null) hasMore = apply(answer).hasMore();
    else if (refusal.code() === wire.RefusalCode.BUSY) await sleep(refusal.retryAfterMs());
    else throw new Error(`${wire.RefusalCode[refusal.code()]}: ${refusal.detail()}`);
  }
}
function text(decimal) {
  const digits = String((decimal.high() << 64n) + decimal.low()).replace(/\d+/, (all) => all.padStart(decimal.scale() + 1, "0"));
  return decimal.scale() === 0 ? digits : `${digits.slice(0, -decimal.scale())}.${digits.slice(-decimal.scale())}`;
}
function apply(batch) {
  if (batch.historyId() !== (history ??= batch.historyId())) throw new Error("another history is served now: begin anew");
  for (let index = 0; index < batch.candlesLength(); index += 1) {
    const [sequence, candle] = [batch.startSequence() + BigInt(index), batch.candles(index)];
    if (sequence <= applied) continue; // the overlap of backfill and live
    applied = sequence;
    if (candle.kind() > wire.EntryKind.CORRECTION) continue; // marks: grades and gaps
    const numbers = ["open", "high", "low", "close", "volume"].map((field) => [field, text(candle[field]())]);
    console.log(JSON.stringify({ sequence: Number(sequence), ts: Number(candle.ts()), ...Object.fromEntries(numbers), revision: candle.revision() }));
    if ((printed += 1) === Number(count)) process.exit();
  }
  return batch;
}
await catchUp();
for await (const frames of live) {
  const { table } = open(frames.at(-1));
  const isBeat = table instanceof wire.Heartbeat;
  if ((isBeat ? table.latestSequence() : table.startSequence() - 1n) > applied) await catchUp(); // something was lost on the way
  if (!isBeat) apply(table);
}
