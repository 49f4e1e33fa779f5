// The deriver's place on disk: how far it came, how long its journals were then, and the canonicalizer's state.
// A checkpoint that cannot be trusted to the last byte is not used at all: deriving again is always possible.
import { createHash } from "node:crypto";
import { z } from "zod";
import { canonicalParse, canonicalStringify } from "../../shared/canonical-json.ts";
import { failed, type Result } from "../../shared/base.ts";
import { captureConfigSchema } from "../../shared/control.ts";
import type { Disk } from "../rawlog/types.ts";

const count = z.number().int().nonnegative();
const digest = z.string().length(64);
const journal = z.strictObject({ bytes: count, sha256: digest });

const headerSchema = z.strictObject({
  format: z.literal(1),
  canonicalizer_version: z.string(),
  /** Raw seq of the last record that is in. */
  seq: count,
  /** Digest of the capture configuration in force, empty before the first. */
  config_digest: z.string(),
  config: captureConfigSchema.optional(),
  journals: z.strictObject({ bars: journal, grades: journal, ledger: journal }),
  /** Artifacts cut so far. refs.jsonl itself also keeps what earlier versions cut, so its length says nothing. */
  cuts: count,
  state: z.strictObject({ bytes: count, sha256: digest }),
  /** What decoders carry over from the messages up to here, per instrument. */
  carried: z.record(z.string(), z.record(z.string(), z.string())),
});
export type CheckpointHeader = z.infer<typeof headerSchema>;

export interface Checkpoint {
  readonly header: CheckpointHeader;
  /** What `Canonicalizer.save` gave. */
  readonly state: Uint8Array;
}

export function checkpointPath(candlesFolder: string): string {
  return `${candlesFolder}/checkpoint`;
}

function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** One line of canonical JSON, then the state's bytes. */
export function encodeCheckpoint(header: Omit<CheckpointHeader, "format" | "state">, state: Uint8Array): Uint8Array {
  const whole: CheckpointHeader = { ...header, format: 1, state: { bytes: state.length, sha256: sha256Hex(state) } };
  return Buffer.concat([Buffer.from(`${canonicalStringify(whole)}\n`, "utf8"), state]);
}

export function decodeCheckpoint(bytes: Uint8Array): Result<Checkpoint> {
  const end = bytes.indexOf(0x0a);
  if (end < 0) return failed("derived.checkpoint", "the checkpoint has no header line");
  let raw: unknown;
  try {
    raw = canonicalParse(Buffer.from(bytes.buffer, bytes.byteOffset, end).toString("utf8"));
  } catch {
    return failed("derived.checkpoint", "the checkpoint's header is not canonical JSON");
  }
  const header = headerSchema.safeParse(raw);
  if (!header.success) return failed("derived.checkpoint", `the checkpoint's header does not fit: ${z.prettifyError(header.error).replaceAll("\n", " ")}`);
  const state = bytes.subarray(end + 1);
  if (state.length !== header.data.state.bytes || sha256Hex(state) !== header.data.state.sha256) {
    return failed("derived.checkpoint", "the checkpoint's state does not have the digest of its header");
  }
  return { ok: true, value: { header: header.data, state } };
}

/** Undefined when there is none. Faults: `derived.checkpoint`, `derived.other-version`. */
export async function loadCheckpoint(disk: Disk, candlesFolder: string, version: string): Promise<Result<Checkpoint> | undefined> {
  const path = checkpointPath(candlesFolder);
  if ((await disk.size(path)) === undefined) return undefined;
  const decoded = decodeCheckpoint(await disk.readFile(path));
  if (decoded.ok && decoded.value.header.canonicalizer_version !== version) {
    const found = decoded.value.header.canonicalizer_version;
    return failed("derived.other-version", `made by canonicalizer version ${found}, this is version ${version}`, { found });
  }
  return decoded;
}
