// A certificate: what another machine needs to check that it holds the same capture and derives the same candles from it.
// It names contents only, never places, so two imports of the same files give the same certificate up to the capture's name.
import { z } from "zod";
import { canonicalStringify } from "../../shared/canonical-json.ts";
import { failed, type Result } from "../../shared/base.ts";

const count = z.number().int().nonnegative();
const digest = z.string().regex(/^[0-9a-f]{64}$/);

const certificateSchema = z.strictObject({
  format: z.literal(1),
  capture_id: z.string(),
  canonicalizer_version: z.string(),
  config_digest: z.string(),
  /** Last raw seq that it covers. */
  to_seq: count,
  events: count,
  /** sha256 over the roots of the 1,024-seq blocks, in order (RAW_LOG.md). */
  log_root: digest,
  /** sha256 of the journals as re-derived from the log. */
  journals: z.strictObject({ bars: digest, grades: digest, ledger: digest }),
  /** sha256 over the lines of the artifact refs of this version, sorted. */
  artifacts: digest,
  candles: count,
});
export type Certificate = z.infer<typeof certificateSchema>;

export function encodeCertificate(certificate: Certificate): Uint8Array {
  return Buffer.from(`${canonicalStringify(certificate)}\n`, "utf8");
}

/** Faults: `certificate.unreadable`. */
export function decodeCertificate(bytes: Uint8Array, path: string): Result<Certificate> {
  let raw: unknown;
  try {
    raw = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return failed("certificate.unreadable", `${path} is no certificate: it does not hold JSON`);
  }
  const parsed = certificateSchema.safeParse(raw);
  if (parsed.success) return { ok: true, value: parsed.data };
  return failed("certificate.unreadable", `${path} is no certificate: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`);
}

/** Members that differ, the weightiest first. The capture's name is not one: it is the holder's choice. */
export function certificateDifference(expected: Certificate, actual: Certificate): { readonly what: string; readonly expected: string; readonly actual: string } | undefined {
  const pairs: readonly (readonly [string, string | number, string | number])[] = [
    ["last seq", expected.to_seq, actual.to_seq],
    ["events", expected.events, actual.events],
    ["log root", expected.log_root, actual.log_root],
    ["configuration digest", expected.config_digest, actual.config_digest],
    ["bars journal", expected.journals.bars, actual.journals.bars],
    ["grades journal", expected.journals.grades, actual.journals.grades],
    ["ledger journal", expected.journals.ledger, actual.journals.ledger],
    ["artifacts", expected.artifacts, actual.artifacts],
    ["candles", expected.candles, actual.candles],
  ];
  const found = pairs.find(([, a, b]) => a !== b);
  return found === undefined ? undefined : { what: `certificate: ${found[0]}`, expected: String(found[1]), actual: String(found[2]) };
}
