// Requests by socket as Bybit answers them: subscribe and unsubscribe in groups that fail as a whole, and ping.
import type { VenueCore } from "../dialect.ts";
import type { WireSession } from "../session.ts";
import type { StreamState } from "../stream.ts";

/** All topics of one connection together. */
const TOPIC_CHARACTERS_MAX = 21_000;

interface Context {
  readonly core: VenueCore;
  snapshot(session: WireSession, stream: StreamState): void;
}

function answer(session: WireSession, success: boolean, said: string, requestId: string, op: string): void {
  session.answer(JSON.stringify({ success, ret_msg: said, conn_id: connectionId(session), req_id: requestId, op }));
}

function connectionId(session: WireSession): string {
  return `d8bu1olkndm7crnfs1e0-${session.name}`;
}

export function answerRequest(context: Context, session: WireSession, text: string): void {
  let request: unknown;
  try {
    request = JSON.parse(text);
  } catch {
    request = undefined;
  }
  const { op, args, req_id: id } = (typeof request === "object" && request !== null ? request : {}) as { op?: unknown; args?: unknown; req_id?: unknown };
  const requestId = typeof id === "string" ? id : "";
  switch (op) {
    case "ping":
      answer(session, true, "pong", requestId, "ping");
      return;
    case "subscribe":
    case "unsubscribe":
      change(context, session, op, args, requestId);
      return;
    default:
      answer(session, false, `error:request op not supported,op:${String(op).slice(0, 80)}`, requestId, typeof op === "string" ? op.slice(0, 80) : "");
  }
}

/** One topic that nobody handles fails the whole request: that is why collectors subscribe in groups. */
function change(context: Context, session: WireSession, op: "subscribe" | "unsubscribe", args: unknown, requestId: string): void {
  const { core } = context;
  const topics = Array.isArray(args) ? (args as readonly unknown[]) : [];
  if (topics.length === 0) {
    answer(session, false, "error:args is empty", requestId, op);
    return;
  }
  const streams: StreamState[] = [];
  for (const topic of topics) {
    const stream = typeof topic === "string" ? core.streamOf(topic) : undefined;
    if (stream === undefined || !core.alive(stream.symbol)) {
      answer(session, false, `error:handler not found,topic:${String(topic).slice(0, 200)}`, requestId, op);
      return;
    }
    if (op === "subscribe" && session.subscriptions.has(stream.key)) {
      answer(session, false, `error:already subscribed,topic:${stream.key}`, requestId, op);
      return;
    }
    streams.push(stream);
  }
  const characters = [...session.subscriptions, ...streams.map(({ key }) => key)].reduce((sum, key) => sum + key.length, 0);
  if (op === "subscribe" && characters > TOPIC_CHARACTERS_MAX) {
    answer(session, false, "error:the length of args exceeds 21000 characters", requestId, op);
    return;
  }
  answer(session, true, "", requestId, op);
  for (const stream of streams) {
    if (op === "unsubscribe") core.unsubscribe(session, stream);
    else {
      core.subscribe(session, stream);
      context.snapshot(session, stream);
    }
  }
}
