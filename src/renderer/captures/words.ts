// Owns how captures, their jobs and retention read. Pure.
import { retentionSchema, type RetentionLimits } from "../../shared/protocol/commands.ts";
import type { RetentionPreview } from "../../shared/protocol/frames.ts";
import { bytes, plural } from "../format/numbers.ts";

export type ExportKind = "folder" | "s3" | "mcap";

/** What is wrong with a destination, in one line; undefined when it can be tried. */
export function exportTrouble(kind: ExportKind, to: string): string | undefined {
  const text = to.trim();
  if (text === "") return undefined;
  if (kind === "s3") return /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*)?$/.test(text) ? undefined : "An S3 destination is s3://bucket or s3://bucket/prefix.";
  if (text.startsWith("s3://")) return "This is an S3 destination: choose S3 above.";
  if (kind === "mcap") return text.endsWith(".mcap") ? undefined : "The file's name ends with .mcap.";
  return text.endsWith(".mcap") ? "This names an MCAP file: choose MCAP above, or name a folder." : undefined;
}

export interface LimitFields { readonly days: string; readonly gigabytes: string; readonly unexported: boolean }

const BYTES_PER_GIGABYTE = 1_000_000_000;

/** What the fields mean, or what is wrong with one of them. Both empty: no limit binds. */
export function limitsOf(fields: LimitFields): { readonly limits: RetentionLimits } | { readonly trouble: Partial<Record<"days" | "gigabytes", string>> } {
  const [days, gigabytes] = [numberOf(fields.days), numberOf(fields.gigabytes)];
  if (days === "wrong" || (days !== undefined && days > 36_500)) return { trouble: { days: "Days are a number above 0, at most 36,500." } };
  if (gigabytes === "wrong") return { trouble: { gigabytes: "Gigabytes are a number above 0." } };
  return { limits: { unexported: fields.unexported, ...(days !== undefined && { maxAgeDays: days }), ...(gigabytes !== undefined && { maxBytes: Math.round(gigabytes * BYTES_PER_GIGABYTE) }) } };
}

function numberOf(text: string): number | "wrong" | undefined {
  if (text.trim() === "") return undefined;
  const value = Number(text.trim().replaceAll(",", "."));
  return Number.isFinite(value) && value > 0 ? value : "wrong";
}

export function fieldsOf(limits: RetentionLimits | undefined): LimitFields {
  return {
    days: limits?.maxAgeDays === undefined ? "" : String(limits.maxAgeDays), gigabytes: limits?.maxBytes === undefined ? "" : String(limits.maxBytes / BYTES_PER_GIGABYTE), unexported: limits?.unexported ?? false,
  };
}

/** The limits in the settings; what cannot be read is no limit, so that nothing is removed by mistake. */
export function savedLimits(settings: Readonly<Record<string, unknown>> | undefined): RetentionLimits | undefined {
  const parsed = retentionSchema.safeParse(settings?.["retention"]);
  return parsed.success ? parsed.data : undefined;
}

export function isBinding(limits: RetentionLimits | undefined): boolean {
  return limits?.maxAgeDays !== undefined || limits?.maxBytes !== undefined;
}

/** The sentence that a person confirms before anything may be removed. */
export function removalSentence(limits: RetentionLimits, preview: RetentionPreview): string {
  const rules = [
    limits.maxAgeDays === undefined ? "" : `older than ${plural(limits.maxAgeDays, "day")}`, limits.maxBytes === undefined ? "" : `beyond ${bytes(limits.maxBytes)} in all, oldest first`,
  ].filter((part) => part !== "").join(" or ");
  const total = preview.removes.reduce((sum, { bytes: size }) => sum + size, 0);
  const now = preview.removes.length === 0 ? "nothing now" : `${plural(preview.removes.length, "capture")} (${bytes(total)}) now`;
  return `Remove for good, without asking again, captures ${rules}${limits.unexported ? ", exported or not" : ", once they are exported"}: ${now}, and others as they pass these limits.`;
}
