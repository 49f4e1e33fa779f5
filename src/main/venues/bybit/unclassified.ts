// What frames are that belong to no stream: answers to requests, pongs, JSON that no rule knows, junk. Counted, never events.
import type { Decode, DecodeOutcome, VenueId } from "../../../shared/market.ts";
import { PAYLOAD_BYTES_MAX } from "./decode.ts";
import { createRoute } from "./route.ts";

const ACKNOWLEDGEMENT: DecodeOutcome = Object.freeze({ kind: "ignored", why: "acknowledgement" });
const HEARTBEAT: DecodeOutcome = Object.freeze({ kind: "ignored", why: "heartbeat" });
const UNHANDLED: DecodeOutcome = Object.freeze({ kind: "ignored", why: "unhandled" });

const utf8 = new TextDecoder("utf-8", { fatal: true });

function isJson(payload: Uint8Array): boolean {
  try {
    JSON.parse(utf8.decode(payload));
    return true;
  } catch {
    return false;
  }
}

/** For the venue's stream of unrouted frames. JSON without a rule is data that no decoder reads; anything else is out of contract. */
export function unclassifiedDecoder(venue: VenueId): Decode {
  const route = createRoute(venue);
  return (payload, { stream, source }) => {
    // Only a socket's frames answer requests.
    const kind = source === "ws" ? route(payload).kind : "unknown";
    if (kind === "acknowledgement") return ACKNOWLEDGEMENT;
    if (kind === "heartbeat") return HEARTBEAT;
    if (payload.length > PAYLOAD_BYTES_MAX) {
      return { kind: "refused", code: "too-large", detail: `${stream.streamId}: ${payload.length} bytes that no rule could route` };
    }
    if (isJson(payload)) return UNHANDLED;
    return { kind: "refused", code: "malformed-json", detail: `${stream.streamId}: ${payload.length} bytes that are no JSON` };
  };
}
