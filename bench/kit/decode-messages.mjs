// The messages that `decode.bench.mjs` measures with: those of the shared captures that every side can read, as they came, per venue and channel.
// Without the captures, the project's own golden messages (schemas/fixtures).
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { product } from "./product.mjs";

const SHARED = new URL("../../../shared/data/", import.meta.url);
const GOLDEN = new URL("../../schemas/fixtures/", import.meta.url);
export const hasShared = existsSync(fileURLToPath(SHARED));

/** What is measured: channels whose messages all three sides normalise. OKX open interest is not read by ccxt, which passes it by. */
const CHANNELS = {
  "binance-usdm": ["trade", "bookTicker", "markPrice"],
  "bybit-linear": ["publicTrade", "tickers", "orderbook.1"],
  "okx-swap": ["trades", "bbo-tbt", "mark-price", "funding-rate", "open-interest"],
  "okx-spot": ["trades", "bbo-tbt"],
};

function linesOf(path) {
  const bytes = readFileSync(new URL(path, SHARED));
  return (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8").split("\n").filter((line) => line !== "");
}

function collected(path) {
  return linesOf(path).map((line) => line.slice(line.indexOf(" ") + 1));
}

function recorded(path, connection) {
  const entries = linesOf(path).map((line) => JSON.parse(line));
  return entries.filter(({ t, conn }) => t === "recv" && (connection === undefined || conn === connection)).map(({ data }) => data);
}

/** Contracts whose size in base units is not known are refused by us: left out for everybody. So are one-sided deltas of a book, which are half a quote. */
function isMeasured({ venue, channel, symbol }, text) {
  if (!CHANNELS[venue]?.includes(channel)) return false;
  if (venue === "bybit-linear") return symbol.endsWith("USDT") && !(channel === "orderbook.1" && text.includes('"delta"'));
  if (venue === "okx-swap" && !text.includes('"fundingRate"') && channel === "funding-rate") return false;
  return !(venue === "okx-swap" && channel === "bbo-tbt" && symbol !== "BTCUSDT");
}

function golden(venue, ids) {
  const lines = readFileSync(new URL(`${venue}/messages.jsonl`, GOLDEN), "utf8").split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  return lines.filter((line) => ids.includes(line.venue ?? "binance-usdm") && (line.source ?? "ws") === "ws" && line.outcome?.kind === "events" && !line.message.includes(": ")).map(({ message }) => message);
}

/** `{ binance, bybit, okx }`: messages as `{ stream, payload, recvNs }` in the order in which they came. */
export async function decodeMessages() {
  const { adapterFor } = await product("main/venues/registry");
  const routed = (venueIds, texts) => {
    const adapters = venueIds.map((venue) => adapterFor(venue));
    return texts.flatMap((text) => {
      const payload = Buffer.from(text, "utf8");
      const found = adapters.map((adapter) => adapter.route(payload)).find(({ kind }) => kind === "data");
      return found !== undefined && isMeasured(found.stream, text) ? [{ stream: found.stream, payload, recvNs: 1_786_310_820_123_456_789n }] : [];
    });
  };
  if (!hasShared) {
    return {
      binance: routed(["binance-usdm"], golden("binance", ["binance-usdm"])), bybit: routed(["bybit-linear"], golden("bybit", ["bybit-linear"])),
      okx: routed(["okx-swap", "okx-spot"], golden("okx", ["okx-swap", "okx-spot"])),
    };
  }
  return {
    binance: routed(["binance-usdm"], [
      ...collected("binance_usdm/ws_BTCUSDT_20240808T2354.txt.gz"),
      ...collected("binance_usdm/ws_BTCUSDT_20230405T0000_markprice.txt.gz").filter((text) => text.includes("@markPrice")),
    ]),
    bybit: routed(["bybit-linear"], [...linesOf("bybit/tardis_ws_v5_deriv.jsonl"), ...recorded("bybit/v5_20260809_linear_BTC_ETH_spot_BTC.jsonl.gz", "BYBIT.ws.2")]),
    okx: routed(["okx-swap", "okx-spot"], [
      ...recorded("okx/v5_20220513_BTC-USDT.jsonl.gz"), ...linesOf("okx/msgparser_ws_linear_swap.jsonl"), ...linesOf("okx/msgparser_ws_spot.jsonl"), ...linesOf("okx/tardis_ws_swap.jsonl"),
    ]),
  };
}
