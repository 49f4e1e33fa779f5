// Asks REST on a schedule for what no socket brings (open interest). Bodies go to the log as they came.
import type { StreamRef } from "../../shared/market.ts";
import type { RestPoll } from "./adapter.ts";
import type { BackfillerOptions } from "./backfiller.ts";
import { BUDGET_SHARE } from "./rate-budget.ts";

export interface PollerListener {
  onPolled(stream: StreamRef, recvNs: bigint, eventNs: bigint, body: Uint8Array): void;
  onPollFailed(stream: StreamRef, detail: string): void;
  /** The venue does not know this symbol (any more). */
  onDeadSymbol(symbol: string, detail: string): void;
}

/** A request series as the backfiller's, and who is told. */
export interface PollerOptions extends BackfillerOptions {
  readonly listener: PollerListener;
}

/** After a failure the next try comes this soon, however seldom the poll is. */
const FAILED_EVERY_MS = 60_000;
/** A symbol the venue does not know is asked for this seldom, in case it comes back. */
const DEAD_EVERY_MS = 600_000;

export class Poller {
  readonly #options: PollerOptions;
  readonly #cancels = new Map<RestPoll, () => void>();

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  start(polls: readonly RestPoll[]): void {
    // Spread over the period, so that a hundred symbols are no burst.
    for (const poll of polls) this.#schedule(poll, (poll.firstWithinMs ?? poll.everyMs * 0.2) * this.#options.random.next());
  }

  stop(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }

  #schedule(poll: RestPoll, ms: number): void {
    if (this.#options.signal.aborted) return;
    this.#cancels.set(poll, this.#options.timers.after(ms, () => {
      void this.#poll(poll).then((nextMs) => {
        this.#schedule(poll, nextMs);
      });
    }));
  }

  /** Answers when to ask again. */
  async #poll(poll: RestPoll): Promise<number> {
    const { adapter, budget, outbox, clock, http, endpoints, settings, signal, listener, connection } = this.#options;
    const { stream, request, everyMs } = poll;
    const soonMs = Math.min(everyMs, FAILED_EVERY_MS);
    // A value asked for late is as good as the next one: no queue builds up behind a ban or a full log.
    if (outbox.isBlocked || budget.block !== undefined) return soonMs;
    if (!(await budget.take(request.weight, BUDGET_SHARE.routine))) return soonMs;
    const answer = await http.get(`${endpoints[request.endpoint] ?? ""}${request.path}`, { timeoutMs: settings.httpMs, signal });
    if (!answer.ok) {
      if (answer.fault.code !== "net.cancelled") listener.onPollFailed(stream, answer.fault.message);
      return soonMs;
    }
    budget.observe(answer.value.headers);
    const problem = adapter.restProblem(answer.value.status, answer.value.headers, answer.value.body);
    if (problem?.kind === "rate-limited" || problem?.kind === "banned") {
      budget.stopFor(problem.kind, problem.retryAfterMs ?? adapter.budget.windowMs, problem.detail);
    }
    if (problem?.kind === "dead-symbol") {
      listener.onDeadSymbol(stream.symbol, problem.detail);
      return Math.max(everyMs, DEAD_EVERY_MS);
    }
    if (problem !== undefined) {
      listener.onPollFailed(stream, problem.detail);
      return soonMs;
    }
    const recvNs = clock.wallNs();
    const routed = adapter.route(answer.value.body);
    const eventNs = routed.kind === "data" ? routed.eventNs : 0n;
    outbox.push({ stream, source: "rest_poll", connection, recvNs, eventNs, payload: answer.value.body });
    listener.onPolled(stream, recvNs, eventNs, answer.value.body);
    return everyMs;
  }
}
