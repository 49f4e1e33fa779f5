// Requests by socket as Binance answers them: subscribe, unsubscribe, properties; and its limit of ten a second.
import type { WireSession } from "../session.ts";

export const STREAMS_PER_CONNECTION_MAX = 1_024;
/** Incoming messages per second before the venue closes the connection. */
const REQUESTS_PER_SECOND_MAX = 10;

interface Subscriber {
  subscribe(session: WireSession, name: string): void;
  unsubscribe(session: WireSession, name: string): void;
}

/** Counts one request; true when it is one too many within a second. */
export function floods(session: WireSession, nowMs: number): boolean {
  if (nowMs - session.requestsSinceMs >= 1_000) {
    session.requestsSinceMs = nowMs;
    session.requests = 0;
  }
  session.requests += 1;
  return session.requests > REQUESTS_PER_SECOND_MAX;
}

export function answerRequest(venue: Subscriber, session: WireSession, text: string): string {
  let request: unknown;
  try {
    request = JSON.parse(text);
  } catch {
    return refusal(3, "Invalid JSON: expected value at line 1 column 1");
  }
  if (typeof request !== "object" || request === null || Array.isArray(request)) return refusal(2, "Invalid request: request must be an object");
  const { method, params, id } = request as { method?: unknown; params?: unknown; id?: unknown };
  if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0) return refusal(2, "Invalid request: request ID must be an unsigned integer");
  switch (method) {
    case "SUBSCRIBE":
    case "UNSUBSCRIBE":
      return change(venue, session, method, params, id);
    case "LIST_SUBSCRIPTIONS":
      return JSON.stringify({ result: [...session.subscriptions], id });
    case "GET_PROPERTY":
      return JSON.stringify({ result: session.combined, id });
    case "SET_PROPERTY":
      return setProperty(session, params, id);
    default:
      return refusal(2, `Invalid request: unknown variant \`${String(method)}\`, expected one of \`SUBSCRIBE\`, \`UNSUBSCRIBE\`, \`LIST_SUBSCRIPTIONS\`, \`SET_PROPERTY\`, \`GET_PROPERTY\``, id);
  }
}

function change(venue: Subscriber, session: WireSession, method: "SUBSCRIBE" | "UNSUBSCRIBE", params: unknown, id: number): string {
  if (!Array.isArray(params)) return refusal(2, "Invalid request: missing field `params`", id);
  const streams: string[] = [];
  for (const stream of params as readonly unknown[]) {
    if (typeof stream !== "string") return refusal(2, "Invalid request: invalid type: params must be strings", id);
    streams.push(stream);
  }
  if (method === "UNSUBSCRIBE") {
    for (const stream of streams) venue.unsubscribe(session, stream);
  } else {
    if (session.subscriptions.size + streams.length > STREAMS_PER_CONNECTION_MAX) {
      return refusal(2, `Invalid request: more than ${STREAMS_PER_CONNECTION_MAX} streams on one connection`, id);
    }
    for (const stream of streams) venue.subscribe(session, stream);
  }
  return `{"result":null,"id":${id}}`;
}

function setProperty(session: WireSession, params: unknown, id: number): string {
  const [name, value] = Array.isArray(params) ? (params as readonly unknown[]) : [];
  if (name !== "combined") return refusal(0, "Unknown property", id);
  if (typeof value !== "boolean") return refusal(1, "Invalid value type: expected Boolean", id);
  session.combined = value;
  return `{"result":null,"id":${id}}`;
}

function refusal(code: number, msg: string, id?: number): string {
  return JSON.stringify(id === undefined ? { error: { code, msg } } : { error: { code, msg }, id });
}
