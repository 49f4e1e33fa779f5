// Words for measures, shared by commands: lengths of time, speeds, what is kept, and where something listens.
import { isIP } from "node:net";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import type { Retention } from "../bridge/server/types.ts";

const DURATION_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Node's timers end at 2^31 ms; nobody names a longer run, they leave the option out. */
export const DURATION_MAX_MS = 2 ** 31 - 1;
const SPEED_MAX = 100_000;
const PORT_MAX = 65_535;

function millisecondsOf(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const ms = match === null ? Number.NaN : Math.round(Number(match[1]) * (DURATION_MS[match[2] ?? ""] ?? Number.NaN));
  return ms > 0 && Number.isSafeInteger(ms) ? ms : undefined;
}

/** `30s`, `10m`, `4h`: ms. */
export const duration = (name: string): z.ZodType<number, string> =>
  z.string().transform((text) => {
    const ms = millisecondsOf(text);
    if (ms === undefined || ms > DURATION_MAX_MS) throw fault("cli.bad-option", `--${name} ${text}: write a length such as 30s, 10m, 4h (at most 24d)`);
    return ms;
  });

/** `asap` is 0. */
export const speed = z.string().transform((text) => {
  if (text === "asap") return 0;
  const factor = /^\d+(\.\d+)?x$/.test(text) ? Number(text.slice(0, -1)) : Number.NaN;
  if (!(factor > 0 && factor <= SPEED_MAX)) throw fault("cli.bad-option", `--speed ${text}: write asap, or a multiple of real time such as 1x, 0.5x, 60x (at most ${SPEED_MAX}x)`);
  return factor;
});

/** `7d`: by age alone; `50000`: by number alone. */
export const retention = z.string().transform((text): Retention => {
  if (/^[1-9]\d{0,14}$/.test(text)) return { entries: Number(text), ageMs: undefined };
  const ageMs = millisecondsOf(text);
  if (ageMs === undefined) throw fault("cli.bad-option", `--retain ${text}: write an age such as 7d, or a number of entries per stream such as 50000`);
  return { entries: Number.MAX_SAFE_INTEGER, ageMs };
});

/** `127.0.0.1:9464`, `[::1]:9464`, `localhost:0`. */
export const hostAndPort = z.string().transform((text): { readonly host: string; readonly port: number } => {
  const match = /^(\[[^\]]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/.exec(text);
  const host = match?.[1]?.replace(/^\[|\]$/g, "") ?? "";
  const port = Number(match?.[2] ?? Number.NaN);
  if (match === null || port > PORT_MAX || (match[1]?.startsWith("[") === true && isIP(host) !== 6)) {
    throw fault("cli.bad-option", `--metrics ${text}: write host:port such as 127.0.0.1:9464 (port 0 = any free one)`);
  }
  return { host, port };
});
