// The three ways from a venue's bytes to normalised objects that `decode.bench.mjs` measures: ours, tardis-dev's mappers and ccxt pro's
// handlers. Each is fed what comes from the wire; whoever takes parsed JSON parses it, in the way in which that package does it itself.
import { createRequire } from "node:module";
import { product } from "./product.mjs";

const require = createRequire(import.meta.url);

/** Ours: the decoders that the product finds for a stream, remembered per stream with what the stream's messages carry over. */
export async function tapedeck() {
  const { decoderLookup } = await product("main/venues/registry");
  const { CarriedStreams } = await product("shared/carried");
  return {
    name: "tapedeck",
    /** A reader without history: `read(message)` gives the events of one message. */
    reader: () => {
      let carried = new CarriedStreams();
      const decodes = new Map();
      const read = ({ stream, payload, recvNs }) => {
        let decode = decodes.get(stream.streamId);
        if (decode === undefined) decodes.set(stream.streamId, decode = decoderLookup(stream));
        // As the product's readers do: only those decoders are given what is carried that use it.
        const outcome = decode(payload, decode.carries === true ? { stream, source: "ws", recvNs, carried: carried.of(stream) } : { stream, source: "ws", recvNs });
        return outcome.kind === "events" ? outcome.events : outcome.kind === "ignored" ? [] : refused(outcome, payload);
      };
      // The same messages once more are another capture: what was carried over would know them all.
      const begin = () => {
        carried = new CarriedStreams();
      };
      return Object.assign(read, { begin });
    },
  };
}

/** Ours with what comes before it when recording: finding the stream and the time of each frame. */
export async function routing(messages) {
  const { adapterFor } = await product("main/venues/registry");
  const ours = await tapedeck();
  return {
    name: "tapedeck, routing too",
    reader: () => {
      const read = ours.reader();
      const routes = new Map([...new Set(messages.map(({ stream }) => stream.venue))].map((venue) => [venue, adapterFor(venue).route]));
      const routed = ({ stream: { venue }, payload, recvNs }) => read({ stream: routes.get(venue)(payload).stream, payload, recvNs });
      return Object.assign(routed, { begin: read.begin });
    },
  };
}

function refused({ code, detail }, payload) {
  throw new Error(`refused ${code}: ${detail}: ${Buffer.from(payload).toString("utf8").slice(0, 300)}`);
}

/** tardis-dev: as its replay does it, JSON.parse of the line's text, then the first mapper that can handle the message. */
export function tardis(exchange) {
  const { normalizeTrades, normalizeBookTickers, normalizeDerivativeTickers } = require("tardis-dev");
  const { version } = require("tardis-dev/package.json");
  return {
    name: `tardis-dev ${version}`,
    reader: (at) => {
      const mappers = [normalizeTrades, normalizeBookTickers, normalizeDerivativeTickers].map((create) => create(exchange, at));
      return ({ payload }) => {
        const message = JSON.parse(payload.toString("utf8"));
        const objects = [];
        for (const mapper of mappers) if (mapper.canHandle(message)) for (const object of mapper.map(message, at) ?? []) objects.push(object);
        return objects;
      };
    },
  };
}

function marketOf({ id, base, quote, isSwap, contractSize }) {
  return {
    id, lowercaseId: id.toLowerCase(), symbol: isSwap ? `${base}/${quote}:${quote}` : `${base}/${quote}`, base, quote, settle: isSwap ? quote : undefined,
    baseId: base, quoteId: quote, settleId: isSwap ? quote : undefined, type: isSwap ? "swap" : "spot", spot: !isSwap, margin: false, swap: isSwap, future: false,
    option: false, active: true, contract: isSwap, linear: isSwap ? true : undefined, inverse: isSwap ? false : undefined, contractSize,
    precision: { amount: 0.00000001, price: 0.00000001 }, limits: { amount: {}, price: {}, cost: {}, leverage: {} }, info: {},
  };
}

/** ccxt pro: the exchange's own `handleMessage` behind a client that connects to nothing. What it made is in its caches. */
export async function ccxt(id, url, markets) {
  const { pro } = await import("ccxt");
  const { version } = (await import("ccxt")).default;
  return {
    name: `ccxt ${version}`,
    reader: () => {
      const exchange = new pro[id]({ enableRateLimit: false });
      exchange.setMarkets(markets.map(marketOf));
      const client = { url, subscriptions: {}, futures: {}, resolve: () => undefined, reject: (error) => { throw error; } };
      const read = ({ payload }) => exchange.handleMessage(client, JSON.parse(payload.toString("utf8")));
      return Object.assign(read, { exchange });
    },
  };
}
