// What every command shares: its output, how it is stopped, its two common options, and how answers become exit codes.
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import { venueFromText, VENUE_IDS, type VenueId } from "../../shared/market.ts";
import { INTERVALS, isInterval, msFromNs, parseUtcNs, type Interval } from "../../shared/time.ts";
import type { CliOutput } from "../cli-output.ts";

/** 0 done, 1 a check failed, 2 bad usage or bad input. */
export type ExitCode = 0 | 1 | 2;

export interface CommandContext {
  readonly output: CliOutput;
  /** Aborted by Ctrl-C (SIGINT) or SIGTERM: commands end in good order. */
  readonly stop: AbortSignal;
  /** Folder of the running bundle, `dist/main/`: where thread entries lie. */
  readonly distMain: URL;
  /** Set by the command that ran. */
  exitCode: ExitCode;
}

/** TAPEDECK_DATA, else the platform's folder for application data. */
export function defaultDataFolder(environment: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  const home = homedir();
  if (environment["TAPEDECK_DATA"] !== undefined && environment["TAPEDECK_DATA"] !== "") return environment["TAPEDECK_DATA"];
  if (platform === "darwin") return join(home, "Library/Application Support/tapedeck");
  if (platform === "win32") return join(environment["APPDATA"] ?? join(home, "AppData/Roaming"), "tapedeck");
  return join(environment["XDG_DATA_HOME"] ?? join(home, ".local/share"), "tapedeck");
}

function optionFault(name: string, text: string, what: string): never {
  throw fault("cli.bad-option", `--${name} ${text}: ${what}`);
}

/** Option schemas, in the words of the command line. */
export const optionText = {
  data: z.string().min(1).transform((path) => resolve(path)),
  json: z.boolean().default(false),
  capture: z.string().transform((text) => {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/.test(text)) optionFault("capture", JSON.stringify(text), "letters, digits, dot, dash and underscore, at most 80, starting with a letter or digit");
    return text;
  }),
  venue: z.string().transform((text): VenueId => venueFromText(text) ?? optionFault("venue", text, `no such venue; there are binance, bybit, okx (their futures), ${VENUE_IDS.join(", ")}`)),
  symbol: z.string().transform((text) => {
    if (!/^[A-Za-z0-9_.-]{1,64}$/.test(text)) optionFault("symbol", JSON.stringify(text), "letters, digits, dot, dash and underscore");
    return text.toUpperCase();
  }),
  interval: z.string().transform((text): Interval => (isInterval(text) ? text : optionFault("interval", text, `no such interval; there are ${INTERVALS.join(", ")}`))),
  /** A moment, in ns. */
  moment: (name: string) =>
    z.string().transform((text) => parseUtcNs(text) ?? optionFault(name, text, "no moment; write 2024-08-08T23:57:12Z, or epoch ms (13 digits) or ns (19 digits)")),
  count: (name: string) =>
    z.string().transform((text) => (/^\d{1,15}$/.test(text) ? Number(text) : optionFault(name, text, "a whole number, 0 or more"))),
} as const;

/** The start of the bar-time range that a moment in ns stands for: rounded up, so that `from` never includes earlier bars. */
export function msAtOrAfter(ns: bigint): number {
  return msFromNs(ns + 999_999n);
}

export const commonOptions = { data: optionText.data, json: optionText.json } as const;

/** Adds `--data` and `--json`, validates the options with `schema` and turns the answer into the exit code. */
export function defineCommand<Shape extends z.ZodType>(options: {
  readonly command: Command;
  readonly context: CommandContext;
  readonly schema: Shape;
  readonly run: (input: z.output<Shape>) => Promise<ExitCode>;
}): Command {
  const { command, context, schema, run } = options;
  return command
    .option("--data <folder>", "data folder (TAPEDECK_DATA says the default)", defaultDataFolder())
    .option("--json", "results as JSON, one object per line")
    .allowExcessArguments(false)
    .action(async (...received: unknown[]) => {
      const words = Object.fromEntries(command.registeredArguments.map((argument, index) => [argument.name(), received[index]]));
      const parsed = schema.safeParse({ ...command.opts(), ...words });
      if (!parsed.success) {
        const issue = parsed.error.issues[0];
        throw fault("cli.bad-option", `tapedeck ${command.name()}: ${issue?.path.join(".") ?? "options"}: ${issue?.message ?? "not valid"}`);
      }
      context.exitCode = await run(parsed.data);
    });
}

export function capturesFolder(data: string): string {
  return join(data, "captures");
}
