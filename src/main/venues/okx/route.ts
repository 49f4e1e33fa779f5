// Which stream an OKX frame belongs to and when it happened, by a scan of its bytes. Decides nothing about contents.
import { type StreamRef, streamRef, type VenueId } from "../../../shared/market.ts";
import { nsFromMs } from "../../../shared/time.ts";
import type { Routed } from "../adapter.ts";
import { ascii, NameCache } from "../bytes.ts";
import { BETWEEN_NAMES, CHANNEL_FROM, type Head, readHead, scanTime } from "./envelope.ts";
import { instrumentOf, isOkxVenue, renamedTo } from "./instruments.ts";
import { PAYLOAD_BYTES_MAX } from "./limits.ts";

/** Names that are remembered, so that hostile names cannot fill the memory. */
const NAMES_MAX = 4_096;
/** In the year 2262: the log's times are 63 bits of ns. */
const LOGGABLE_MS_MAX = 9_223_372_036_854;
const PONG = [0x70, 0x6f, 0x6e, 0x67];
const CLOSING_SOON = "64008";

function unknown(detail: string): Routed {
  return { kind: "unknown", detail };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function eventNs(ms: number | undefined): bigint {
  return ms === undefined || ms > LOGGABLE_MS_MAX ? 0n : nsFromMs(ms);
}

/** What the venue says of a stream that it does not know, with the new name where the instrument has one. */
function errorDetail(code: string, said: string): string {
  const instId = /instId:\s*([A-Z0-9-]{1,64})/.exec(said)?.[1];
  const symbol = instId === undefined ? undefined : instrumentOf(instId)?.symbol;
  const renamed = symbol === undefined ? undefined : renamedTo(symbol);
  const hint = renamed === undefined ? "" : ` (${symbol ?? ""} was renamed: record ${renamed} instead)`;
  return `${code} ${said}`.trim().slice(0, 320) + hint;
}

function routeEvent(message: Record<string, unknown>): Routed {
  const id = textOf(message["id"]);
  const code = textOf(message["code"]);
  switch (message["event"]) {
    case "subscribe":
    case "unsubscribe":
      return { kind: "acknowledgement", id, ok: true, detail: "" };
    case "error":
      return { kind: "acknowledgement", id, ok: false, detail: errorDetail(code, textOf(message["msg"])) };
    case "notice":
      return code === CLOSING_SOON
        ? { kind: "rotate", detail: `the venue closes this connection in 60 s (${CLOSING_SOON})` }
        : unknown(`notice ${code} ${textOf(message["msg"])}`.slice(0, 400));
    case "channel-conn-count":
      return { kind: "heartbeat" };
    default:
      return unknown(`an event of an unknown kind: ${JSON.stringify(textOf(message["event"]).slice(0, 80))}`);
  }
}

/** The time of the first item of a parsed push. */
function parsedTime(message: Record<string, unknown>): number | undefined {
  const data = message["data"];
  const first: unknown = Array.isArray(data) ? data[0] : undefined;
  const ts = isObject(first) ? first["ts"] : undefined;
  return typeof ts === "string" && /^\d{1,15}$/.test(ts) ? Number(ts) : undefined;
}

/**
 * Routes frames by the instrument that they name. `venues`: the products to take; frames of another one are `unknown` (a
 * recorder subscribes to one product, an import may hold both). The memory of names is a cache, nothing else.
 */
export function createOkxRoute(venues: readonly VenueId[]): (payload: Uint8Array) => Routed {
  const known = new Map<string, StreamRef>();
  const head: Head = { channelUntil: 0, instIdFrom: 0, instIdUntil: 0, argEnd: 0 };

  function streamOf(channel: string, instId: string): StreamRef | undefined {
    const name = `${channel}\n${instId}`;
    const cached = known.get(name);
    if (cached !== undefined) return cached;
    const instrument = instrumentOf(instId);
    if (instrument === undefined || !/^[a-z0-9-]{1,64}$/i.test(channel)) return undefined;
    // An index is named like a spot pair. It is the swap's index wherever swaps are taken.
    const venue = channel === "index-tickers" && instrument.venue === "okx-spot" && venues.includes("okx-swap") ? "okx-swap" : instrument.venue;
    if (!isOkxVenue(venue) || !venues.includes(venue)) return undefined;
    const stream = streamRef(venue, instrument.symbol, channel);
    if (known.size < NAMES_MAX) known.set(name, stream);
    return stream;
  }

  function noStream(channel: string, instId: string): Routed {
    return unknown(`no stream of ${venues.join(" or ")}: ${JSON.stringify(channel.slice(0, 80))} of ${JSON.stringify(instId.slice(0, 80))}`);
  }

  function routeParsed(payload: Uint8Array): Routed {
    if (payload.length === PONG.length && PONG.every((code, index) => payload[index] === code)) return { kind: "heartbeat" };
    if (payload.length > PAYLOAD_BYTES_MAX) return unknown(`${payload.length} bytes without a readable envelope`);
    let message: unknown;
    try {
      message = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    } catch (error) {
      return unknown(`no JSON: ${error instanceof Error ? error.message.slice(0, 200) : "unreadable"}`);
    }
    if (!isObject(message)) return unknown("not one JSON object");
    if (Object.hasOwn(message, "event")) return routeEvent(message);
    const arg = message["arg"];
    const channel = isObject(arg) ? arg["channel"] : undefined;
    const instId = isObject(arg) ? arg["instId"] : undefined;
    if (typeof channel !== "string" || typeof instId !== "string") return unknown("neither a push of one instrument nor an event");
    if (!Object.hasOwn(message, "data")) return unknown("a push without data");
    const stream = streamOf(channel, instId);
    return stream === undefined ? noStream(channel, instId) : { kind: "data", stream, eventNs: eventNs(parsedTime(message)) };
  }

  /** By the bytes from the channel's name to the instrument's. */
  const named = new NameCache((text) => {
    const [channel, instId] = text.split(BETWEEN_NAMES);
    return channel === undefined || instId === undefined ? undefined : streamOf(channel, instId);
  });

  return (payload) => {
    // Behind the plain head comes `,"data":[` or `,"action":…`; an acknowledgement with `arg` first would end or say `event` here.
    if (!readHead(payload, head) || payload[head.argEnd + 2] === 0x65) return routeParsed(payload);
    const stream = named.get(payload, CHANNEL_FROM, head.instIdUntil);
    return stream === undefined ? noStream(ascii(payload, CHANNEL_FROM, head.channelUntil), ascii(payload, head.instIdFrom, head.instIdUntil)) : { kind: "data", stream, eventNs: eventNs(scanTime(payload, head.argEnd)) };
  };
}
