// Bybit v5 public linear and spot as values: what to ask for, where, and how to tell frames and refusals apart.
import { failed, fault, type Result } from "../../../shared/base.ts";
import { type EventKind, type StreamRef, streamRef } from "../../../shared/market.ts";
import type { ConnectionPlan, Endpoints, RestProblem, Subscription, VenueAdapter } from "../adapter.ts";
import { bybitBackfill } from "./backfill.ts";
import { linearDecoder, spotDecoder } from "./decode.ts";
import { METADATA_CHANNEL } from "../metadata-polls.ts";
import { bybitInstrumentsDecoder, bybitMetadata, bybitRenamedTo } from "./metadata.ts";
import { createRoute } from "./route.ts";

/** Topics may fill 21,000 characters per connection; 200 of them, symbols of 64 characters included, stay below. */
const STREAMS_PER_CONNECTION = 200;
/** Spot takes at most 10 topics per request; small groups suit linear too, since one bad topic fails its group. */
const SUBSCRIBE = Object.freeze({ streamsPerRequest: 10, everyMs: 100 });
const KEEP_ALIVE = Object.freeze({ everyMs: 20_000, text: '{"op":"ping"}' });
/** No life time is documented for public sockets; a day is every venue's. */
const ROTATE_AFTER_MS = 23 * 3_600_000;
/** After "403 access too frequent" all requests must stop for 10 minutes. */
const BAN_MS = 600_000;
/** The window of the limit: 600 requests per 5 s and address. */
const WINDOW_MS = 5_000;
/** Attempts per address. */
const CONNECTS = Object.freeze({ count: 500, windowMs: 300_000 });

interface Product {
  readonly category: "linear" | "spot";
  readonly defaultChannels: readonly string[];
  readonly decoder: VenueAdapter["decoder"];
}
const PRODUCTS: Readonly<Record<"bybit-linear" | "bybit-spot", Product>> = {
  "bybit-linear": { category: "linear", defaultChannels: ["publicTrade", "tickers", "orderbook.1", "kline.1"], decoder: linearDecoder },
  // Spot's tickers carry neither mark price nor funding nor open interest.
  "bybit-spot": { category: "spot", defaultChannels: ["publicTrade", "orderbook.1", "kline.1"], decoder: spotDecoder },
};

interface Patience { readonly firstFrameMs: number; readonly silenceMs: number | undefined }
/** The best offer is sent again after 3 s without change: the sign of life. Trades of a quiet symbol may take a while. */
const PATIENCE: Readonly<Record<string, Patience>> = {
  "orderbook.1": { firstFrameMs: 10_000, silenceMs: 15_000 },
  tickers: { firstFrameMs: 10_000, silenceMs: 60_000 },
  publicTrade: { firstFrameMs: 60_000, silenceMs: 120_000 },
  "kline.1": { firstFrameMs: 90_000, silenceMs: 150_000 },
};
const PATIENCE_OTHERWISE: Patience = { firstFrameMs: 120_000, silenceMs: undefined };

function patienceOf(stream: StreamRef): Patience {
  return (Object.hasOwn(PATIENCE, stream.channel) ? PATIENCE[stream.channel] : undefined) ?? PATIENCE_OTHERWISE;
}

function connectionPlan(name: string, url: string, streams: readonly StreamRef[]): ConnectionPlan {
  const silence = streams.map((stream) => [stream.streamId, patienceOf(stream).silenceMs] as const);
  return {
    name, url, streams, subscribe: SUBSCRIBE, keepAlive: KEEP_ALIVE, rotateAfterMs: ROTATE_AFTER_MS,
    firstFrameDeadlineMs: Object.fromEntries(streams.map((stream) => [stream.streamId, patienceOf(stream).firstFrameMs])),
    silenceLimitMs: Object.fromEntries(silence.filter((entry): entry is readonly [string, number] => entry[1] !== undefined)),
  };
}

