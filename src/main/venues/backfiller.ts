// Asks REST for missing ids: oldest gap first, bounded retries, within the budget. Every page is in the log before it is read.
// A repair is bracketed in the log: `backfill_begun` per attempt, and exactly one `backfill_done`, when it is over.
import type { Clock, Random, Result, StopSignal, Timers } from "../../shared/base.ts";
import type { HttpResponse, HttpTransport } from "../net/transport.ts";
import type { BackfillRange, Endpoints, IdRun, RestRequest, VenueAdapter } from "./adapter.ts";
import type { CollectorSettings } from "./collector-settings.ts";
import { countIds, withoutIds } from "./id-runs.ts";
import type { Outbox } from "./outbox.ts";
import { BUDGET_SHARE, type RateBudget } from "./rate-budget.ts";

export interface BackfillerOptions {
  readonly adapter: VenueAdapter;
  readonly endpoints: Endpoints;
  /** Name of the request series in the log. */
  readonly connection: string;
  readonly http: HttpTransport;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly settings: CollectorSettings;
  readonly outbox: Outbox;
  readonly budget: RateBudget;
  readonly signal: StopSignal;
}

interface Job {
  readonly range: BackfillRange;
  readonly wanted: number;
  missing: readonly IdRun[];
  attempt: number;
  dueMs: number;
}

/** How an attempt ended short of the goal. `final`: more attempts cannot help. */
interface Shortfall { readonly detail: string; readonly final: boolean }

/** Bans that one attempt waits out before it counts as failed. */
const BLOCKS_PER_ATTEMPT = 10;

/** A range without a time is as old as any. */
export function oldestFirst(a: BackfillRange, b: BackfillRange): number {
  return (a.fromMs ?? 0) - (b.fromMs ?? 0);
}

export class Backfiller {
  readonly #options: BackfillerOptions;
  readonly #jobs: Job[] = [];
  readonly #unresolved = new Map<string, number>();
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(options: BackfillerOptions) {
    this.#options = options;
  }

  /** Queues what of the range nobody is asking for yet. */
  add(wanted: BackfillRange): void {
    const asked = this.#jobs.filter(({ range }) => range.stream.streamId === wanted.stream.streamId);
    let runs: readonly IdRun[] = [{ fromId: wanted.fromId, toId: wanted.toId }];
    for (const { range } of asked) runs = withoutIds(runs, range);
    if (runs.length === 0) return;
    for (const run of runs) {
      const missing = [run];
      this.#jobs.push({ range: { ...wanted, ...run }, wanted: countIds(missing), missing, attempt: 0, dueMs: this.#options.clock.monotonicMs() });
    }
    this.#jobs.sort((a, b) => oldestFirst(a.range, b.range));
    this.#wake?.();
    this.#running ??= this.#run();
  }

  /** Gaps of a stream that are still being worked on. */
  openCount(streamId: string): number {
    return this.#jobs.reduce((count, job) => (job.range.stream.streamId === streamId ? count + 1 : count), 0);
  }
  /** Gaps of a stream that were given up, wholly or in part. */
  unresolvedCount(streamId: string): number {
    return this.#unresolved.get(streamId) ?? 0;
  }

