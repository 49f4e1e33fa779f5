// Binance USD-M futures as a value: what to ask for, where, and how to tell frames apart. The simulator speaks the same wire.
import { failed, fault, type Result } from "../../../shared/base.ts";
import { type EventKind, type StreamRef, streamRef } from "../../../shared/market.ts";
import type { ConnectionPlan, Endpoints, RestPoll, RestProblem, Subscription, VenueAdapter } from "../adapter.ts";
import { binanceBackfill } from "./backfill.ts";
import { usdmDecoder } from "./decode.ts";
import { METADATA_CHANNEL } from "../metadata-polls.ts";
import { binanceInstrumentsDecoder, binanceMetadata, binanceRenamedTo } from "./metadata.ts";
import { createRoute } from "./route.ts";

/** ≤ 1,024 are allowed per connection; 200 is the prudent number (reference/venues.md). */
const STREAMS_PER_CONNECTION = 200;
/** ≤ 10 messages per second may be sent; pongs count too. */
const SUBSCRIBE = Object.freeze({ streamsPerRequest: 20, everyMs: 250 });
/** A connection lives 24 h. */
const ROTATE_AFTER_MS = 23 * 3_600_000;
/** Attempts per address. */
const CONNECTS = Object.freeze({ count: 300, windowMs: 300_000 });
const OPEN_INTEREST_EVERY_MS = 10_000;
const BAN_DEFAULT_MS = 120_000;
const FORBIDDEN_DEFAULT_MS = 300_000;

/** The addresses since 2026-03. Before, one `ws` carried everything: `wss://fstream.binance.com/stream?streams=`. */
const USDM_ENDPOINTS: Endpoints = Object.freeze({
  ws_public: "wss://fstream.binance.com/public/stream?streams=",
  ws_market: "wss://fstream.binance.com/market/stream?streams=",
  rest: "https://fapi.binance.com",
});

/** Channels with another name on the wire than in stream ids. */
const WIRE_NAME: Readonly<Record<string, string>> = { markPrice: "markPrice@1s", depth: "depth@100ms" };

interface Patience { readonly firstFrameMs: number; readonly silenceMs: number | undefined }
/** Mark prices come each second; books move all the time; trades of a quiet symbol may take a while. */
const PATIENCE: Readonly<Record<string, Patience>> = {
  markPrice: { firstFrameMs: 10_000, silenceMs: 15_000 },
  bookTicker: { firstFrameMs: 20_000, silenceMs: 60_000 },
  depth: { firstFrameMs: 20_000, silenceMs: 60_000 },
  aggTrade: { firstFrameMs: 60_000, silenceMs: 120_000 },
  trade: { firstFrameMs: 60_000, silenceMs: 120_000 },
  // Said when trades change it: a quiet symbol's silence means nothing.
  kline_1m: { firstFrameMs: 120_000, silenceMs: undefined },
};
const PATIENCE_OTHERWISE: Patience = { firstFrameMs: 120_000, silenceMs: undefined };

const KINDS: ReadonlyMap<string, readonly EventKind[]> = new Map(Object.entries<readonly EventKind[]>({
  aggTrade: ["trade"], trade: ["trade"], bookTicker: ["bbo"], markPrice: ["mark_price", "funding"], openInterest: ["open_interest"], kline_1m: ["venue_candle"],
}));

function wireName(stream: StreamRef): string {
  const channel = Object.hasOwn(WIRE_NAME, stream.channel) ? WIRE_NAME[stream.channel] : stream.channel;
  return `${stream.symbol.toLowerCase()}@${channel}`;
}

/** Which endpoint carries a channel. An endpoint named `ws` is the older generation and carries all. */
function endpointOf(channel: string, endpoints: Endpoints): string {
  if (endpoints["ws"] !== undefined) return "ws";
  return channel === "bookTicker" || channel.startsWith("depth") ? "ws_public" : "ws_market";
}

function patienceOf(stream: StreamRef): Patience {
  return (Object.hasOwn(PATIENCE, stream.channel) ? PATIENCE[stream.channel] : undefined) ?? PATIENCE_OTHERWISE;
}

function connectionPlan(name: string, base: string, streams: readonly StreamRef[]): ConnectionPlan {
  const inUrl = base.endsWith("=");
  const silence = streams.map((stream) => [stream.streamId, patienceOf(stream).silenceMs] as const);
  return {
    name,
    url: inUrl ? base + streams.map((stream) => encodeURI(wireName(stream))).join("/") : base,
    streams,
    subscribe: inUrl ? undefined : SUBSCRIBE,
    keepAlive: undefined,
    rotateAfterMs: ROTATE_AFTER_MS,
    firstFrameDeadlineMs: Object.fromEntries(streams.map((stream) => [stream.streamId, patienceOf(stream).firstFrameMs])),
    silenceLimitMs: Object.fromEntries(silence.filter((entry): entry is readonly [string, number] => entry[1] !== undefined)),
  };
}

