// What OKX's REST answers say of themselves: the server's time, and whether an answer is a refusal. It refuses with HTTP 200 too.
import { failed, type Result } from "../../../shared/base.ts";
import type { RestProblem } from "../adapter.ts";
import { isObject } from "./fields.ts";

const RATE_LIMITED_MS = 2_000; // limits are counted in windows of 2 s
const BANNED_MS = 300_000;

const RATE_LIMITED: ReadonlySet<string> = new Set(["50011", "50061"]);
const UNAVAILABLE: ReadonlySet<string> = new Set(["50001", "50004", "50013", "50026"]);
const DEAD: ReadonlySet<string> = new Set(["51001"]);

function parseBody(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

export function readServerTime(body: Uint8Array): Result<number> {
  const parsed = parseBody(body);
  const data = isObject(parsed) ? parsed["data"] : undefined;
  const first: unknown = Array.isArray(data) ? data[0] : undefined;
  const ts = isObject(first) ? first["ts"] : undefined;
  const ms = typeof ts === "string" && /^[1-9]\d{0,14}$/.test(ts) ? Number(ts) : undefined;
  if (ms !== undefined) return { ok: true, value: ms };
  return failed("feed.bad-server-time", "the answer to /api/v5/public/time holds no ts in milliseconds");
}

function waitMs(headers: Readonly<Record<string, string>>, otherwiseMs: number): number {
  const seconds = Number(headers["retry-after"]);
  return Number.isFinite(seconds) && seconds > 0 ? Math.ceil(seconds * 1_000) : otherwiseMs;
}

export function restProblem(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): RestProblem | undefined {
  const parsed = parseBody(body);
  const answer = isObject(parsed) ? parsed : {};
  const code = typeof answer["code"] === "string" || typeof answer["code"] === "number" ? String(answer["code"]) : "";
  const isSuccess = status >= 200 && status < 300;
  if (isSuccess && (code === "" || code === "0")) return undefined;
  const said = typeof answer["msg"] === "string" ? ` ${answer["msg"].slice(0, 300)}` : "";
  const detail = code === "" ? `HTTP ${status}` : `HTTP ${status}: ${code}${said}`;
  if (status === 429 || RATE_LIMITED.has(code)) return { kind: "rate-limited", retryAfterMs: waitMs(headers, RATE_LIMITED_MS), detail };
  if (status === 403 || status === 418) return { kind: "banned", retryAfterMs: waitMs(headers, BANNED_MS), detail };
  if (DEAD.has(code)) return { kind: "dead-symbol", retryAfterMs: undefined, detail };
  if (UNAVAILABLE.has(code) || status >= 500) return { kind: "unavailable", retryAfterMs: undefined, detail };
  return { kind: "refused", retryAfterMs: undefined, detail };
}
