// Which stream a Binance frame belongs to and when it happened, by a scan of its first bytes. Decides nothing about contents.
import { type StreamRef, streamRef, type VenueId } from "../../../shared/market.ts";
import { nsFromMs } from "../../../shared/time.ts";
import type { Routed } from "../adapter.ts";
import { PAYLOAD_BYTES_MAX } from "./decode.ts";
import { ascii, NameCache } from "../bytes.ts";
import { dataStart, STREAM_NAME_START, streamNameEnd } from "./envelope.ts";
import { loadFields, scanFields, wholeIfAny } from "./fields.ts";

const E = 0x45;
const T = 0x54;
/** In the year 2262. */
const LOGGABLE_MS_MAX = 9_223_372_036_854;
/** In a mark price, T is the next funding time. */
const TIMED_BY_E: ReadonlySet<string> = new Set(["markPrice"]);

/** Event names of bare payloads, where no envelope names the stream. */
const CHANNEL_OF_EVENT: Readonly<Record<string, string>> = {
  aggTrade: "aggTrade", trade: "trade", bookTicker: "bookTicker", markPriceUpdate: "markPrice", depthUpdate: "depth",
  "24hrTicker": "ticker", forceOrder: "forceOrder",
};

function eventNs(channel: string): bigint {
  return loggableNs((TIMED_BY_E.has(channel) ? undefined : wholeIfAny(T)) ?? wholeIfAny(E));
}

/** The log's times are 63 bits of ns. A time beyond them is none: the bytes say it all the same, and must not stop the recorder. */
function loggableNs(ms: number | undefined): bigint {
  return ms === undefined || ms > LOGGABLE_MS_MAX ? 0n : nsFromMs(ms);
}

function unknown(detail: string): Routed {
  return { kind: "unknown", detail };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function answer(message: Record<string, unknown>): Routed | undefined {
  const id = textOf(message["id"]);
  const error = isObject(message["error"]) ? message["error"] : Object.hasOwn(message, "code") ? message : undefined;
  if (error !== undefined && Object.hasOwn(error, "msg")) {
    return { kind: "acknowledgement", id, ok: false, detail: `${textOf(error["code"])} ${textOf(error["msg"])}`.trim().slice(0, 400) };
  }
  return Object.hasOwn(message, "result") && id !== "" ? { kind: "acknowledgement", id, ok: true, detail: "" } : undefined;
}

/** Routes frames of one venue. The memory of names is a cache, nothing else. */
export function createRoute(venue: VenueId): (payload: Uint8Array) => Routed {
  function streamOf(name: string): StreamRef | undefined {
    const match = /^([^@!]{1,64})@([^@]{1,64})(?:@[^@]{1,32})?$/.exec(name);
    if (match === null) return undefined;
    return streamRef(venue, (match[1] ?? "").toUpperCase(), match[2] ?? "");
  }
  const named = new NameCache(streamOf);

  function data(stream: StreamRef): Routed {
    return { kind: "data", stream, eventNs: eventNs(stream.channel) };
  }

  /** A payload without envelope: its own members say what it is. */
  function routeBare(message: Record<string, unknown>): Routed {
    const answered = answer(message);
    if (answered !== undefined) return answered;
    const { e, s, symbol, time } = message;
    if (e === "serverShutdown") return { kind: "rotate", detail: "the venue announced that it closes this connection" };
    if (typeof symbol === "string" && Object.hasOwn(message, "openInterest")) {
      const ms = typeof time === "number" && Number.isSafeInteger(time) && time >= 0 ? time : undefined;
      return { kind: "data", stream: streamRef(venue, symbol.toUpperCase(), "openInterest"), eventNs: loggableNs(ms) };
    }
    const channel = typeof e === "string" && Object.hasOwn(CHANNEL_OF_EVENT, e) ? CHANNEL_OF_EVENT[e] : undefined;
    if (channel === undefined || typeof s !== "string" || s === "") return unknown("neither an envelope nor a known message");
    loadFields(message);
    return data(streamRef(venue, s.toUpperCase(), channel));
  }

  function routeParsed(payload: Uint8Array): Routed {
    if (payload.length > PAYLOAD_BYTES_MAX) return unknown(`${payload.length} bytes without a readable envelope`);
    let message: unknown;
    try {
      message = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    } catch (error) {
      return unknown(`no JSON: ${error instanceof Error ? error.message.slice(0, 200) : "unreadable"}`);
    }
    if (!isObject(message)) return unknown("not one JSON object");
    const name = message["stream"];
    if (typeof name !== "string") return routeBare(message);
    const stream = named.of(name);
    if (stream === undefined) return unknown(`no stream of one symbol: ${JSON.stringify(name.slice(0, 80))}`);
    loadFields(isObject(message["data"]) ? message["data"] : {});
    return data(stream);
  }

  return (payload) => {
    const nameEnd = streamNameEnd(payload);
    if (nameEnd < 0) return routeParsed(payload);
    const stream = named.get(payload, STREAM_NAME_START, nameEnd);
    if (stream === undefined) return unknown(`no stream of one symbol: ${JSON.stringify(ascii(payload, STREAM_NAME_START, nameEnd))}`);
    // What follows E and T does not matter here: arrays of a book stop the scan, and the times are read already.
    scanFields(payload, dataStart(nameEnd));
    return data(stream);
  };
}
