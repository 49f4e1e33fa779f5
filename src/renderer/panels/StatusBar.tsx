// Owns the status bar: what recording is doing this second, and whether it can be trusted.
import type { ReactElement } from "react";
import { useStore } from "zustand";
import type { RecordingStatus } from "../../shared/protocol/frames.ts";
import type { DiskHealth } from "../../shared/protocol/health.ts";
import { bytes, count, duration, plural, rate } from "../format/numbers.ts";
import { lightOf } from "../health/words.ts";
import { act } from "../keyboard/actions.ts";
import { REMOTE_STATES, seriesOf, standingOf, stateWords } from "../remote/words.ts";
import { engineStore, shownRemote } from "../store/engine-state.ts";
import { viewStore } from "../store/view.ts";

const STATES: Readonly<Record<RecordingStatus["state"], { readonly words: string; readonly tone: string; readonly glyph: string }>> = {
  off: { words: "not recording", tone: "dim", glyph: "○" },
  starting: { words: "starting", tone: "dim", glyph: "◔" },
  recording: { words: "recording", tone: "tone-live", glyph: "●" },
  stopping: { words: "stopping", tone: "dim", glyph: "◔" },
  halted: { words: "HALTED", tone: "tone-trouble", glyph: "■" },
};

const DISK_TONES: Readonly<Record<DiskHealth["state"], string>> = { ok: "", low: "tone-warn", full: "tone-trouble" };

function Recording({ recording }: { readonly recording: RecordingStatus }): ReactElement {
  const shown = STATES[recording.state];
  const disk = useStore(engineStore, (state) => state.health?.disk.state);
  const waiting = recording.written - recording.durable;
  return (
    <>
      <span className={`cell ${shown.tone}`} data-testid="status-rate" data-state={recording.state}>
        <span aria-hidden="true">{shown.glyph}</span> {shown.words}{recording.state === "recording" && <span className="num"> {rate(recording.messagesPerSecond)} ev/s</span>}
      </span>
      {(recording.state === "off" || recording.state === "halted") && <button type="button" className="cell" data-testid="record-start" onClick={() => act("record-start")}>Start recording</button>}
      {recording.fault !== undefined && <span className="cell tone-trouble clip">{recording.fault.message}</span>}
      <span className="cell num" data-testid="status-durable" data-durable={recording.durable} data-written={recording.written} title={`${count(recording.written)} written, ${count(recording.durable)} durable, ${count(Math.max(0, waiting))} on the way`}>
        durable {count(recording.durable)} <span className="dim">≤ {recording.commitEveryMs} ms</span>
      </span>
      {recording.bytesPerEvent !== undefined && <span className="cell num">{recording.bytesPerEvent.toFixed(recording.bytesPerEvent < 100 ? 1 : 0)} B/ev</span>}
      {recording.diskFreeBytes !== undefined && <span className={`cell num ${DISK_TONES[disk ?? "ok"]}`}>{bytes(recording.diskFreeBytes)} free</span>}
    </>
  );
}

/** The remote on screen: a dot that tells its state wherever the eye is. */
function RemoteCell(): ReactElement | undefined {
  const tape = useStore(engineStore, (state) => state.tape);
  const remote = useStore(engineStore, shownRemote);
  const shownSeries = useStore(viewStore, (state) => state.series);
  if (tape?.kind !== "remote") return undefined;
  const series = seriesOf(remote, shownSeries);
  const { state } = standingOf(remote, series);
  const shown = REMOTE_STATES[state];
  return (
    <span className="cell num" data-testid="status-remote" data-state={state}>
      <span className={`tone-${shown.tone}`} aria-hidden="true">{shown.glyph}</span>{tape.name}: {stateWords(state, remote?.mode)}{state === "live" && series?.lagMs !== undefined && <span className="dim">lag {duration(Math.max(0, series.lagMs))}</span>}
    </span>
  );
}

function ShareCell(): ReactElement | undefined {
  const share = useStore(engineStore, (state) => state.share);
  if (share === undefined || share.state === "off") return undefined;
  const worst = Math.max(0, ...share.clients.map(({ behind }) => behind));
  const text = share.state === "serving" ? `serving ${plural(share.clients.length, "client")}` : share.state === "starting" ? "sharing starts" : "sharing failed";
  return (
    <button
      type="button" className={`cell num ${share.state === "failed" ? "tone-trouble" : ""}`} data-testid="status-share" data-state={share.state} data-clients={share.clients.length}
      title={share.fault?.message ?? (worst > 0 ? `The slowest client is ${count(worst)} behind` : "No client is behind")} onClick={() => act("share")}
    >
      <span className={share.state === "serving" ? "tone-live" : ""} aria-hidden="true">⇄</span>{text}
    </button>
  );
}

/** The one light to look at: worse than green means that the panel has something to say. */
function HealthCell(): ReactElement {
  const status = useStore(engineStore, (state) => state.health?.status);
  const worst = useStore(engineStore, (state) => state.health?.reasons[0]?.text);
  const light = lightOf(status);
  return (
    <button type="button" className="cell" data-testid="status-health" data-status={status ?? "unknown"} title={`${worst ?? light.words} (H)`} aria-label={`Health: ${status ?? "unknown"}. ${worst ?? light.words}`} onClick={() => act("health")}>
      <span className={light.tone} aria-hidden="true">{light.glyph}</span>{status ?? "health –"}
    </button>
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
      <RemoteCell />
      <ShareCell />
      <HealthCell />
      {isFollowing && lagMs !== undefined && <span className="cell num" title="From receive to this frame">lag {duration(lagMs)}</span>}
      <button type="button" className={`cell num ${gaps > 0 ? "tone-warn" : ""}`} data-testid="status-gaps" title="Gap ledger (⇧ G)" onClick={() => act("ledger")}>{count(gaps)} gap{gaps === 1 ? "" : "s"} open</button>
      <span className={`cell ${proof === "MISMATCH" ? "tone-trouble" : ""}`}>proof {proof === undefined ? "–" : proof === "MATCH" ? "✓" : proof}</span>
      <span className="cell dim">{version === undefined ? "" : `v${version}`}</span>
    </footer>
  );
}
