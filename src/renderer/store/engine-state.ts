// Owns what the engine last said apart from the view: mode, player, quote, streams, sources, recording, captures, jobs. Applies frames.
import { createStore } from "zustand/vanilla";
import type {
  CaptureSummary, EngineFrame, Hello, JobStatus, Mode, PlayerView, Quote, RecordingStatus, SourceStatus, StreamStatus,
} from "../../shared/protocol/frames.ts";
import { applyView, viewStore } from "./view.ts";
import { addToast } from "./toasts.ts";

export interface EngineState {
  readonly link: "connecting" | "connected" | "lost";
  readonly hello: Hello | undefined;
  readonly epoch: number;
  readonly mode: Mode;
  readonly player: PlayerView | undefined;
  readonly quote: Quote;
  readonly streams: readonly StreamStatus[];
  readonly sources: readonly SourceStatus[];
  readonly recording: RecordingStatus | undefined;
  readonly captures: readonly CaptureSummary[] | undefined;
  readonly jobs: readonly JobStatus[];
  /** Receive of the newest message to the making of the frame that shows it, ms. */
  readonly lagMs: number | undefined;
}

export const engineStore = createStore<EngineState>(() => ({
  link: "connecting", hello: undefined, epoch: -1, mode: { simulated: false, replay: false }, player: undefined, quote: {}, streams: [],
  sources: [], recording: undefined, captures: undefined, jobs: [], lagMs: undefined,
}));

/** The members of a frame that are present, as a change of the state. Absent ones have not changed. */
export function changesOf(frame: EngineFrame): Partial<EngineState> {
  return {
    epoch: frame.epoch,
    mode: frame.mode,
    ...(frame.player !== undefined && { player: frame.player }),
    ...(frame.quote !== undefined && { quote: frame.quote }),
    ...(frame.streams !== undefined && { streams: frame.streams }),
    ...(frame.sources !== undefined && { sources: frame.sources }),
    ...(frame.recording !== undefined && { recording: frame.recording }),
    ...(frame.captures !== undefined && { captures: frame.captures }),
    ...(frame.jobs !== undefined && { jobs: frame.jobs }),
    ...(frame.newestRecvMs !== undefined && frame.madeMs !== undefined && { lagMs: Math.max(0, frame.madeMs - frame.newestRecvMs) }),
  };
}

/** True when the frame belongs to a view that has already been left (seek, other tape, other symbol). */
export function isStale(frame: EngineFrame, epoch: number): boolean {
  return frame.epoch < epoch;
}

export function applyFrame(frame: EngineFrame): void {
  if (isStale(frame, engineStore.getState().epoch)) return;
  // The cursor first: bars up to a new cursor drawn against an old one would be laid out twice.
  engineStore.setState(changesOf(frame));
  if (frame.view !== undefined) viewStore.setState(applyView(viewStore.getState(), frame.view));
  for (const problem of frame.problems ?? []) addToast(problem);
}
