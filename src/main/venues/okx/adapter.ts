// OKX v5 swaps and spot as values: what to ask for, where, and how to tell frames apart.
import { fault } from "../../../shared/base.ts";
import { type EventKind, type StreamRef, streamRef } from "../../../shared/market.ts";
import type { ConnectionPlan, Endpoints, Subscription, VenueAdapter } from "../adapter.ts";
import { okxBackfill } from "./backfill.ts";
import { okxSpotDecoder, okxSwapDecoder } from "./decode.ts";
import { indexIdOf, instIdOf, type OkxVenue, renamedTo } from "./instruments.ts";
import { METADATA_CHANNEL } from "../metadata-polls.ts";
import { okxInstrumentsDecoder, okxMetadata } from "./metadata.ts";
import { readServerTime, restProblem } from "./rest.ts";
import { createOkxRoute } from "./route.ts";

/** 480 subscribe operations are allowed per connection and hour, and a rejected or rotated stream needs another. */
const STREAMS_PER_CONNECTION = 200;
/** One stream per request: the venue answers each argument apart, and an answer must belong to one request. */
const SUBSCRIBE = Object.freeze({ streamsPerRequest: 1, everyMs: 50 });
/** The venue closes after 30 s of silence. */
const KEEP_ALIVE = Object.freeze({ everyMs: 20_000, text: "ping" });
/** Attempts per address. */
const CONNECTS = Object.freeze({ count: 3, windowMs: 1_000 });
const ROTATE_AFTER_MS = 23 * 3_600_000;

const ENDPOINTS: Endpoints = Object.freeze({
  ws_public: "wss://ws.okx.com:8443/ws/v5/public",
  ws_business: "wss://ws.okx.com:8443/ws/v5/business",
  rest: "https://www.okx.com",
});

interface Patience { readonly firstFrameMs: number; readonly silenceMs: number | undefined }
/** Mark prices come at least every 10 s, open interest about every 3 s, an index at least each minute, funding every 30 to 90 s. */
const PATIENCE: Readonly<Record<string, Patience>> = {
  trades: { firstFrameMs: 60_000, silenceMs: 120_000 },
  "trades-all": { firstFrameMs: 60_000, silenceMs: 120_000 },
  "bbo-tbt": { firstFrameMs: 20_000, silenceMs: 60_000 },
  "mark-price": { firstFrameMs: 30_000, silenceMs: 60_000 },
  "index-tickers": { firstFrameMs: 90_000, silenceMs: 180_000 },
  "open-interest": { firstFrameMs: 60_000, silenceMs: 120_000 },
  "funding-rate": { firstFrameMs: 180_000, silenceMs: 300_000 },
  // Said about once a second while something trades: a quiet symbol's silence means nothing, and a dead socket shows by its missing pong.
  candle1m: { firstFrameMs: 120_000, silenceMs: undefined },
};
const PATIENCE_OTHERWISE: Patience = { firstFrameMs: 120_000, silenceMs: undefined };

/** The index of a swap is a part of its mark price. */
const KINDS: ReadonlyMap<string, readonly EventKind[]> = new Map(Object.entries<readonly EventKind[]>({
  trades: ["trade"], "trades-all": ["trade"], "bbo-tbt": ["bbo"], "mark-price": ["mark_price"], "index-tickers": ["mark_price"],
  "funding-rate": ["funding"], "open-interest": ["open_interest"], candle1m: ["venue_candle"],
}));

function patienceOf({ channel }: StreamRef): Patience {
  return (Object.hasOwn(PATIENCE, channel) ? PATIENCE[channel] : undefined) ?? PATIENCE_OTHERWISE;
}

/** Single trades and candles moved to the business address; everything else is public. */
function endpointOf(channel: string): string {
  return channel === "trades-all" || channel.startsWith("candle") ? "ws_business" : "ws_public";
}

