// Replay cursor v1 (contract 001): exact JSON, exact base64. A cursor names one event; resume starts after it. Pure.
import { failed, type Result } from "./base.ts";
import type { OrderKey } from "./ordering.ts";

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const CURSOR_TEXT_MAX = 256;
const CURSOR_JSON = /^\{"v":1,"ts_event":"(0|-?[1-9]\d{0,18})","seq":"(0|[1-9]\d{0,19})"\}$/;

/** ASCII to base64; cursors hold nothing else. */
function toBase64(ascii: string): string {
  let out = "";
  for (let i = 0; i < ascii.length; i += 3) {
    const chunk = (ascii.charCodeAt(i) << 16) | ((ascii.charCodeAt(i + 1) || 0) << 8) | (ascii.charCodeAt(i + 2) || 0);
    out += BASE64.charAt(chunk >> 18) + BASE64.charAt((chunk >> 12) & 63);
    out += i + 1 < ascii.length ? BASE64.charAt((chunk >> 6) & 63) : "=";
    out += i + 2 < ascii.length ? BASE64.charAt(chunk & 63) : "=";
  }
  return out;
}

function fromBase64(text: string): string | undefined {
  if (text.length === 0 || text.length % 4 !== 0 || text.length > CURSOR_TEXT_MAX || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  let out = "";
  for (let i = 0; i < text.length; i += 4) {
    const values = [0, 1, 2, 3].map((offset) => Math.max(0, BASE64.indexOf(text.charAt(i + offset))));
    const chunk = values.reduce((sum, value) => (sum << 6) | value, 0);
    out += String.fromCharCode((chunk >> 16) & 255);
    if (text.charAt(i + 2) !== "=") out += String.fromCharCode((chunk >> 8) & 255);
    if (text.charAt(i + 3) !== "=") out += String.fromCharCode(chunk & 255);
  }
  return out;
}

/** `{ v: 1, ts_event, seq }` as base64 of its JSON, fields in the contract's order. */
export function encodeCursor(key: OrderKey): string {
  return toBase64(`{"v":1,"ts_event":"${key.tsEventNs}","seq":"${key.seq}"}`);
}

/** Refuses, with `cursor.*` faults that name the trouble: not base64, not JSON, other version, a missing or odd field. */
export function decodeCursor(text: string): Result<OrderKey> {
  const json = fromBase64(text);
  if (json === undefined) return failed("cursor.not-base64", `cursor ${JSON.stringify(text.slice(0, 80))} is not base64: copy it again, whole`);
  const exact = CURSOR_JSON.exec(json);
  if (exact !== null) return { ok: true, value: { tsEventNs: BigInt(exact[1] ?? "0"), seq: BigInt(exact[2] ?? "0") } };
  let loose: unknown;
  try {
    loose = JSON.parse(json);
  } catch {
    return failed("cursor.not-json", "cursor does not hold JSON: copy it again, whole");
  }
  if (typeof loose !== "object" || loose === null) return failed("cursor.not-object", "cursor does not hold a JSON object");
  const fields = loose as Record<string, unknown>;
  if (fields["v"] !== 1) return failed("cursor.version", `cursor version ${JSON.stringify(fields["v"])} is not 1: it was made by another version`);
  for (const name of ["ts_event", "seq"]) {
    const value = fields[name];
    if (value === undefined) return failed("cursor.missing-field", `cursor lacks the field ${name}: resuming without it would corrupt the replay`);
    if (typeof value !== "string" || !/^(0|-?[1-9]\d{0,19})$/.test(value)) {
      return failed("cursor.bad-field", `cursor field ${name} is ${JSON.stringify(value)}, not a whole number as a string`);
    }
  }
  const seq = BigInt(fields["seq"] as string);
  if (seq < 0n) return failed("cursor.bad-field", "cursor field seq is negative");
  return { ok: true, value: { tsEventNs: BigInt(fields["ts_event"] as string), seq } };
}
