// Words for measures, shared by commands: lengths of time, speeds, what is kept, and where something listens.
import { isIP } from "node:net";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import type { Retention } from "../bridge/server/types.ts";
import type { DiskLimits } from "../engine/disk-watch.ts";
import type { ListenAt } from "../engine/engine-options.ts";

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

/** A port alone is this machine's loopback: `9464`, `127.0.0.1:9464`, `[::1]:9464`, `localhost:0`. */
export const hostAndPort = z.string().transform((text): ListenAt => {
  const match = /^(?:(\[[^\]]+\]|[A-Za-z0-9.-]+):)?(\d{1,5})$/.exec(text);
  const host = match?.[1]?.replace(/^\[|\]$/g, "") ?? "127.0.0.1";
  const port = Number(match?.[2] ?? Number.NaN);
  if (match === null || port > PORT_MAX || (match[1]?.startsWith("[") === true && isIP(host) !== 6)) {
    throw fault("cli.bad-option", `--metrics ${text}: write a port or host:port such as 9464 or 127.0.0.1:9464 (port 0 = any free one)`);
  }
  return { host, port };
});

const SIZE_BYTES: Readonly<Record<string, number>> = { "": 1, B: 1, K: 1_024, M: 1_024 ** 2, G: 1_024 ** 3, T: 1_024 ** 4 };

/** `512M`, `200G`, `1.5T` (powers of 1,024): bytes. */
export const byteSize = (name: string): z.ZodType<number, string> =>
  z.string().transform((text) => {
    const match = /^(\d+(?:\.\d+)?)([BKMGT]?)(?:i?B)?$/i.exec(text);
    const bytes = match === null ? Number.NaN : Math.round(Number(match[1]) * (SIZE_BYTES[(match[2] ?? "").toUpperCase()] ?? Number.NaN));
    if (!Number.isSafeInteger(bytes)) throw fault("cli.bad-option", `--${name} ${text}: write a size such as 512M, 200G, 1.5T`);
    return bytes;
  });

const DAY_MS = 86_400_000;

/** `30d`, `12h`: days, with fraction. Longer than any timer, hence not `duration`. */
export const ageInDays = (name: string): z.ZodType<number, string> =>
  z.string().transform((text) => {
    const ms = millisecondsOf(text);
    if (ms === undefined) throw fault("cli.bad-option", `--${name} ${text}: write an age such as 30d or 12h`);
    return ms / DAY_MS;
  });

/** --disk-low and --disk-stop; what is not given has its default. */
export function diskLimitsOf({ diskLow, diskStop }: { readonly diskLow?: number | undefined; readonly diskStop?: number | undefined }): DiskLimits {
  return { ...(diskLow === undefined ? {} : { lowBytes: diskLow }), ...(diskStop === undefined ? {} : { stopBytes: diskStop }) };
}
