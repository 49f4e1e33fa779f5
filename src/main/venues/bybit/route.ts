// Which stream a Bybit frame belongs to and when it happened, by a scan of its envelope. Decides nothing about contents.
import { type StreamRef, streamRef, type VenueId } from "../../../shared/market.ts";
import { nsFromMs } from "../../../shared/time.ts";
import type { Routed } from "../adapter.ts";
import { PAYLOAD_BYTES_MAX } from "./decode.ts";
import { NameCache } from "../bytes.ts";
import { envelope, firstItemTime, scanEnvelope } from "./envelope.ts";
import { isObject, type Members } from "./members.ts";

/** In the year 2262: the log's times are 63 bits of ns. */
const LOGGABLE_MS_MAX = 9_223_372_036_854;
const DETAIL_MAX = 400;

function unknown(detail: string): Routed {
  return { kind: "unknown", detail };
}

function wholeOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The member that carries a channel's event time, as its decoder reads it. */
function timeOf(channel: string, tsMs: number | undefined, ctsMs: number | undefined, itemMs: () => number | undefined): number | undefined {
  if (channel === "publicTrade" || channel === "allLiquidation") return itemMs();
  return channel.startsWith("orderbook.") ? ctsMs ?? tsMs : tsMs;
}

function data(stream: StreamRef, ms: number | undefined): Routed {
  return { kind: "data", stream, eventNs: ms === undefined || ms > LOGGABLE_MS_MAX ? 0n : nsFromMs(ms) };
}

/** Answers to requests. A pong also has `success`, so it is looked for first. */
function answer(message: Members): Routed | undefined {
  const { op, ret_msg: said, success, req_id: id } = message;
  if (op === "pong" || (op === "ping" && said === "pong")) return { kind: "heartbeat" };
  if (typeof success !== "boolean" || typeof op !== "string") return undefined;
  return { kind: "acknowledgement", id: textOf(id), ok: success, detail: success ? "" : textOf(said).slice(0, DETAIL_MAX) };
}

/** Routes frames of one product. The memory of names is a cache, nothing else. */
export function createRoute(venue: VenueId): (payload: Uint8Array) => Routed {
  /** `orderbook.1.BTCUSDT`: the symbol is what follows the last dot. */
  function streamOf(topic: string): StreamRef | undefined {
    const match = /^([A-Za-z_]{1,32}(?:\.[A-Za-z0-9]{1,16})?)\.([A-Z0-9-]{1,64})$/.exec(topic);
    if (match === null) return undefined;
    return streamRef(venue, match[2] ?? "", match[1] ?? "");
  }
  const named = new NameCache(streamOf);

  function routeParsed(payload: Uint8Array): Routed {
    if (payload.length > PAYLOAD_BYTES_MAX) return unknown(`${payload.length} bytes without a readable envelope`);
    let message: unknown;
    try {
      message = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    } catch (error) {
      return unknown(`no JSON: ${error instanceof Error ? error.message.slice(0, 200) : "unreadable"}`);
    }
    if (!isObject(message)) return unknown("not one JSON object");
    const { topic, ts, cts, data: content } = message;
    if (typeof topic !== "string") return answer(message) ?? unknown("neither a push nor an answer");
    const stream = named.of(topic);
    if (stream === undefined) return unknown(`no stream of one symbol: ${JSON.stringify(topic.slice(0, 80))}`);
    return data(stream, timeOf(stream.channel, wholeOf(ts), wholeOf(cts), () => {
      const first: unknown = Array.isArray(content) ? (content as readonly unknown[])[0] : undefined;
      return isObject(first) ? wholeOf(first["T"]) : undefined;
    }));
  }

  return (payload) => {
    if (!scanEnvelope(payload)) return routeParsed(payload);
    const stream = named.get(payload, envelope.topicStart, Math.min(envelope.topicEnd, envelope.topicStart + 128));
    if (stream === undefined) return unknown("no stream of one symbol");
    // A frame that is broken behind its topic still belongs to that stream, whose decoder refuses it.
    return data(stream, timeOf(stream.channel, envelope.tsMs, envelope.ctsMs, () => firstItemTime(payload)));
  };
}
