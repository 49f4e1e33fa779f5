// Owns the long work under way: what it is, how far, how fast, how long still, and its outcome until it is read.
import type { ReactElement } from "react";
import type { JobStatus } from "../../shared/protocol/frames.ts";
import { run } from "../engine/session.ts";
import { count, duration, rate } from "../format/numbers.ts";
import { Icon } from "../panels/Icon.tsx";

const JOB_WORDS: Readonly<Record<JobStatus["state"], string>> = { running: "", done: "done", failed: "failed", cancelled: "cancelled" };

export function progressText(job: JobStatus): string {
  const share = shareOf(job);
  return [
    share === undefined ? `${count(job.doneUnits)} ${job.unit}` : `${Math.floor(share * 100)} %`,
    job.unitsPerSecond === undefined ? "" : `${rate(job.unitsPerSecond)} ${job.unit}/s`,
    job.secondsLeft === undefined ? "" : `${duration(job.secondsLeft * 1_000)} left`,
  ].filter((part) => part !== "").join(" · ");
}

/** 0 … 1; undefined while the end is not known. */
export function shareOf(job: JobStatus): number | undefined {
  return job.totalUnits === undefined || job.totalUnits === 0 ? undefined : Math.min(1, job.doneUnits / job.totalUnits);
}

export function JobRow({ job }: { readonly job: JobStatus }): ReactElement {
  const share = shareOf(job);
  const isRunning = job.state === "running";
  return (
    <li className="job" data-testid="job-row" data-kind={job.kind} data-state={job.state}>
      <span className="row">
        <b className="grow clip" title={job.title}>{job.title}</b>
        <span className={job.state === "failed" ? "tone-trouble" : "dim"}>{JOB_WORDS[job.state]}</span>
        {isRunning
          ? <button type="button" className="small" onClick={() => run("job.cancel", { jobId: job.jobId })}>Cancel</button>
          : <button type="button" className="star" aria-label={`Dismiss ${job.title}`} onClick={() => run("job.dismiss", { jobId: job.jobId })}><Icon name="close" /></button>}
      </span>
      {isRunning && <progress aria-label={job.title} max={1} {...(share !== undefined && { value: share })} />}
      <span className={`job-text num ${job.state === "failed" ? "tone-trouble" : "dim"}`}>{isRunning ? progressText(job) : (job.fault?.message ?? job.summary)}</span>
    </li>
  );
}