function parseBody(body: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function readServerTime(body: Uint8Array): Result<number> {
  const { result } = parseBody(body);
  const nano = typeof result === "object" && result !== null ? (result as Record<string, unknown>)["timeNano"] : undefined;
  if (typeof nano === "string" && /^[1-9]\d{15,18}$/.test(nano)) return { ok: true, value: Number(BigInt(nano) / 1_000_000n) };
  return failed("feed.bad-server-time", "the answer to /v5/market/time holds no result.timeNano in nanoseconds");
}

/** Codes that mean something to a recorder; everything else is a refusal. The code counts also under HTTP 200. */
function problemOf(status: number, code: number | undefined, said: string): Pick<RestProblem, "kind" | "retryAfterMs"> {
  if (code === 10006) return { kind: "rate-limited", retryAfterMs: WINDOW_MS };
  if (status === 403 || code === 10009 || code === 10018) return { kind: "banned", retryAfterMs: BAN_MS };
  if (status === 429) return { kind: "rate-limited", retryAfterMs: WINDOW_MS };
  if (code === 10001 && /symbol/i.test(said)) return { kind: "dead-symbol", retryAfterMs: undefined };
  const isTheirs = status >= 500 || status === 408 || code === 10000 || code === 10016;
  return { kind: isTheirs ? "unavailable" : "refused", retryAfterMs: undefined };
}

function restProblem(status: number, _headers: Readonly<Record<string, string>>, body: Uint8Array): RestProblem | undefined {
  const { retCode, retMsg } = parseBody(body);
  const code = typeof retCode === "number" && retCode !== 0 ? retCode : undefined;
  if (status >= 200 && status < 300 && code === undefined) return undefined;
  const said = typeof retMsg === "string" ? retMsg.slice(0, 300) : "";
  return { ...problemOf(status, code, said), detail: `HTTP ${status}${code === undefined ? "" : `: ${code} ${said}`}` };
}

const KINDS: ReadonlyMap<string, readonly EventKind[]> = new Map(Object.entries<readonly EventKind[]>({
  publicTrade: ["trade"], tickers: ["mark_price", "funding", "open_interest"], "orderbook.1": ["bbo"], "kline.1": ["venue_candle"],
}));

export function createBybitAdapter({ venue }: { readonly venue: "bybit-linear" | "bybit-spot" }): VenueAdapter {
  const { category, defaultChannels, decoder } = PRODUCTS[venue];

  function plan(subscriptions: readonly Subscription[], endpoints: Endpoints): readonly ConnectionPlan[] {
    const streams = subscriptions.flatMap(({ symbol, channels }) => channels.map((channel) => streamRef(venue, symbol, channel)));
    if (streams.length === 0) return [];
    const url = endpoints["ws_public"];
    if (url === undefined || url === "") throw fault("feed.no-endpoint", `venue ${venue} has no endpoint ws_public: set it in the settings`);
    const plans: ConnectionPlan[] = [];
    for (let from = 0; from < streams.length; from += STREAMS_PER_CONNECTION) {
      const name = from === 0 ? "public" : `public-${from / STREAMS_PER_CONNECTION + 1}`;
      plans.push(connectionPlan(name, url, streams.slice(from, from + STREAMS_PER_CONNECTION)));
    }
    return plans;
  }

  return {
    venue,
    defaultEndpoints: Object.freeze({ ws_public: `wss://stream.bybit.com/v5/public/${category}`, rest: "https://api.bybit.com" }),
    endpointsAt: ({ socket, http }) => ({ ws_public: `${socket}/v5/public/${category}`, rest: http }),
    defaultChannels,
    foldChannel: "publicTrade",
    gapKeyedChannels: [],
    quoteChannel: "orderbook.1",
    kinds: (channel) => KINDS.get(channel) ?? [],
    renamedTo: bybitRenamedTo,
    plan,
    subscribeText: (streams, id) => JSON.stringify({ req_id: String(id), op: "subscribe", args: streams.map(({ channel, symbol }) => `${channel}.${symbol}`) }),
    route: createRoute(venue),
    decoder: (channel) => (channel === METADATA_CHANNEL ? bybitInstrumentsDecoder : decoder(channel)),
    backfill: bybitBackfill(category),
    polls: () => [],
    metadata: bybitMetadata(venue, category),
    serverTime: { request: { endpoint: "rest", path: "/v5/market/time", weight: 1 }, read: readServerTime },
    restProblem,
    budget: { sharedAs: "bybit", weight: 600, windowMs: WINDOW_MS, usedHeader: undefined, connects: CONNECTS },
  };
}
