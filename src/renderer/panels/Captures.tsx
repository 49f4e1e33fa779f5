// Owns the capture library: what has been recorded or imported, opening it, verifying it, and the long work under way.
import type { ReactElement } from "react";
import { useStore } from "zustand";
import type { CaptureSummary, JobStatus } from "../../shared/protocol/frames.ts";
import { openCapture, run } from "../engine/session.ts";
import { bytes, count, duration, rate } from "../format/numbers.ts";
import { utc, utcDay } from "../format/times.ts";
import { act } from "../keyboard/actions.ts";
import { engineStore } from "../store/engine-state.ts";
import { Icon } from "./Icon.tsx";

const PROOFS = {
  MATCH: { text: "✓ MATCH", tone: "tone-live" },
  MISMATCH: { text: "✕ MISMATCH", tone: "tone-trouble" },
  OTHER_VERSION: { text: "OTHER VERSION", tone: "tone-warn" },
} as const;

const STATE_TONES: Readonly<Record<CaptureSummary["state"], string>> = {
  recording: "tone-live", complete: "dim", importing: "dim", crashed: "tone-warn", damaged: "tone-trouble", newer: "tone-trouble",
};

function CaptureRow({ capture, isOpen }: { readonly capture: CaptureSummary; readonly isOpen: boolean }): ReactElement {
  const span = capture.fromMs === undefined || capture.toMs === undefined ? "no events" : `${utcDay(capture.fromMs)} · ${duration(capture.toMs - capture.fromMs)}`;
  const proof = capture.proof === undefined ? undefined : PROOFS[capture.proof];
  return (
    <li className="capture" data-testid="capture-row" data-capture={capture.captureId} data-state={capture.state} data-shown={isOpen}>
      <button type="button" className="row-button capture-open" aria-current={isOpen} onClick={() => void openCapture(capture)} title={capture.fromMs === undefined ? "" : `From ${utc(capture.fromMs)} UTC`}>
        <span className="row">
          <b className="clip grow">{capture.captureId}</b>
          {capture.simulated && <span className="tag tag-simulated">SIM</span>}
          <span className={STATE_TONES[capture.state]}>{capture.state}</span>
        </span>
        <span className="row dim num"><span className="grow clip">{span}</span><span>{count(capture.events)} ev · {bytes(capture.bytes)}</span></span>
      </button>
      <span className="row capture-proof">
        <span className={`grow ${proof?.tone ?? "dim"}`} data-testid="verify-result">{proof?.text ?? "not verified"}</span>
        <button type="button" className="small" data-testid="verify-button" onClick={() => run("verify.start", { captureId: capture.captureId })}>Verify</button>
      </span>
    </li>
  );
}

const JOB_WORDS: Readonly<Record<JobStatus["state"], string>> = { running: "", done: "done", failed: "failed", cancelled: "cancelled" };

function JobRow({ job }: { readonly job: JobStatus }): ReactElement {
  const share = job.totalUnits === undefined || job.totalUnits === 0 ? undefined : Math.min(1, job.doneUnits / job.totalUnits);
  const progress = [
    share === undefined ? count(job.doneUnits) : `${Math.floor(share * 100)} %`,
    job.unitsPerSecond === undefined ? "" : `${rate(job.unitsPerSecond)} ${job.unit}/s`,
    job.secondsLeft === undefined ? "" : `${duration(job.secondsLeft * 1_000)} left`,
  ].filter((part) => part !== "").join(" · ");
  const isRunning = job.state === "running";
  return (
    <li className="job" data-testid="job-row" data-kind={job.kind} data-state={job.state}>
      <span className="row">
        <b className="grow clip">{job.title}</b>
        <span className={job.state === "failed" ? "tone-trouble" : "dim"}>{JOB_WORDS[job.state]}</span>
        {isRunning
          ? <button type="button" className="small" onClick={() => run("job.cancel", { jobId: job.jobId })}>Cancel</button>
          : <button type="button" className="star" aria-label={`Dismiss ${job.title}`} onClick={() => run("job.dismiss", { jobId: job.jobId })}><Icon name="close" /></button>}
      </span>
      {isRunning && <progress aria-label={job.title} max={1} {...(share !== undefined && { value: share })} />}
      <span className={`job-text num ${job.state === "failed" ? "tone-trouble" : "dim"}`}>{isRunning ? progress : (job.fault?.message ?? job.summary)}</span>
    </li>
  );
}

export function Captures(): ReactElement {
  const captures = useStore(engineStore, (state) => state.captures);
  const jobs = useStore(engineStore, (state) => state.jobs);
  const openId = useStore(engineStore, (state) => state.player?.captureId);
  return (
    <section aria-label="Captures">
      <h2>Captures<span className="grow" /><button type="button" className="small" data-testid="import-open" onClick={() => act("import")}><Icon name="plus" />Import</button></h2>
      {jobs.length > 0 && <ul className="jobs">{jobs.map((job) => <JobRow key={job.jobId} job={job} />)}</ul>}
      {captures?.length === 0 && <p className="empty">Recordings and imports are listed here. Import a capture to replay it, or start recording.</p>}
      <ul data-testid="captures-list">{(captures ?? []).map((capture) => <CaptureRow key={capture.captureId} capture={capture} isOpen={capture.captureId === openId} />)}</ul>
    </section>
  );
}
