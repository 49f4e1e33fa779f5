// What the main process and a lake process say to each other. Structured clone: bigints pass.
import type { LakeProgress } from "./types.ts";

/** `job`: the caller's name for a call that takes long, for its progress and to cancel it. */
export type LakeCall =
  /** First of all: how much of the machine it may take. `low` gives way to everything else. */
  | { readonly type: "begin"; readonly priority: "low" | "normal" }
  /** Writes the parts of all sealed segments that have none yet. → SpoolReport */
  | { readonly type: "spool"; readonly job: string; readonly captureFolder: string }
  /** Spools what is sealed, compacts every partition, compares the counts. → CompactReport */
  | { readonly type: "compact"; readonly job: string; readonly captureFolder: string }
  /** Decodes the log again and compares it with every file; changes nothing. → ReconcileReport */
  | { readonly type: "check"; readonly job: string; readonly captureFolder: string }
  /** The job's call rejects with `lake.cancelled`. */
  | { readonly type: "cancel"; readonly job: string }
  | { readonly type: "close" };

export type LakeNote =
  | { readonly type: "progress"; readonly job: string; readonly progress: LakeProgress }
  /** Something that a person should read: leftovers of a crash removed, a damaged manifest repaired. */
  | { readonly type: "note"; readonly text: string };
