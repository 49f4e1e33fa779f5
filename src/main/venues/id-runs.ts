// Sets of ids as ascending runs, both ends inclusive: what is missing, minus what has come.
import type { IdRun } from "./adapter.ts";

/** `runs` without the ids of [fromId, toId]. */
export function withoutIds(runs: readonly IdRun[], taken: IdRun): readonly IdRun[] {
  if (!runs.some((run) => run.fromId <= taken.toId && run.toId >= taken.fromId)) return runs;
  return runs.flatMap((run) => {
    if (run.fromId > taken.toId || run.toId < taken.fromId) return [run];
    const rest: IdRun[] = [];
    if (run.fromId < taken.fromId) rest.push({ fromId: run.fromId, toId: taken.fromId - 1 });
    if (run.toId > taken.toId) rest.push({ fromId: taken.toId + 1, toId: run.toId });
    return rest;
  });
}

export function countIds(runs: readonly IdRun[]): number {
  return runs.reduce((sum, run) => sum + run.toId - run.fromId + 1, 0);
}
