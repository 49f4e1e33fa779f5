// Which stream a Kraken frame belongs to: spot v1 (arrays that end with channel and pair) and futures v1 (`feed`, `product_id`).
import { nsFromMs } from "../../../shared/time.ts";
import type { Routed } from "../adapter.ts";
import { isObject, parseFrame, streamOf, type Members } from "../parsed-frame.ts";
import { nsFromSeconds } from "../utc-text.ts";

/** Plausible epoch ms: 2010 … 2262. */
const MS_FROM = 1_262_304_000_000;
const MS_UNTIL = 9_223_372_036_854;

function unknown(detail: string): Routed {
  return { kind: "unknown", detail };
}

const ACKNOWLEDGED: Routed = { kind: "acknowledgement", id: "", ok: true, detail: "" };

/** The first item of a list with a time in this place. */
function timeAt(list: unknown, place: number): bigint {
  const first: unknown = Array.isArray(list) ? list[0] : undefined;
  return Array.isArray(first) ? nsFromSeconds(first[place]) : 0n;
}

function spotTime(channel: string, content: unknown): bigint {
  if (channel === "trade") return timeAt(content, 2);
  if (channel === "spread") return Array.isArray(content) ? nsFromSeconds(content[2]) : 0n;
  if (channel.startsWith("ohlc")) return Array.isArray(content) ? nsFromSeconds(content[0]) : 0n;
  if (!channel.startsWith("book") || !isObject(content)) return 0n;
  return timeAt(content["a"] ?? content["b"], 2);
}

/** `[channelId, content …, "trade", "XBT/USD"]` */
function spotArray(frame: readonly unknown[]): Routed {
  const [channel, pair] = frame.slice(-2);
  const stream = streamOf("kraken-spot", pair, channel);
  return stream === undefined ? unknown("an array without channel and pair") : { kind: "data", stream, eventNs: spotTime(stream.channel, frame[1]) };
}

function answer(event: unknown, frame: Members): Routed {
  if (event === "heartbeat" || event === "pong") return { kind: "heartbeat" };
  if (event === "subscriptionStatus" && frame["status"] === "error") {
    const said = frame["errorMessage"];
    return { kind: "acknowledgement", id: "", ok: false, detail: typeof said === "string" ? said.slice(0, 400) : "error" };
  }
  return ACKNOWLEDGED;
}

export function routeKrakenSpot(payload: Uint8Array): Routed {
  const frame = parseFrame(payload);
  if (Array.isArray(frame)) return spotArray(frame);
  if (!isObject(frame)) return unknown("neither an array nor an object");
  return typeof frame["event"] === "string" ? answer(frame["event"], frame) : unknown("an object without event");
}

export function routeKrakenFutures(payload: Uint8Array): Routed {
  const frame = parseFrame(payload);
  if (!isObject(frame)) return unknown("not one JSON object");
  if (typeof frame["event"] === "string") return answer(frame["event"], frame);
  const stream = streamOf("kraken-futures", frame["product_id"], frame["feed"]);
  if (stream === undefined) return unknown("neither a push nor an answer");
  const ms = frame["timestamp"] ?? frame["time"];
  const isTime = typeof ms === "number" && Number.isSafeInteger(ms) && ms >= MS_FROM && ms < MS_UNTIL;
  return { kind: "data", stream, eventNs: isTime ? nsFromMs(ms) : 0n };
}
