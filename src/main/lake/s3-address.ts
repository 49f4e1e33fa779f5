// `s3://bucket/prefix` and how to get there.
import { fault } from "../../shared/base.ts";

export interface S3Address {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
}

const ADDRESS = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/;

export function isS3Address(text: string): boolean {
  return text.startsWith("s3://");
}

/** Throws `export.bad-address`. */
export function parseS3Address(text: string): S3Address {
  const match = ADDRESS.exec(text);
  const prefix = (match?.[2] ?? "").replace(/^\/+|\/+$/g, "");
  if (match === null || prefix.length > 500 || !/^[\x20-\uffff]*$/.test(prefix) || prefix.includes("//")) throw fault("export.bad-address", `${text}: write s3://bucket/prefix; a bucket has 3 to 63 lower-case letters, digits, dots and dashes`);
  return { bucket: match[1] ?? "", prefix };
}

export interface S3Access {
  /** Of a server other than Amazon's: `http://127.0.0.1:9000`. */
  readonly endpoint?: string;
  readonly region?: string;
}
