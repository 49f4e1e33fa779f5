// Owns the line that says how far the venues' backfill is: of all streams, since the ledger on screen is one instrument's.
import type { ReactElement } from "react";
import { useStore } from "zustand";
import { count } from "../format/numbers.ts";
import { UNKNOWN } from "../health/words.ts";
import { engineStore } from "../store/engine-state.ts";

/** How far the venues' backfill is, as the health report and the jobs say it. */
export function Backfill(): ReactElement {
  const venues = useStore(engineStore, (state) => state.health?.venues);
  const jobs = useStore(engineStore, (state) => state.jobs);
  const running = jobs.filter((job) => job.kind === "backfill" && job.state === "running");
  if (venues === undefined) return <span className="dim">backfill {UNKNOWN}</span>;
  const [waiting, done, lost] = venues.reduce(([a, b, c], { backfill }) => [a + backfill.waiting, b + backfill.done, c + backfill.unresolved], [0, 0, 0]);
  return (
    <span className="row num" data-testid="ledger-backfill" data-waiting={waiting}>
      {running.map((job) => <span key={job.jobId} className="row"><progress className="weight" aria-label={job.title} max={1} {...(job.totalUnits !== undefined && job.totalUnits > 0 && { value: job.doneUnits / job.totalUnits })} /><span className="clip">{job.title}</span></span>)}
      <span className={(waiting ?? 0) > 0 ? "tone-warn" : "dim"}>backfill: {count(waiting ?? 0)} waiting · {count(done ?? 0)} done · {count(lost ?? 0)} lost, all streams</span>
    </span>
  );
}
