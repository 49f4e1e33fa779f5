// Asks REST for what is missing: oldest gap first, bounded retries, within the budget. Every page is in the log before it is read.
// A repair is bracketed in the log: `backfill_begun` per attempt, and exactly one `backfill_done`, when it is over.
import type { Clock, Random, Result, StopSignal, Timers } from "../../shared/base.ts";
import type { VenueHealth } from "../../shared/protocol/health.ts";
import type { HttpResponse, HttpTransport } from "../net/transport.ts";
import { type BackfillRange, type Endpoints, hasIds, type IdRange, type IdRun, type RestRequest, type VenueAdapter } from "./adapter.ts";
import { type BackfillGoal, IdGoal, SpanGoal, unaskedSpan } from "./backfill-goal.ts";
import type { CollectorSettings } from "./collector-settings.ts";
import { withoutIds } from "./id-runs.ts";
import type { Outbox } from "./outbox.ts";
import { BUDGET_SHARE, type RateBudget } from "./rate-budget.ts";
import type { SpanRequest } from "./span-tracker.ts";

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
  readonly goal: BackfillGoal;
  attempt: number;
  dueMs: number;
}

/** How an attempt ended short of the goal. `final`: more attempts cannot help. `detail` undefined: the answers themselves fell short. */
interface Shortfall { readonly detail: string | undefined; readonly final: boolean }

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
  #done = 0;
  #unresolvedInAll = 0;
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(options: BackfillerOptions) {
    this.#options = options;
  }

  /** Queues what of the ids nobody is asking for yet. */
  addIds(wanted: IdRange): void {
    let runs: readonly IdRun[] = [{ fromId: wanted.fromId, toId: wanted.toId }];
    for (const { range } of this.#goalsOf(wanted)) if (hasIds(range)) runs = withoutIds(runs, range);
    this.#queue(runs.map((run) => new IdGoal({ ...wanted, ...run })));
  }

  /** Queues a span, unless somebody is asking for all of it. */
  addSpan(wanted: SpanRequest): void {
    if (unaskedSpan(this.#goalsOf(wanted.range), wanted)) this.#queue([new SpanGoal(wanted)]);
  }

  #goalsOf({ stream }: BackfillRange): readonly BackfillGoal[] {
    return this.#jobs.map(({ goal }) => goal).filter(({ range }) => range.stream.streamId === stream.streamId);
  }

  #queue(goals: readonly BackfillGoal[]): void {
    if (goals.length === 0) return;
    for (const goal of goals) this.#jobs.push({ goal, attempt: 0, dueMs: this.#options.clock.monotonicMs() });
    this.#jobs.sort((a, b) => oldestFirst(a.goal.range, b.goal.range));
    this.#wake?.();
    this.#running ??= this.#run();
  }

  /** Gaps of a stream that are still being worked on. */
  openCount(streamId: string): number {
    return this.#jobs.reduce((count, { goal }) => (goal.range.stream.streamId === streamId ? count + 1 : count), 0);
  }
  /** Gaps of a stream that were given up, wholly or in part. */
  unresolvedCount(streamId: string): number {
    return this.#unresolved.get(streamId) ?? 0;
  }
  get counts(): VenueHealth["backfill"] {
    return { waiting: this.#jobs.length, done: this.#done, unresolved: this.#unresolvedInAll };
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
    const { goal } = job;
    job.attempt += 1;
    outbox.control({ kind: "backfill_begun", stream_id: goal.range.stream.streamId, ...goal.asked, attempt: job.attempt });
    let shortfall: Shortfall | undefined;
    for (const range of goal.open) {
      shortfall = await this.#fetch(goal, range);
      if (shortfall !== undefined) break;
    }
    if (signal.aborted) return;
    if (!goal.isMet && shortfall?.final !== true && job.attempt < settings.backfillAttempts) {
      const full = settings.backfillRetryMs * 2 ** (job.attempt - 1);
      job.dueMs = clock.monotonicMs() + full / 2 + (full / 2) * random.next();
      return;
    }
    this.#finish(job, shortfall);
  }

  #finish(job: Job, shortfall: Shortfall | undefined): void {
    const { goal, attempt } = job;
    const { streamId } = goal.range.stream;
    const detail = goal.detail(shortfall?.detail).slice(0, 1_000);
    this.#options.outbox.control({ kind: "backfill_done", stream_id: streamId, ...goal.asked, attempt, outcome: goal.outcome, detail });
    this.#done += 1;
    if (!goal.isMet) {
      this.#unresolved.set(streamId, this.unresolvedCount(streamId) + 1);
      this.#unresolvedInAll += 1;
    }
    this.#jobs.splice(this.#jobs.indexOf(job), 1);
  }

  async #fetch(goal: BackfillGoal, range: BackfillRange): Promise<Shortfall | undefined> {
    const { adapter, settings, outbox, clock } = this.#options;
    let request = adapter.backfill.plan(range);
    if (request === undefined) return { detail: "this stream cannot be asked for it", final: true };
    for (let pages = 0; pages < settings.backfillPagesMax; pages += 1) {
      const answer = await this.#ask(request);
      if ("detail" in answer) return answer;
      outbox.push({
        stream: range.stream, source: "rest_backfill", connection: this.#options.connection, recvNs: clock.wallNs(), eventNs: 0n, payload: answer.body,
      });
      const page = adapter.backfill.page(range, request, answer.body);
      if (!page.ok) return { detail: page.fault.message, final: false };
      const inVain = goal.take(page.value);
      if (inVain !== undefined) return { detail: inVain, final: true };
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
