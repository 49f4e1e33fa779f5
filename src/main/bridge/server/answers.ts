// What the server answers: reads journals, writes nothing. Sizes are capped here, so that no answer outgrows a frame.
import { FaultError, unreachable, type Clock } from "../../../shared/base.ts";
import { entryMs, streamName, type History, type SequencedEntry, type StreamKey } from "../model.ts";
import { BACKFILL_LIMIT_MAX, SCHEMA_VERSION, type Answer, type Refusal, type RefusalCode, type Request } from "../wire/messages.ts";
import type { Client } from "./clients.ts";
import { fitting, type StreamOutput } from "./stream-output.ts";
import type { SequenceJournals, ServerLimits, StreamState } from "./types.ts";

type Of<Type extends Request["type"]> = Request & { readonly type: Type };
type AnswerOf<Type extends Answer["type"]> = Answer & { readonly type: Type };

/** One answer holds the event loop for about ten milliseconds: reading back takes 6 µs per entry, encoding 3. Publishing waits so long. */
export const BACKFILL_ENTRIES_AT_ONCE = 1_000;
/** Below this many entries it is better to wait for tokens than to answer. */
const BACKFILL_ENTRIES_MIN = 100;
/** Advice to resync, per stream and client. */
export const ADVISE_EVERY_MS = 5_000;
/** Of one report; the next one brings the others. */
const ADVICE_PER_REPORT_MAX = 64;

export interface AnswersOptions {
  readonly journals: SequenceJournals;
  readonly outputs: ReadonlyMap<string, StreamOutput>;
  readonly clock: Clock;
  readonly limits: ServerLimits;
  readonly version: string;
  readonly pubPort: number;
  readonly heartbeatMs: number;
  readonly startedMs: number;
  health(): { readonly status: "GREEN" | "AMBER" | "RED"; readonly detail: string };
  clients(): number;
}

export function refusal(code: RefusalCode, detail: string, retryAfterMs = 0): Refusal {
  return { code, detail, retryAfterMs, supportedVersion: SCHEMA_VERSION };
}

export function busy(detail: string, retryAfterMs: number): Refusal {
  return refusal("BUSY", `${detail}: ask again in ${retryAfterMs} ms`, retryAfterMs);
}

const NOTHING = { firstSequence: 1, latestSequence: 0, latestMs: 0 };

