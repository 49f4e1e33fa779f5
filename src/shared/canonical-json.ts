// Canonical serialization (contract 001): one text per value, one value per text, so that digests can be compared. Pure.
//
// Keys sorted by UTF-16 code units; bigints as "123n"; undefined members omitted. Whatever cannot come back as it went in
// is refused: NaN, infinities, -0, undefined in arrays or at the top, a string that reads as a bigint ("123n"), class
// instances, cycles. `canonicalStringify(canonicalParse(x)) === x` always holds, because canonicalParse refuses other x.
import { fault } from "./base.ts";

export type CanonicalValue =
  | null | boolean | number | bigint | string | undefined | readonly CanonicalValue[] | { readonly [key: string]: CanonicalValue };

const BIGINT_TEXT = /^(?:0|-?[1-9]\d*)n$/;
const DEPTH_MAX = 256;

function refuse(path: string, what: string): never {
  throw fault("canonical-json.refused", `canonical JSON at ${path}: ${what}`);
}

function writeString(text: string, path: string): string {
  if (BIGINT_TEXT.test(text)) refuse(path, `the string ${JSON.stringify(text)} would come back as a bigint`);
  return JSON.stringify(text);
}

function writeObject(value: object, path: string, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) refuse(path, "only plain objects can be written");
  if (Object.getOwnPropertySymbols(value).length > 0) refuse(path, "symbol keys cannot be written");
  const members: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const member: unknown = (value as Record<string, unknown>)[key];
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${write(member, `${path}.${key}`, depth + 1)}`);
  }
  return `{${members.join(",")}}`;
}

function writeArray(value: readonly unknown[], path: string, depth: number): string {
  const items: string[] = [];
  for (let index = 0; index < value.length; index += 1) items.push(write(value[index], `${path}[${index}]`, depth + 1));
  return `[${items.join(",")}]`;
}

function write(value: unknown, path: string, depth: number): string {
  if (depth > DEPTH_MAX) refuse(path, `nested deeper than ${DEPTH_MAX} (a cycle?)`);
  switch (typeof value) {
    case "string":
      return writeString(value, path);
    case "bigint":
      return `"${value}n"`;
    case "boolean":
      return value ? "true" : "false";
    case "number":
      if (!Number.isFinite(value)) refuse(path, `${value} has no JSON form`);
      if (Object.is(value, -0)) refuse(path, "-0 would come back as 0");
      return JSON.stringify(value);
    case "object":
      if (value === null) return "null";
      return Array.isArray(value) ? writeArray(value, path, depth) : writeObject(value, path, depth);
    default:
      return refuse(path, `${typeof value} cannot be written`);
  }
}

/** Deterministic text of a value. Throws `canonical-json.refused` for what could not be read back the same. */
export function canonicalStringify(value: CanonicalValue | object): string {
  return write(value, "$", 0);
}

function revive(value: unknown): unknown {
  if (typeof value === "string") return BIGINT_TEXT.test(value) ? BigInt(value.slice(0, -1)) : value;
  if (typeof value !== "object" || value === null) return value;
  for (const key of Object.keys(value)) {
    // defineProperty, since plain assignment to "__proto__" would set the prototype instead of the member.
    const member = revive((value as Record<string, unknown>)[key]);
    Object.defineProperty(value, key, { value: member, writable: true, enumerable: true, configurable: true });
  }
  return value;
}

/** Reads canonical text back, bigints included. Throws `canonical-json.refused` for text that is not canonical. */
export function canonicalParse(text: string): unknown {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw fault("canonical-json.refused", `not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const value = revive(parsed);
  if (write(value, "$", 0) !== text) throw fault("canonical-json.refused", "the text is JSON, but not in canonical form");
  return value;
}
