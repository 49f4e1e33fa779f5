// Owns what the engine last said apart from the view: mode, tape, player, quote, streams, sources, recording, captures, jobs, bridge. Applies frames.
import { createStore } from "zustand/vanilla";
import type {
  CaptureSummary, EngineFrame, Hello, JobStatus, Mode, PlayerView, Quote, RecordingStatus, RemoteStatus, ShareStatus, ShownTape, SourceStatus, StreamStatus,
} from "../../shared/protocol/frames.ts";
import type { HealthReport } from "../../shared/protocol/health.ts";
import { noteHealth } from "../health/history.ts";
import { noteBridge } from "../remote/history.ts";
import { applyView, viewStore } from "./view.ts";
import { addToast } from "./toasts.ts";

export interface EngineState {
  readonly link: "connecting" | "connected" | "lost";
  readonly hello: Hello | undefined;
  readonly epoch: number;
  readonly mode: Mode;
  /** What the chart shows. Undefined until the engine has said so. */
  readonly tape: ShownTape | undefined;
  /** Of the tape on screen: undefined while a remote is shown, since a remote has no log here to play. */
  readonly player: PlayerView | undefined;
  /** What the engine last said of the player, kept for the way back from a remote. */
  readonly heldPlayer: PlayerView | undefined;
  readonly quote: Quote;
  readonly streams: readonly StreamStatus[];
  readonly sources: readonly SourceStatus[];
  readonly recording: RecordingStatus | undefined;
  readonly captures: readonly CaptureSummary[] | undefined;
  readonly jobs: readonly JobStatus[];
  readonly remotes: readonly RemoteStatus[];
  readonly share: ShareStatus | undefined;
  /** Undefined until the engine has measured. */
  readonly health: HealthReport | undefined;
  /** When the frame with that report was made, by the engine's clock: ages are counted from here. */
  readonly healthAtMs: number | undefined;
  /** Receive of the newest message to the making of the frame that shows it, ms. */
  readonly lagMs: number | undefined;
}

export const engineStore = createStore<EngineState>(() => ({
  link: "connecting", hello: undefined, epoch: -1, mode: { simulated: false, replay: false }, tape: undefined, player: undefined, heldPlayer: undefined,
  quote: {}, streams: [], sources: [], recording: undefined, captures: undefined, jobs: [], remotes: [], share: undefined, health: undefined, healthAtMs: undefined, lagMs: undefined,
}));

/** The members of a frame that are present, as a change of the state. Absent ones have not changed. */
export function changesOf(frame: EngineFrame, before: Pick<EngineState, "tape" | "heldPlayer">): Partial<EngineState> {
  const isPlayerTouched = frame.tape !== undefined || frame.player !== undefined;
  const tape = frame.tape ?? before.tape;
  const heldPlayer = frame.player ?? before.heldPlayer;
  return {
    epoch: frame.epoch,
    mode: frame.mode,
    ...(frame.tape !== undefined && { tape }),
    ...(isPlayerTouched && { heldPlayer, player: tape?.kind === "remote" ? undefined : heldPlayer }),
    ...(frame.quote !== undefined && { quote: frame.quote }),
    ...(frame.streams !== undefined && { streams: frame.streams }),
    ...(frame.sources !== undefined && { sources: frame.sources }),
    ...(frame.recording !== undefined && { recording: frame.recording }),
    ...(frame.captures !== undefined && { captures: frame.captures }),
    ...(frame.jobs !== undefined && { jobs: frame.jobs }),
    ...(frame.remotes !== undefined && { remotes: frame.remotes }),
    ...(frame.share !== undefined && { share: frame.share }),
    ...(frame.health !== undefined && { health: frame.health, healthAtMs: frame.madeMs }),
    ...(frame.newestRecvMs !== undefined && frame.madeMs !== undefined && { lagMs: Math.max(0, frame.madeMs - frame.newestRecvMs) }),
  };
}

/** The remote whose candles are on screen. Undefined for a tape of this machine, and for a remote that was removed meanwhile. */
export function shownRemote(state: Pick<EngineState, "tape" | "remotes">): RemoteStatus | undefined {
  const { tape } = state;
  return tape?.kind === "remote" ? state.remotes.find(({ remoteId }) => remoteId === tape.remoteId) : undefined;
}

export function isRemoteShown(state: Pick<EngineState, "tape">): boolean {
  return state.tape?.kind === "remote";
}

/** True when the frame belongs to a view that has already been left (seek, other tape, other symbol). */
export function isStale(frame: EngineFrame, epoch: number): boolean {
  return frame.epoch < epoch;
}

export function applyFrame(frame: EngineFrame): void {
  if (isStale(frame, engineStore.getState().epoch)) return;
  // The cursor first: bars up to a new cursor drawn against an old one would be laid out twice.
  engineStore.setState(changesOf(frame, engineStore.getState()));
  if (frame.view !== undefined) viewStore.setState(applyView(viewStore.getState(), frame.view));
  noteBridge(frame);
  noteHealth(frame);
  for (const problem of frame.problems ?? []) addToast(problem);
}