  /** After the signal: resolves when the request under way has ended. What is unfinished stays open in the log. */
  async stopped(): Promise<void> {
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, signal } = this.#options;
    for (;;) {
      if (signal.aborted || this.#options.outbox.halted !== undefined) break;
      const now = clock.monotonicMs();
      const job = this.#jobs.find(({ dueMs }) => dueMs <= now);
      if (job !== undefined) {
        await this.#attempt(job);
      } else if (this.#jobs.length === 0) {
        break;
      } else {
        // At least 1 ms: a remainder too small to move a floating clock would be waited for for ever.
        await this.#sleep(Math.max(1, Math.min(...this.#jobs.map(({ dueMs }) => dueMs)) - now));
      }
    }
    this.#running = undefined;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#wake = undefined;
        resolve();
      };
      const cancel = this.#options.timers.after(ms, wake);
      this.#wake = wake;
    });
  }

  async #attempt(job: Job): Promise<void> {
    const { outbox, settings, clock, random, signal } = this.#options;
    const { stream, fromId, toId } = job.range;
    job.attempt += 1;
    outbox.control({ kind: "backfill_begun", stream_id: stream.streamId, from_id: fromId, to_id: toId, attempt: job.attempt });
    let shortfall: Shortfall | undefined;
    for (const run of job.missing) {
      shortfall = await this.#fetchRun(job, { ...job.range, ...run });
      if (shortfall !== undefined) break;
    }
    if (signal.aborted) return;
    if (job.missing.length > 0 && shortfall?.final !== true && job.attempt < settings.backfillAttempts) {
      const full = settings.backfillRetryMs * 2 ** (job.attempt - 1);
      job.dueMs = clock.monotonicMs() + full / 2 + (full / 2) * random.next();
      return;
    }
    this.#finish(job, shortfall);
  }

  #finish(job: Job, shortfall: Shortfall | undefined): void {
    const { stream, fromId, toId } = job.range;
    const missing = countIds(job.missing);
    const outcome = missing === 0 ? "repaired" : missing < job.wanted ? "partly" : "unresolved";
    const detail = outcome === "repaired" ? `${job.wanted} ids` : `${missing} of ${job.wanted} ids still missing: ${shortfall?.detail ?? "the venue's answers do not hold them"}`;
    this.#options.outbox.control({ kind: "backfill_done", stream_id: stream.streamId, from_id: fromId, to_id: toId, attempt: job.attempt, outcome, detail });
    if (missing > 0) this.#unresolved.set(stream.streamId, this.unresolvedCount(stream.streamId) + 1);
    this.#jobs.splice(this.#jobs.indexOf(job), 1);
  }

  async #fetchRun(job: Job, range: BackfillRange): Promise<Shortfall | undefined> {
    const { adapter, settings, outbox, clock } = this.#options;
    let request = adapter.backfill.plan(range);
    if (request === undefined) return { detail: "this stream cannot be asked for these ids", final: true };
    for (let pages = 0; pages < settings.backfillPagesMax; pages += 1) {
      const answer = await this.#ask(request);
      if ("detail" in answer) return answer;
      outbox.push({
        stream: range.stream, source: "rest_backfill", connection: this.#options.connection, recvNs: clock.wallNs(), eventNs: 0n, payload: answer.body,
      });
      const page = adapter.backfill.page(range, request, answer.body);
      if (!page.ok) return { detail: page.fault.message, final: false };
      for (const run of page.value.ids) job.missing = withoutIds(job.missing, run);
      request = page.value.next;
      if (request === undefined) return undefined;
    }
    return { detail: `more than ${settings.backfillPagesMax} pages`, final: false };
  }

  /** One answer with status 2xx; waits out bans and limits. */
  async #ask(request: RestRequest): Promise<HttpResponse | Shortfall> {
    const { adapter, budget, outbox } = this.#options;
    for (let blocks = 0; blocks < BLOCKS_PER_ATTEMPT; blocks += 1) {
      await outbox.room();
      if (outbox.halted !== undefined || !(await budget.take(request.weight, BUDGET_SHARE.backfill))) return { detail: "stopped", final: true };
      const answer = await this.#get(request);
      if (!answer.ok) return { detail: answer.fault.message, final: answer.fault.code === "net.cancelled" };
      budget.observe(answer.value.headers);
      const problem = adapter.restProblem(answer.value.status, answer.value.headers, answer.value.body);
      if (problem === undefined) return answer.value;
      if (problem.kind !== "rate-limited" && problem.kind !== "banned") return { detail: problem.detail, final: problem.kind !== "unavailable" };
      budget.stopFor(problem.kind, problem.retryAfterMs ?? adapter.budget.windowMs, problem.detail);
    }
    return { detail: `the venue refused ${BLOCKS_PER_ATTEMPT} times in a row for its rate limit`, final: false };
  }

  #get(request: RestRequest): Promise<Result<HttpResponse>> {
    const { http, endpoints, settings, signal } = this.#options;
    return http.get(`${endpoints[request.endpoint] ?? ""}${request.path}`, { timeoutMs: settings.httpMs, signal });
  }
}