export class Answers {
  readonly #options: AnswersOptions;

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  get #history(): History {
    return this.#options.journals.history;
  }

  answer(client: Client, request: Of<"subscribe" | "get_cursor" | "list_streams" | "health">, nowMs: number): Answer {
    switch (request.type) {
      case "subscribe":
        return this.#subscribe(client, request);
      case "get_cursor":
        return this.#cursor(request);
      case "list_streams":
        return this.#list();
      case "health":
        return this.#health(nowMs);
      default:
        return unreachable(request);
    }
  }

  #subscribe(client: Client, { key, fromSequence, historyId }: Of<"subscribe">): Answer {
    const state = this.#options.journals.state(key);
    const refused = this.#refusedRange(key, state, historyId, fromSequence);
    // It begins anew with this stream: what it reported before says nothing any more.
    client.applied.delete(streamName(key));
    const { firstSequence, latestSequence } = state ?? NOTHING;
    return {
      type: "subscribe_ack", accepted: refused === undefined, key, history: this.#history,
      heartbeatMs: this.#options.heartbeatMs, firstSequence, latestSequence, refusal: refused,
    };
  }

  /** Why entries after `from` cannot be given, if they cannot. */
  #refusedRange(key: StreamKey, state: StreamState | undefined, historyId: string | undefined, from: number | undefined): Refusal | undefined {
    const stream = streamName(key);
    if (state === undefined) return refusal("UNKNOWN_STREAM", `${stream} is not served here: list_streams tells what is`);
    if (historyId !== undefined && historyId !== this.#history.historyId) {
      return refusal("OTHER_HISTORY", `sequences of history ${historyId.slice(0, 16)} were named, ${this.#history.historyId.slice(0, 16)} is served: begin anew`);
    }
    if (from === undefined) return undefined;
    if (!Number.isSafeInteger(from) || from < 0) return refusal("MALFORMED", `${from} is no sequence`);
    if (from > state.latestSequence) return refusal("BEYOND_LATEST", `${stream}: entries after ${from} were asked for, ${state.latestSequence} is the latest`);
    if (from + 1 < state.firstSequence) return refusal("RETENTION_EXCEEDED", `${stream}: entries after ${from} were asked for, ${state.firstSequence} is the oldest that is kept`);
    return undefined;
  }

  #cursor({ key }: Of<"get_cursor">): Answer {
    const state = this.#options.journals.state(key);
    const { firstSequence, latestSequence, latestMs } = state ?? NOTHING;
    return { type: "cursor", key, firstSequence, latestSequence, latestMs, history: this.#history, refusal: this.#refusedRange(key, state, undefined, undefined) };
  }

  #list(): Answer {
    const streams = this.#options.journals.streams.map((key) => {
      const { firstSequence, latestSequence, latestMs } = this.#options.journals.state(key) ?? NOTHING;
      return { key, firstSequence, latestSequence, latestMs };
    });
    return { type: "streams", history: this.#history, streams, refusal: undefined };
  }

  #health(nowMs: number): Answer {
    const { journals, clock, version, pubPort, startedMs } = this.#options;
    return {
      type: "health", serverVersion: version, history: this.#history, uptimeMs: Math.floor(nowMs - startedMs), streams: journals.streams.length,
      clients: this.#options.clients(), ...this.#options.health(), nowNs: clock.wallNs(), pubPort,
    };
  }

  // ── Backfill ───────────────────────────────────────────────────────────────

  /** Faults: the journals', except that retention may overtake the request. */
  async backfill(client: Client, request: Of<"backfill">, nowMs: number): Promise<AnswerOf<"backfill_response">> {
    const { key, historyId, fromSequenceExclusive } = request;
    const state = this.#options.journals.state(key);
    const refused = this.#refusedRange(key, state, historyId, fromSequenceExclusive);
    if (refused !== undefined || state === undefined) return this.#backfilled(key, [], { refused, isCut: false });
    const after = fromSequenceExclusive ?? state.firstSequence - 1;
    const wanted = Math.min(request.limit <= 0 ? BACKFILL_LIMIT_MAX : request.limit, BACKFILL_ENTRIES_AT_ONCE, state.latestSequence - after);
    const least = Math.min(wanted, BACKFILL_ENTRIES_MIN, this.#options.limits.entriesPerSecond);
    const granted = Math.min(wanted, Math.floor(client.entryTokens.available(nowMs)));
    if (granted < least) {
      return this.#backfilled(key, [], { refused: busy("too many entries were asked for", client.entryTokens.waitMs(least, nowMs)), isCut: false });
    }
    client.entryTokens.take(granted, nowMs);
    const answer = await this.#read(request, after, granted);
    client.entryTokens.giveBack(granted - answer.entries.length);
    return answer;
  }

  async #read({ key, endMs }: Of<"backfill">, after: number, limit: number): Promise<AnswerOf<"backfill_response">> {
    let read: readonly SequencedEntry[];
    try {
      read = await this.#options.journals.read(key, after, limit);
    } catch (error) {
      if (!(error instanceof FaultError) || error.fault.code !== "bridge.retention") throw error;
      return this.#backfilled(key, [], { refused: refusal("RETENTION_EXCEEDED", error.fault.message), isCut: false });
    }
    const late = endMs === undefined ? -1 : read.findIndex((entry) => entryMs(entry) >= endMs);
    const before = late < 0 ? read : read.slice(0, late);
    const count = fitting(before, 0, before.length);
    return this.#backfilled(key, before.slice(0, count), { refused: undefined, isCut: late >= 0 && count === before.length });
  }

  /** `isCut`: the next entry is not wanted (end_ts), so there is no more. */
  #backfilled(key: StreamKey, entries: readonly SequencedEntry[], { refused, isCut }: { refused: Refusal | undefined; isCut: boolean }): AnswerOf<"backfill_response"> {
    const { firstSequence, latestSequence } = this.#options.journals.state(key) ?? NOTHING;
    const last = entries.at(-1)?.sequence;
    const hasMore = last !== undefined && last < latestSequence && !isCut;
    return {
      type: "backfill_response", key, historyId: this.#history.historyId, mode: this.#history.mode, entries, hasMore,
      nextSequence: hasMore ? last + 1 : undefined, firstSequence, latestSequence, refusal: refused,
    };
  }

  // ── How far clients are ────────────────────────────────────────────────────

  /** Remembers what the client says of itself; what to advise it, if anything. */
  reported(client: Client, { historyId, applied }: Of<"report_applied">, nowMs: number): readonly AnswerOf<"resync_notice">[] {
    const advice: AnswerOf<"resync_notice">[] = [];
    // A report that names more streams than there are names some twice, or none of these.
    for (const { key, sequence } of applied.slice(0, this.#options.outputs.size)) {
      const output = this.#options.outputs.get(streamName(key));
      const state = this.#options.journals.state(key);
      if (output === undefined || state === undefined) continue;
      const known = client.applied.get(streamName(key)) ?? { sequence: 0, behind: 0, advisedMs: -Infinity };
      client.applied.set(streamName(key), known);
      const detail = this.#trouble({ known, sequence, output, state, isSameHistory: historyId === this.#history.historyId });
      if (detail === undefined || nowMs - known.advisedMs < ADVISE_EVERY_MS || advice.length >= ADVICE_PER_REPORT_MAX) continue;
      known.advisedMs = nowMs;
      client.resyncsAdvised += 1;
      advice.push({ type: "resync_notice", key, historyId: this.#history.historyId, latestSequence: output.latest, appliedSequence: sequence, detail });
    }
    return advice;
  }

  #trouble(of: {
    readonly known: { sequence: number; behind: number }; readonly sequence: number; readonly output: StreamOutput; readonly state: StreamState; readonly isSameHistory: boolean;
  }): string | undefined {
    const { known, sequence, output, state } = of;
    if (!of.isSameHistory) return "another history is served than the one that was reported: begin anew";
    if (sequence > state.latestSequence) return `sequence ${sequence} was reported, ${state.latestSequence} is the latest there is: begin anew`;
    // The most that was ever reported: a report that comes twice, or late, changes nothing.
    known.sequence = Math.max(known.sequence, sequence);
    known.behind = Math.max(0, output.latest - known.sequence);
    return known.behind > this.#options.limits.behindEntriesMax ? `${known.behind} entries behind, ${this.#options.limits.behindEntriesMax} are allowed: backfill` : undefined;
  }
}
