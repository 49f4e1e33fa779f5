// One question for the venue's clock, within the budget.
import { failed, type Result } from "../../shared/base.ts";
import type { BackfillerOptions } from "./backfiller.ts";
import { BUDGET_SHARE } from "./rate-budget.ts";

type ServerTimeOptions = Pick<BackfillerOptions, "adapter" | "endpoints" | "http" | "budget" | "settings" | "signal">;

/** Epoch ms. Faults: those of the transport, `net.cancelled` while the venue wants no requests, `feed.refused`, `feed.bad-server-time`. */
export async function askServerTime({ adapter, endpoints, http, budget, settings, signal }: ServerTimeOptions): Promise<Result<number>> {
  const { request, read } = adapter.serverTime;
  if (budget.block !== undefined || !(await budget.take(request.weight, BUDGET_SHARE.routine))) {
    return failed("net.cancelled", "stopped, or the venue wants no requests");
  }
  const answer = await http.get(`${endpoints[request.endpoint] ?? ""}${request.path}`, { timeoutMs: settings.httpMs, signal });
  if (!answer.ok) return answer;
  budget.observe(answer.value.headers);
  const problem = adapter.restProblem(answer.value.status, answer.value.headers, answer.value.body);
  if (problem === undefined) return read(answer.value.body);
  if (problem.kind === "rate-limited" || problem.kind === "banned") budget.stopFor(problem.kind, problem.retryAfterMs ?? adapter.budget.windowMs, problem.detail);
  return failed("feed.refused", problem.detail);
}
