// Owns the status bar: what recording is doing this second, and whether it can be trusted.
import type { ReactElement } from "react";
import { useStore } from "zustand";
import type { RecordingStatus } from "../../shared/protocol/frames.ts";
import { bytes, count, duration, rate } from "../format/numbers.ts";
import { act } from "../keyboard/actions.ts";
import { engineStore } from "../store/engine-state.ts";

/** Below this a person should act: recording halts when the disk is full. */
const DISK_LOW_BYTES = 5_000_000_000;

const STATES: Readonly<Record<RecordingStatus["state"], { readonly words: string; readonly tone: string; readonly glyph: string }>> = {
  off: { words: "not recording", tone: "dim", glyph: "○" },
  starting: { words: "starting", tone: "dim", glyph: "◔" },
  recording: { words: "recording", tone: "tone-live", glyph: "●" },
  stopping: { words: "stopping", tone: "dim", glyph: "◔" },
  halted: { words: "HALTED", tone: "tone-trouble", glyph: "■" },
};

function Recording({ recording }: { readonly recording: RecordingStatus }): ReactElement {
  const shown = STATES[recording.state];
  const waiting = recording.written - recording.durable;
  return (
    <>
      <span className={`cell ${shown.tone}`} data-testid="status-rate" data-state={recording.state}>
        <span aria-hidden="true">{shown.glyph}</span> {shown.words}{recording.state === "recording" && <span className="num"> {rate(recording.messagesPerSecond)} ev/s</span>}
      </span>
      {recording.state === "off" && <button type="button" className="cell" data-testid="record-start" onClick={() => act("record-start")}>Start recording</button>}
      {recording.fault !== undefined && <span className="cell tone-trouble clip">{recording.fault.message}</span>}
      <span className="cell num" data-testid="status-durable" data-durable={recording.durable} data-written={recording.written} title={`${count(recording.written)} written, ${count(recording.durable)} durable, ${count(Math.max(0, waiting))} on the way`}>
        durable {count(recording.durable)} <span className="dim">≤ {recording.commitEveryMs} ms</span>
      </span>
      {recording.bytesPerEvent !== undefined && <span className="cell num">{recording.bytesPerEvent.toFixed(recording.bytesPerEvent < 100 ? 1 : 0)} B/ev</span>}
      {recording.diskFreeBytes !== undefined && <span className={`cell num ${recording.diskFreeBytes < DISK_LOW_BYTES ? "tone-trouble" : ""}`}>{bytes(recording.diskFreeBytes)} free</span>}
    </>
  );
}

export function StatusBar(): ReactElement {
  const recording = useStore(engineStore, (state) => state.recording);
  const lagMs = useStore(engineStore, (state) => (state.lagMs === undefined ? undefined : Math.round(state.lagMs)));
  const proof = useStore(engineStore, (state) => state.captures?.find((capture) => capture.captureId === state.player?.captureId)?.proof);
  const version = useStore(engineStore, (state) => state.hello?.version);
  const isFollowing = useStore(engineStore, (state) => state.player?.mode === "following");
  const gaps = recording?.gapsOpen ?? 0;
  return (
    <footer className="status-bar" data-testid="status-bar">
      {recording === undefined ? <span className="cell dim">waiting for the engine</span> : <Recording recording={recording} />}
      <span className="grow" />
      {isFollowing && lagMs !== undefined && <span className="cell num" title="From receive to this frame">lag {duration(lagMs)}</span>}
      <span className={`cell num ${gaps > 0 ? "tone-warn" : ""}`}>{count(gaps)} gap{gaps === 1 ? "" : "s"} open</span>
      <span className={`cell ${proof === "MISMATCH" ? "tone-trouble" : ""}`}>proof {proof === undefined ? "–" : proof === "MATCH" ? "✓" : proof}</span>
      <span className="cell dim">{version === undefined ? "" : `v${version}`}</span>
    </footer>
  );
}
