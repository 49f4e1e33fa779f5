// What a shell hands the engine when it starts it.
import type { SpawnChild } from "./child-process.ts";
import type { AddedSymbols } from "./added-symbols.ts";
import type { CaptureCatalog } from "./capture-list.ts";
import type { DiskLimits } from "./disk-watch.ts";
import type { LiveListener, LiveSource } from "./live-source.ts";
import type { SharingKeys } from "./sharing.ts";
import type { PlayerView } from "./thread-messages.ts";

export interface EngineOptions {
  readonly dataFolder: string;
  /** Folder of the running bundle, where `workers/` is. */
  readonly distMain: URL;
  readonly shell: "electron" | "browser";
  readonly version: string;
  readonly simulated: boolean;
  readonly commitEveryMs: number;
  /** What the chart shows first. */
  readonly firstView: PlayerView;
  /** Who may come in when this machine's feed is shared beyond it, and as whom this machine comes to others. */
  readonly keys: SharingKeys;
  /** How child processes are started: Electron has its own way. Default: fork. */
  readonly spawnChild?: SpawnChild;
  /** Free space below which is warned and stopped, over the settings. */
  readonly diskLimits?: DiskLimits;
  /** Where /metrics and /health are, over the settings. Default: nowhere. */
  readonly metrics?: ListenAt;
  startRecording(listener: LiveListener, again: RecordingAgain): Promise<LiveSource>;
  readonly captures: Pick<CaptureCatalog, "list" | "close">;
}

export interface ListenAt {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
}

export interface RecordingAgain {
  /** By a person, beside what the command line says. */
  readonly added: AddedSymbols;
  /** Go on in this capture; undefined: as the sources say. */
  readonly captureId: string | undefined;
}