function parseBody(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

function readServerTime(body: Uint8Array): Result<number> {
  const parsed = parseBody(body);
  const ms = typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>)["serverTime"] : undefined;
  if (typeof ms === "number" && Number.isSafeInteger(ms) && ms > 0) return { ok: true, value: ms };
  return failed("feed.bad-server-time", "the answer to /fapi/v1/time holds no serverTime in milliseconds");
}

function retryAfterMs(headers: Readonly<Record<string, string>>, otherwiseMs: number): number {
  const seconds = Number(headers["retry-after"]);
  return Number.isFinite(seconds) && seconds > 0 ? Math.ceil(seconds * 1_000) : otherwiseMs;
}

function restProblem(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): RestProblem | undefined {
  if (status >= 200 && status < 300) return undefined;
  const parsed = parseBody(body);
  const { code, msg } = (typeof parsed === "object" && parsed !== null ? parsed : {}) as Record<string, unknown>;
  const said = typeof msg === "string" ? `: ${typeof code === "number" ? `${code} ` : ""}${msg.slice(0, 300)}` : "";
  const detail = `HTTP ${status}${said}`;
  if (status === 429) return { kind: "rate-limited", retryAfterMs: retryAfterMs(headers, 60_000), detail };
  if (status === 418) return { kind: "banned", retryAfterMs: retryAfterMs(headers, BAN_DEFAULT_MS), detail };
  if (status === 403) return { kind: "banned", retryAfterMs: retryAfterMs(headers, FORBIDDEN_DEFAULT_MS), detail };
  if (code === -1121) return { kind: "dead-symbol", retryAfterMs: undefined, detail };
  return { kind: status >= 500 || status === 408 ? "unavailable" : "refused", retryAfterMs: undefined, detail };
}

/** `sim` has no default addresses: they are those of the simulator that was started. */
export function createBinanceAdapter({ venue }: { readonly venue: "binance-usdm" | "sim" }): VenueAdapter {
  function plan(subscriptions: readonly Subscription[], endpoints: Endpoints): readonly ConnectionPlan[] {
    const byEndpoint = new Map<string, StreamRef[]>();
    for (const { symbol, channels } of subscriptions) {
      for (const channel of channels) {
        if (channel === "openInterest") continue;
        const endpoint = endpointOf(channel, endpoints);
        const streams = byEndpoint.get(endpoint) ?? [];
        streams.push(streamRef(venue, symbol, channel));
        byEndpoint.set(endpoint, streams);
      }
    }
    return [...byEndpoint].flatMap(([endpoint, streams]) => {
      const base = endpoints[endpoint];
      if (base === undefined || base === "") {
        throw fault("feed.no-endpoint", `venue ${venue} has no endpoint ${endpoint}: set it in the settings (or set ws for the older generation)`);
      }
      const plans: ConnectionPlan[] = [];
      for (let from = 0; from < streams.length; from += STREAMS_PER_CONNECTION) {
        const name = endpoint.replace(/^ws_/, "") + (from === 0 ? "" : `-${from / STREAMS_PER_CONNECTION + 1}`);
        plans.push(connectionPlan(name, base, streams.slice(from, from + STREAMS_PER_CONNECTION)));
      }
      return plans;
    });
  }

  function polls(subscriptions: readonly Subscription[]): readonly RestPoll[] {
    return subscriptions.filter(({ channels }) => channels.includes("openInterest")).map(({ symbol }) => ({
      stream: streamRef(venue, symbol, "openInterest"),
      request: { endpoint: "rest", path: `/fapi/v1/openInterest?symbol=${encodeURIComponent(symbol)}`, weight: 1 },
      everyMs: OPEN_INTEREST_EVERY_MS,
    }));
  }

  return {
    venue,
    defaultEndpoints: venue === "sim" ? {} : USDM_ENDPOINTS,
    endpointsAt: ({ socket, http }) => ({ ws_public: `${socket}/public/stream`, ws_market: `${socket}/market/stream`, rest: http }),
    // The simulation that speaks this wire under a name of its own records what its seeds were chosen with.
    defaultChannels: ["aggTrade", "bookTicker", "markPrice", "openInterest", ...(venue === "sim" ? [] : ["kline_1m"])],
    foldChannel: "aggTrade",
    gapKeyedChannels: ["aggTrade", "trade"],
    quoteChannel: "bookTicker",
    kinds: (channel) => KINDS.get(channel) ?? [],
    renamedTo: binanceRenamedTo,
    plan,
    subscribeText: (streams, id) => JSON.stringify({ method: "SUBSCRIBE", params: streams.map(wireName), id }),
    route: createRoute(venue),
    decoder: (channel) => (channel === METADATA_CHANNEL ? binanceInstrumentsDecoder : usdmDecoder(channel)),
    backfill: binanceBackfill,
    polls,
    metadata: binanceMetadata(venue),
    serverTime: { request: { endpoint: "rest", path: "/fapi/v1/time", weight: 1 }, read: readServerTime },
    restProblem,
    budget: { sharedAs: venue, weight: 2_400, windowMs: 60_000, usedHeader: "x-mbx-used-weight-1m", connects: CONNECTS },
  };
}
