// Requests by socket as OKX answers them: one answer per argument, text pings, and 480 subscriptions an hour.
import type { VenueCore } from "../dialect.ts";
import type { WireSession } from "../session.ts";
import type { StreamState } from "../stream.ts";
import { streamKey } from "./stream-key.ts";

const OPERATIONS_PER_HOUR_MAX = 480;
const HOUR_MS = 3_600_000;

interface Context {
  readonly core: VenueCore;
  /** This address has the channel. */
  carries(stream: StreamState): boolean;
  flooded(detail: string): void;
  subscribed(stream: StreamState): void;
}

export function connectionId(session: WireSession): string {
  return session.name.replace("session-", "a4d3ae");
}

export function answerRequest(context: Context, session: WireSession, text: string, nowMs: number): void {
  if (text === "ping") {
    session.answer("pong");
    return;
  }
  let request: unknown;
  try {
    request = JSON.parse(text);
  } catch {
    request = undefined;
  }
  const { op, args, id } = (typeof request === "object" && request !== null ? request : {}) as { op?: unknown; args?: unknown; id?: unknown };
  const named = typeof id === "string" ? { id } : {};
  if ((op !== "subscribe" && op !== "unsubscribe") || !Array.isArray(args) || args.length === 0) {
    refuse(session, named, "60012", `Invalid request: ${text.slice(0, 300)}`);
    return;
  }
  for (const argument of args as readonly unknown[]) {
    if (isTooMany(session, nowMs)) {
      context.flooded(`more than ${OPERATIONS_PER_HOUR_MAX} subscriptions in an hour`);
      refuse(session, named, "60014", "Requests too frequent");
      return;
    }
    change(context, session, op, argument, named);
  }
}

function isTooMany(session: WireSession, nowMs: number): boolean {
  if (nowMs - session.requestsSinceMs >= HOUR_MS) {
    session.requestsSinceMs = nowMs;
    session.requests = 0;
  }
  session.requests += 1;
  return session.requests > OPERATIONS_PER_HOUR_MAX;
}

function change(context: Context, session: WireSession, op: "subscribe" | "unsubscribe", argument: unknown, named: { readonly id?: string }): void {
  const { core } = context;
  const { channel, instId } = (typeof argument === "object" && argument !== null ? argument : {}) as { channel?: unknown; instId?: unknown };
  const stream = typeof channel === "string" && typeof instId === "string" ? core.streamOf(streamKey(channel, instId)) : undefined;
  if (stream === undefined || !core.alive(stream.symbol) || !context.carries(stream)) {
    refuse(session, named, "60018", `Wrong URL or channel:${String(channel)},instId:${String(instId)} doesn't exist. Please use the correct URL, channel and parameters referring to API document.`);
    return;
  }
  session.answer(JSON.stringify({ ...named, event: op, arg: { channel, instId }, connId: connectionId(session) }));
  if (op === "unsubscribe") core.unsubscribe(session, stream);
  else if (!session.subscriptions.has(stream.key)) {
    core.subscribe(session, stream);
    context.subscribed(stream);
  }
}

function refuse(session: WireSession, named: { readonly id?: string }, code: string, msg: string): void {
  session.answer(JSON.stringify({ ...named, event: "error", code, msg, connId: connectionId(session) }));
}
