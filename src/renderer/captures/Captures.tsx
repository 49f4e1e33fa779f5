// Owns the capture library: what has been recorded or imported, opening it, verifying it, and the long work under way.
import type { ReactElement } from "react";
import { useStore } from "zustand";
import { DropdownMenu } from "radix-ui";
import type { CaptureSummary } from "../../shared/protocol/frames.ts";
import { openCapture, run } from "../engine/session.ts";
import { bytes, count, duration } from "../format/numbers.ts";
import { utc, utcDay } from "../format/times.ts";
import { act } from "../keyboard/actions.ts";
import { engineStore } from "../store/engine-state.ts";
import { Icon } from "../panels/Icon.tsx";
import { openExport } from "../store/screen.ts";
import { JobRow } from "./Jobs.tsx";
import { setPinned } from "./pin.ts";

const PROOFS = {
  MATCH: { text: "✓ MATCH", tone: "tone-live" },
  MISMATCH: { text: "✕ MISMATCH", tone: "tone-trouble" },
  OTHER_VERSION: { text: "OTHER VERSION", tone: "tone-warn" },
} as const;

const STATE_TONES: Readonly<Record<CaptureSummary["state"], string>> = {
  recording: "tone-live", complete: "dim", importing: "dim", crashed: "tone-warn", damaged: "tone-trouble", newer: "tone-trouble",
};

function CaptureMenu({ capture }: { readonly capture: CaptureSummary }): ReactElement {
  const { captureId, pinned } = capture;
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="star" aria-label={`More for ${captureId}`} data-testid="capture-menu"><Icon name="more" /></DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={2}>
          <DropdownMenu.Item className="menu-item" data-testid="capture-pin" onSelect={() => void setPinned(captureId, !pinned)}><Icon name="pin" />{pinned ? "Unpin" : "Pin: retention keeps it"}</DropdownMenu.Item>
          <DropdownMenu.Item className="menu-item" data-testid="capture-export" onSelect={() => openExport(captureId)}><Icon name="share" />Export…</DropdownMenu.Item>
          <DropdownMenu.Item className="menu-item" data-testid="capture-compact" onSelect={() => run("compact.start", { captureId })}><Icon name="panel" />Compact to Parquet</DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function CaptureRow({ capture, isOpen }: { readonly capture: CaptureSummary; readonly isOpen: boolean }): ReactElement {
  const span = capture.fromMs === undefined || capture.toMs === undefined ? "no events" : `${utcDay(capture.fromMs)} · ${duration(capture.toMs - capture.fromMs)}`;
  const proof = capture.proof === undefined ? undefined : PROOFS[capture.proof];
  return (
    <li className="capture" data-testid="capture-row" data-capture={capture.captureId} data-state={capture.state} data-shown={isOpen}>
      <button type="button" className="row-button capture-open" aria-current={isOpen} onClick={() => void openCapture(capture)} title={capture.fromMs === undefined ? "" : `From ${utc(capture.fromMs)} UTC`}>
        <span className="row">
          <b className="clip grow">{capture.captureId}</b>
          {capture.pinned && <span className="tag" title="Pinned: retention keeps it" data-testid="capture-pinned">PINNED</span>}
          {capture.exportedMs !== undefined && <span className="tag tag-exported" title={`All of it was exported and verified, ${utc(capture.exportedMs)} UTC`} data-testid="capture-exported">EXPORTED</span>}
          {capture.simulated && <span className="tag tag-simulated">SIM</span>}
          <span className={STATE_TONES[capture.state]}>{capture.state}</span>
        </span>
        <span className="row dim num"><span className="grow clip">{span}</span><span>{count(capture.events)} ev · {bytes(capture.bytes)}</span></span>
      </button>
      <span className="row capture-proof">
        <span className={`grow ${proof?.tone ?? "dim"}`} data-testid="verify-result">{proof?.text ?? "not verified"}</span>
        <button type="button" className="small" data-testid="verify-button" onClick={() => run("verify.start", { captureId: capture.captureId })}>Verify</button>
        <CaptureMenu capture={capture} />
      </span>
    </li>
  );
}

export function Captures(): ReactElement {
  const captures = useStore(engineStore, (state) => state.captures);
  const jobs = useStore(engineStore, (state) => state.jobs);
  const openId = useStore(engineStore, (state) => state.player?.captureId);
  return (
    <section aria-label="Captures">
      <h2>Captures<span className="grow" /><button type="button" className="small" data-testid="retention-open" title="What may be removed when it is old or there is too much" onClick={() => act("retention")}>Retention</button><button type="button" className="small" data-testid="import-open" onClick={() => act("import")}><Icon name="plus" />Import</button></h2>
      {jobs.length > 0 && <ul className="jobs">{jobs.map((job) => <JobRow key={job.jobId} job={job} />)}</ul>}
      {captures?.length === 0 && <p className="empty">Recordings and imports are listed here. Import a capture to replay it, or start recording.</p>}
      <ul data-testid="captures-list">{(captures ?? []).map((capture) => <CaptureRow key={capture.captureId} capture={capture} isOpen={capture.captureId === openId} />)}</ul>
    </section>
  );
}
