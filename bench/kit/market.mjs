// The messages that benches feed: trades and book tickers of the shared BTCUSDT capture of 2024-08-08, repeated with times and
// ids moved so that nothing repeats and ids stay contiguous; where that capture is absent, of the simulated market.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { product } from "./product.mjs";

export const SHARED_CAPTURE = fileURLToPath(new URL("../../../shared/data/binance_usdm/ws_BTCUSDT_20240808T2354.txt.gz", import.meta.url));
export const hasSharedCapture = existsSync(SHARED_CAPTURE);
export const SYMBOL = "BTCUSDT";

/** The capture spans 5 min 44 s: moved by this much a copy begins behind the one before, on the same second of a minute. */
const COPY_MS = 360_000;
const SIM_START_MS = 1_723_161_255_000;
const SIM_RATE = 20_000;
const SIM_STEP_MS = 1_000;

/** Lines of the shared capture: receive time in ns and the bytes as received, with the channel (undefined: neither of the two). */
export function* sharedLines() {
  const bytes = gunzipSync(readFileSync(SHARED_CAPTURE));
  for (let from = 0; from < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, from);
    const end = newline < 0 ? bytes.length : newline;
    const payload = bytes.subarray(from + 20, end);
    const name = payload.toString("latin1", 0, 40);
    const channel = name.includes('@trade"') ? "trade" : name.includes('@bookTicker"') ? "bookTicker" : undefined;
    if (end > from) yield { recvNs: BigInt(bytes.toString("latin1", from, from + 19)), channel, payload, line: bytes.subarray(from, end + 1) };
    from = end + 1;
  }
}

/** Where a message holds a number that must move from copy to copy. */
function placesOf(payload, idSpan) {
  const text = payload.toString("latin1");
  const places = [];
  for (const match of text.matchAll(/"(E|T|t|u)":(\d+)/g)) {
    const [whole, key, number] = match;
    const step = key === "E" || key === "T" ? COPY_MS : idSpan[key];
    places.push({ at: match.index + whole.length - number.length, length: number.length, value: Number(number), step });
  }
  return places;
}

function spanOf(payloads, key) {
  let low = Infinity;
  let high = -Infinity;
  for (const payload of payloads) {
    const id = Number(new RegExp(`"${key}":(\\d+)`).exec(payload.toString("latin1"))[1]);
    low = Math.min(low, id);
    high = Math.max(high, id);
  }
  return high - low + 1;
}

function putNumber(bytes, { at, length }, value) {
  let rest = value;
  for (let digit = at + length - 1; digit >= at; digit -= 1) {
    const next = Math.floor(rest / 10);
    bytes[digit] = 0x30 + (rest - next * 10);
    rest = next;
  }
  if (rest !== 0) throw new Error(`${value} does not fit ${length} digits: fewer copies are needed`);
}

function readTemplates() {
  const lines = [...sharedLines()].filter(({ channel }) => channel !== undefined);
  const idSpan = {
    t: spanOf(lines.filter(({ channel }) => channel === "trade").map(({ payload }) => payload), "t"),
    u: spanOf(lines.filter(({ channel }) => channel === "bookTicker").map(({ payload }) => payload), "u"),
  };
  return lines.map(({ recvNs, channel, payload }) => {
    const eventMs = Number(/"T":(\d+)/.exec(payload.toString("latin1"))[1]);
    return { recvNs, channel, payload, eventMs, places: placesOf(payload, idSpan) };
  });
}

function* copiesOfShared(count, channels) {
  const templates = readTemplates().filter(({ channel }) => channels.includes(channel));
  for (let made = 0, copy = 0; made < count; copy += 1) {
    const movedNs = BigInt(copy * COPY_MS) * 1_000_000n;
    for (const template of templates) {
      if (made === count) return;
      made += 1;
      const payload = Buffer.from(template.payload);
      if (copy > 0) for (const place of template.places) putNumber(payload, place, place.value + copy * place.step);
      yield { channel: template.channel, recvNs: template.recvNs + movedNs, eventMs: template.eventMs + copy * COPY_MS, payload };
    }
  }
}

async function* simulated(count, channels) {
  const { MarketModel } = await product("main/sim/market-model");
  const { bookText, tradeText, wrapped } = await product("main/sim/binance/text");
  const model = new MarketModel({ seed: 1, startMs: SIM_START_MS, symbols: [SYMBOL], messagesPerSecond: SIM_RATE });
  let pending = [];
  const say = (channel, event, text) => {
    if (!channels.includes(channel)) return;
    const payload = Buffer.from(wrapped(`btcusdt@${channel}`, text(event)));
    pending.push({ channel, recvNs: BigInt(event.eventMs) * 1_000_000n + 700_000n, eventMs: event.timeMs, payload });
  };
  const sink = {
    trade: (trade) => say("trade", trade, tradeText), book: (book) => say("bookTicker", book, bookText),
    aggTrade: () => undefined, mark: () => undefined,
  };
  for (let made = 0, untilMs = SIM_START_MS; made < count; ) {
    untilMs += SIM_STEP_MS;
    model.advance(untilMs, sink);
    const messages = pending.slice(0, count - made);
    pending = [];
    made += messages.length;
    yield* messages;
  }
}

/** `count` messages of these channels, in arrival order. */
export function marketMessages({ count, channels = ["trade", "bookTicker"] }) {
  return hasSharedCapture ? copiesOfShared(count, channels) : simulated(count, channels);
}

export const MARKET_NAME = hasSharedCapture ? "shared BTCUSDT 2024-08-08, repeated" : "simulated BTCUSDT";
