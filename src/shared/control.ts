// Control records: what Tapedeck writes into the log beside the venues' bytes, so that sealing, gaps and grades are
// functions of the log alone. One canonical-JSON object per record; bigints are canonical "123n" strings. Pure.
import { z } from "zod";
import { canonicalParse, canonicalStringify } from "./canonical-json.ts";
import { failed, type Result, type Sha256 } from "./base.ts";
import { toHex } from "./leaf.ts";
import { INTERVALS, type Interval } from "./time.ts";
import { VENUE_IDS } from "./market.ts";

const venue = z.enum(VENUE_IDS);
const count = z.number().int().nonnegative();
const text = z.string().max(4_096);
const interval = z.custom<Interval>((value) => (INTERVALS as readonly unknown[]).includes(value), "not an interval");

export const captureConfigSchema = z.strictObject({
  format: z.literal(1),
  /** A bar seals when the watermark has passed its end by this much. */
  lateness_ms: count,
  intervals: z.array(interval).min(1),
  /** Which channel feeds the candles, per `venue:symbol`. The one stream of D10; others only cross-check. */
  folds: z.record(z.string(), z.string()),
  symbols: z.array(z.strictObject({ venue, symbol: text, channels: z.array(text) })),
  /** Where live data comes from, per venue; absent for imports. */
  endpoints: z.record(z.string(), z.record(z.string(), text)).optional(),
  /** Present for imports: what was read, by content, never by path. */
  input: z.strictObject({ format: text, files: z.array(z.strictObject({ name: text, sha256: z.string().length(64) })) }).optional(),
});
export type CaptureConfig = z.infer<typeof captureConfigSchema>;

const stream_id = text;
const cause = text;
const asked = { from_id: count.optional(), to_id: count.optional(), from_ms: count.optional(), to_ms: count.optional() };

export const controlSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("config"), config: captureConfigSchema, digest: z.string().length(64) }),
  /** The recorder (re)started. `downtime_from_ns`: receive time of the last record of the run before, 0n on a first start. */
  z.strictObject({ kind: z.literal("started"), version: text, clean: z.boolean(), downtime_from_ns: z.bigint() }),
  z.strictObject({ kind: z.literal("stopped"), reason: text }),
  z.strictObject({ kind: z.literal("connect"), venue, connection: text, url: text, streams: z.array(stream_id) }),
  z.strictObject({ kind: z.literal("subscribe"), venue, connection: text, streams: z.array(stream_id) }),
  z.strictObject({ kind: z.literal("acknowledge"), venue, connection: text, ok: z.boolean(), streams: z.array(stream_id), detail: text }),
  /** A watchdog's finding: `first-frame-deadline`, `silent`, `trades-silent-while-bbo-moves`, `dead-symbol` … */
  z.strictObject({ kind: z.literal("stale"), venue, connection: text, stream_id, cause }),
  z.strictObject({ kind: z.literal("disconnect"), venue, connection: text, code: z.number().int(), cause, detail: text, streams: z.array(stream_id) }),
  /** A clock tick in line with a venue's frames: the record's receive time, corrected by the measured venue offset. */
  z.strictObject({ kind: z.literal("tick"), venue, offset_ns: z.bigint(), error_ns: z.bigint() }),
  z.strictObject({ kind: z.literal("host_slept"), wall_jump_ms: z.number().int(), cause }),
  /** By ids where the stream's ids are contiguous, else by the exchange times (ms) around the span: one pair or the other. */
  z.strictObject({ kind: z.literal("backfill_begun"), stream_id, ...asked, attempt: count }),
  z.strictObject({
    kind: z.literal("backfill_done"), stream_id, ...asked, attempt: count,
    outcome: z.enum(["repaired", "partly", "unresolved"]), detail: text,
  }),
  z.strictObject({ kind: z.literal("quarantine"), stream_id, cause, from_seq: count, to_seq: count }),
  /** After a crash: numbers that may have been handed out but are not in the log, and where the cut tail lies. */
  z.strictObject({ kind: z.literal("recovered"), lost_from_seq: count, lost_to_seq: count, cut_bytes: count, aside: text, cause }),
  /** A person's decision that reopens a stream which failed closed on a conflict. */
  z.strictObject({ kind: z.literal("reopen"), stream_id, reason: text }),
  z.strictObject({ kind: z.literal("end_of_input"), reason: text }),
]);
export type ControlRecord = z.infer<typeof controlSchema>;
export type ControlKind = ControlRecord["kind"];

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export function encodeControl(record: ControlRecord): Uint8Array {
  return encoder.encode(canonicalStringify(record));
}

/** sha256 (hex) of a configuration's canonical JSON: what refs and certificates are keyed by. */
export function configDigest(config: CaptureConfig, sha256: Sha256): string {
  return toHex(sha256(encoder.encode(canonicalStringify(config))));
}

/** Validates: a log is untrusted input. Faults: `log.bad-control`. */
export function decodeControl(payload: Uint8Array): Result<ControlRecord> {
  try {
    const parsed = controlSchema.safeParse(canonicalParse(decoder.decode(payload)));
    if (parsed.success) return { ok: true, value: parsed.data };
    return failed("log.bad-control", `control record does not fit its schema: ${z.prettifyError(parsed.error)}`);
  } catch (error) {
    return failed("log.bad-control", `control record is not canonical JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