function connectionPlan(name: string, url: string, streams: readonly StreamRef[]): ConnectionPlan {
  const silence = streams.map((stream) => [stream.streamId, patienceOf(stream).silenceMs] as const);
  return {
    name, url, streams, subscribe: SUBSCRIBE, keepAlive: KEEP_ALIVE, rotateAfterMs: ROTATE_AFTER_MS,
    firstFrameDeadlineMs: Object.fromEntries(streams.map((stream) => [stream.streamId, patienceOf(stream).firstFrameMs])),
    silenceLimitMs: Object.fromEntries(silence.filter((entry): entry is readonly [string, number] => entry[1] !== undefined)),
  };
}

function argumentOf(venue: OkxVenue, { channel, symbol }: StreamRef): { readonly channel: string; readonly instId: string } {
  return { channel, instId: channel === "index-tickers" ? indexIdOf(symbol) : instIdOf(venue, symbol) };
}

/** The adapter. `plan` also throws `feed.bad-symbol` for a symbol in the venue's own spelling, which no stream would carry. */
export function createOkxAdapter({ venue }: { readonly venue: OkxVenue }): VenueAdapter {
  function plan(subscriptions: readonly Subscription[], endpoints: Endpoints): readonly ConnectionPlan[] {
    const byEndpoint = new Map<string, StreamRef[]>();
    for (const { symbol, channels } of subscriptions) {
      if (!/^[A-Z0-9]+$/.test(symbol)) throw fault("feed.bad-symbol", `${venue}: ${JSON.stringify(symbol)} is the venue's spelling: write BTCUSDT for both BTC-USDT and BTC-USDT-SWAP`);
      for (const channel of channels) {
        const endpoint = endpointOf(channel);
        const streams = byEndpoint.get(endpoint) ?? [];
        streams.push(streamRef(venue, symbol, channel));
        byEndpoint.set(endpoint, streams);
      }
    }
    return [...byEndpoint].flatMap(([endpoint, streams]) => {
      const url = endpoints[endpoint];
      if (url === undefined || url === "") throw fault("feed.no-endpoint", `venue ${venue} has no endpoint ${endpoint}: set it in the settings`);
      const plans: ConnectionPlan[] = [];
      for (let from = 0; from < streams.length; from += STREAMS_PER_CONNECTION) {
        const name = endpoint.replace(/^ws_/, "") + (from === 0 ? "" : `-${from / STREAMS_PER_CONNECTION + 1}`);
        plans.push(connectionPlan(name, url, streams.slice(from, from + STREAMS_PER_CONNECTION)));
      }
      return plans;
    });
  }

  return {
    venue,
    defaultEndpoints: ENDPOINTS,
    endpointsAt: ({ socket, http }) => ({ ws_public: `${socket}/ws/v5/public`, ws_business: `${socket}/ws/v5/business`, rest: http }),
    defaultChannels: venue === "okx-swap" ? ["trades", "bbo-tbt", "mark-price", "index-tickers", "funding-rate", "open-interest", "candle1m"] : ["trades", "bbo-tbt", "candle1m"],
    foldChannel: "trades",
    gapKeyedChannels: ["trades", "trades-all"],
    quoteChannel: "bbo-tbt",
    kinds: (channel) => KINDS.get(channel) ?? [],
    renamedTo: (symbol) => renamedTo(symbol),
    plan,
    subscribeText: (streams, id) => JSON.stringify({ id: String(id), op: "subscribe", args: streams.map((stream) => argumentOf(venue, stream)) }),
    route: createOkxRoute([venue]),
    decoder: (channel) => (channel === METADATA_CHANNEL ? okxInstrumentsDecoder : venue === "okx-swap" ? okxSwapDecoder(channel) : okxSpotDecoder(channel)),
    backfill: okxBackfill,
    polls: () => [],
    metadata: okxMetadata(venue),
    serverTime: { request: { endpoint: "rest", path: "/api/v5/public/time", weight: 2 }, read: readServerTime },
    restProblem,
    budget: { sharedAs: "okx", weight: 20, windowMs: 2_000, usedHeader: undefined, connects: CONNECTS },
  };
}
