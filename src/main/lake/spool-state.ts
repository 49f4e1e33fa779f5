// events/spool-state.json: what the pass over the log remembers after the last spooled segment. Only a shortcut: without it, or when it does not
// fit the manifest, the log is read again from an earlier place.
import { z } from "zod";
import { lineHash } from "../rawlog/manifest.ts";
import type { Disk } from "../rawlog/types.ts";
import { passStateSchema, type PassState } from "./event-pass.ts";
import { EVENTS_FOLDER } from "./partition.ts";
import type { SpoolManifest } from "./spool-manifest.ts";

const schema = z.strictObject({ segments: z.number().int().nonnegative(), line: z.string(), pass: passStateSchema });

function statePath(captureFolder: string): string {
  return `${captureFolder}/${EVENTS_FOLDER}/spool-state.json`;
}

export interface KeptState {
  /** So many segments are behind it. */
  readonly segments: number;
  readonly pass: PassState;
}

/** Undefined: there is none, or none that fits the manifest. */
export async function readState(disk: Disk, captureFolder: string, manifest: SpoolManifest): Promise<KeptState | undefined> {
  const path = statePath(captureFolder);
  if ((await disk.size(path)) === undefined) return undefined;
  const [digest, body = ""] = Buffer.from(await disk.readFile(path)).toString("utf8").split("\n");
  if (digest !== lineHash(body)) return undefined;
  const state = schema.safeParse(JSON.parse(body));
  if (!state.success) return undefined;
  const { segments, line, pass } = state.data;
  return segments <= manifest.segments.length && manifest.hashAfter(segments) === line ? { segments, pass } : undefined;
}

export async function writeState(disk: Disk, captureFolder: string, manifest: SpoolManifest, pass: PassState): Promise<void> {
  const segments = manifest.segments.length;
  const body = JSON.stringify({ segments, line: manifest.hashAfter(segments), pass } satisfies z.input<typeof schema>);
  await disk.replaceFile(statePath(captureFolder), Buffer.from(`${lineHash(body)}\n${body}\n`, "utf8"));
}
