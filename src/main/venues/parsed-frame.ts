// A frame of a venue whose streams nothing decodes yet, parsed only to learn whose it is. Slow and plain: for imports, and for the rare frame that no rule routes.
import { streamRef, type Decode, type DecodeOutcome, type StreamRef, type VenueId } from "../../shared/market.ts";
import type { Routed } from "./adapter.ts";

/** Frames beyond this are stored and not looked into. */
export const FRAME_BYTES_MAX = 16 * 1_048_576;
const CHANNEL = /^[A-Za-z0-9_-]{1,40}$/;
const PRODUCT = /^[A-Za-z0-9._/-]{1,64}$/;

export type Members = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Undefined: no JSON, or too much of it. */
export function parseFrame(payload: Uint8Array): unknown {
  if (payload.length > FRAME_BYTES_MAX) return undefined;
  try {
    return JSON.parse(utf8.decode(payload));
  } catch {
    return undefined; // The caller says `unknown`: the bytes are stored all the same.
  }
}

/** `XMR/USD` is `XMR-USD` here: a symbol is part of file paths and of stream ids. Undefined: these are no names. */
export function streamOf(venue: VenueId, product: unknown, channel: unknown): StreamRef | undefined {
  if (typeof product !== "string" || typeof channel !== "string" || !PRODUCT.test(product) || !CHANNEL.test(channel)) return undefined;
  return streamRef(venue, product.toUpperCase().replaceAll("/", "-"), channel);
}

const ACKNOWLEDGEMENT: DecodeOutcome = Object.freeze({ kind: "ignored", why: "acknowledgement" });
const HEARTBEAT: DecodeOutcome = Object.freeze({ kind: "ignored", why: "heartbeat" });
const UNHANDLED: DecodeOutcome = Object.freeze({ kind: "ignored", why: "unhandled" });

/** For frames of no stream: answers and heartbeats are told apart from data that nobody reads; what is no JSON is out of contract. */
export function unroutedDecoder(route: (payload: Uint8Array) => Routed): Decode {
  return (payload, { stream, source }) => {
    const kind = source === "ws" ? route(payload).kind : "unknown";
    if (kind === "acknowledgement") return ACKNOWLEDGEMENT;
    if (kind === "heartbeat") return HEARTBEAT;
    if (payload.length > FRAME_BYTES_MAX) return { kind: "refused", code: "too-large", detail: `${stream.streamId}: ${payload.length} bytes that no rule could route` };
    return parseFrame(payload) === undefined ? { kind: "refused", code: "malformed-json", detail: `${stream.streamId}: ${payload.length} bytes that are no JSON` } : UNHANDLED;
  };
}
