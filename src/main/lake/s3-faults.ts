// What went wrong with S3, as one line that says what, where and what to do.
import { S3ServiceException } from "@aws-sdk/client-s3";
import { FaultError, fault } from "../../shared/base.ts";

const UNREACHABLE: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "EPIPE"]);
const CREDENTIALS: ReadonlySet<string> = new Set(["CredentialsProviderError", "TokenProviderError"]);
const DENIED: ReadonlySet<string> = new Set(["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "Forbidden"]);

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** HTTP status of an answer; undefined where there was none. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

export function isNamed(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof Error && names.includes(error.name);
}

/** `doing`: "upload part 3 of s3://…". A fault of ours passes as it is. */
export function s3Fault(error: unknown, doing: string): FaultError {
  if (error instanceof FaultError) return error;
  const name = error instanceof Error ? error.name : "";
  const message = (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
  const status = statusOf(error);
  if (CREDENTIALS.has(name)) return fault("export.s3-credentials", `Cannot ${doing}: no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE`);
  if (name === "NoSuchBucket") return fault("export.s3-no-bucket", `Cannot ${doing}: the bucket does not exist; make it first`);
  if (DENIED.has(name) || status === 403 || status === 401) return fault("export.s3-denied", `Cannot ${doing}: the server refuses (${name || status}: ${message}); check the credentials and the bucket's policy`);
  if (UNREACHABLE.has(codeOf(error)) || name === "TimeoutError") return fault("export.s3-unreachable", `Cannot ${doing}: the server cannot be reached (${codeOf(error) || name}); check --endpoint and the network, then export again: it goes on where it stopped`);
  return fault("export.s3-failed", `Cannot ${doing}: ${name}${status === undefined ? "" : ` (HTTP ${status})`}: ${message}; export again: it goes on where it stopped`);
}
