// Raw log → normalised events, side by side with tardis-dev `replayNormalized` over its local cache: the same trade and book
// ticker messages, the same fields consumed, runs in turn. Each side must reach the sums that the raw JSON gives.
import { marketCapture } from "./kit/captures.mjs";
import { hasSharedCapture, MARKET_NAME } from "./kit/market.mjs";
import { product } from "./kit/product.mjs";
import { BASE_MS, checkSums, emptySums } from "./kit/replay-sums.mjs";
import { note, rateOf, Report, RUNS } from "./kit/report.mjs";
import { replayOfCache, TARDIS_VERSION, tardisCache } from "./kit/tardis-cache.mjs";

/** Twelve copies: a replay of seconds, in which constant costs of either side vanish. */
const MESSAGES = 1_048_824;
const SECONDS_MAX = 120;

const { openReader } = await product("main/rawlog/reader");
const { NodeDisk } = await product("main/rawlog/node-disk");
const { decoderLookup } = await product("main/venues/registry");
const { toFloat } = await product("shared/decimal");

/** tardis-dev retries a missing slice for minutes instead of failing. */
function within(seconds, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`tardis-dev gave no result in ${seconds} s`)), seconds * 1_000);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function consumeTardis(cache) {
  const sums = emptySums();
  for await (const event of replayOfCache(cache)) {
    if (event.type === "trade") {
      sums.trades += 1;
      sums.price += event.price;
      sums.amount += event.amount;
      sums.side += event.side === "buy" ? 1 : -1;
      sums.id += event.id.length + event.id.charCodeAt(event.id.length - 1);
      sums.tradeMs += event.timestamp.getTime() - BASE_MS;
    } else {
      sums.tickers += 1;
      sums.bidPrice += event.bidPrice;
      sums.bidAmount += event.bidAmount;
      sums.askPrice += event.askPrice;
      sums.askAmount += event.askAmount;
      sums.tickerMs += event.timestamp.getTime() - BASE_MS;
    }
    sums.localMs += event.localTimestamp.getTime() - BASE_MS;
    sums.localUs += event.localTimestamp.μs;
  }
  // Its book tickers stand at E, ours at T.
  checkSums("tardis-dev", sums, { ...cache.reference.float, tickerMs: cache.reference.tickerMsByE });
  return sums.trades + sums.tickers;
}

/** `read`: an exact decimal as the number that is summed. */
async function consumeOurs(folder, read, expected) {
  const reader = await openReader({ disk: new NodeDisk(), folder });
  const sums = emptySums();
  for await (const records of reader.batches({})) {
    for (const record of records) {
      const { stream, source, recvNs } = record;
      const outcome = decoderLookup(stream)?.(record.payload, { stream, source, recvNs });
      if (outcome?.kind !== "events") continue;
      for (const event of outcome.events) addOurs(sums, event, recvNs, read);
    }
  }
  await reader.close();
  checkSums("tapedeck", sums, expected);
  return sums.trades + sums.tickers;
}

function addOurs(sums, event, recvNs, read) {
  if (event.kind === "trade") {
    sums.trades += 1;
    sums.price += read(event.price);
    sums.amount += read(event.qty);
    sums.side += event.side;
    sums.id += event.tradeId.length + event.tradeId.charCodeAt(event.tradeId.length - 1);
    sums.tradeMs += event.eventMs - BASE_MS;
  } else {
    sums.tickers += 1;
    sums.bidPrice += read(event.bidPrice);
    sums.bidAmount += read(event.bidQty);
    sums.askPrice += read(event.askPrice);
    sums.askAmount += read(event.askQty);
    sums.tickerMs += event.eventMs - BASE_MS;
  }
  const micros = Number(recvNs / 1_000n);
  const milliseconds = Math.floor(micros / 1_000);
  sums.localMs += milliseconds - BASE_MS;
  sums.localUs += micros - milliseconds * 1_000;
}

function mantissa(value) {
  return value.mantissa;
}

if (!hasSharedCapture) note(`replay: ../shared/data is absent, measured on ${MARKET_NAME}`);
const cache = await tardisCache(MESSAGES);
const folder = await marketCapture({ count: MESSAGES });
const rates = { tardis: [], exact: [], float: [] };
for (let run = 0; run < RUNS; run += 1) {
  rates.tardis.push(await rateOf(() => within(SECONDS_MAX, consumeTardis(cache))));
  rates.exact.push(await rateOf(() => consumeOurs(folder, mantissa, cache.reference.exact)));
  rates.float.push(await rateOf(() => consumeOurs(folder, toFloat, cache.reference.float)));
}
const report = new Report("replay");
report.add({ name: `tardis-dev ${TARDIS_VERSION} replayNormalized`, values: rates.tardis, unit: "events/s" });
report.add({ name: "raw log → events, exact decimals", values: rates.exact, unit: "events/s", peer: rates.tardis, target: { atLeast: 2, of: "ratio" } });
report.add({ name: "raw log → events, read as doubles", values: rates.float, unit: "events/s", peer: rates.tardis });
report.print();
