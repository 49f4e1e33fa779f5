// The `tapedeck` command: parses, dispatches, and turns every outcome into an exit code. bin/tapedeck.mjs calls it.
import type { Writable } from "node:stream";
import { Command, CommanderError } from "commander";
import { FaultError } from "../shared/base.ts";
import { CliOutput } from "./cli-output.ts";
import { registerCandles } from "./commands/candles.ts";
import { registerCaptures } from "./commands/captures.ts";
import { registerCompact } from "./commands/compact.ts";
import type { CommandContext } from "./commands/context.ts";
import { registerDoctor } from "./commands/doctor.ts";
import { registerDump } from "./commands/dump.ts";
import { registerExport } from "./commands/export.ts";
import { registerGaps } from "./commands/gaps.ts";
import { registerImport } from "./commands/import.ts";
import { registerKeys } from "./commands/keys.ts";
import { registerQuery } from "./commands/query.ts";
import { registerRecord } from "./commands/record.ts";
import { registerReplay } from "./commands/replay.ts";
import { registerRetention } from "./commands/retention.ts";
import { registerRevisions } from "./commands/revisions.ts";
import { registerServe } from "./commands/serve.ts";
import { registerSimulate } from "./commands/simulate.ts";
import { registerVerify } from "./commands/verify.ts";
import { fileSystemFault } from "./rawlog/node-disk.ts";

const OK = 0;
const BAD_INPUT = 2;

/** In the order of the help text. */
const COMMANDS = [
  registerRecord, registerImport, registerCaptures, registerCompact, registerExport, registerQuery, registerDump, registerCandles, registerGaps, registerRevisions, registerVerify, registerReplay, registerServe, registerKeys, registerRetention, registerSimulate, registerDoctor,
];

function buildProgram(context: CommandContext): Command {
  const program = new Command("tapedeck")
    .description("Record every message, prove every candle, replay any moment.")
    .exitOverride()
    .configureOutput({ writeOut: (text) => void context.output.line(text.trimEnd()), writeErr: (text) => context.output.note(text.trimEnd()) })
    .showHelpAfterError(false)
    .enablePositionalOptions();
  for (const register of COMMANDS) register(program, context);
  for (const command of program.commands) command.exitOverride().copyInheritedSettings(program);
  return program;
}

function report(error: unknown, output: CliOutput): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? OK : BAD_INPUT;
  const known = error instanceof FaultError ? error : fileSystemFault(error);
  if (known !== undefined) {
    output.note(`tapedeck: ${known.fault.message.replaceAll("\n", " ")}`);
    return BAD_INPUT;
  }
  output.note(`tapedeck: unexpected error, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return BAD_INPUT;
}

interface CliStreams { readonly out: Writable; readonly log: Writable & { readonly isTTY?: boolean } }

/** Runs one command line (without `node` and script) and resolves with the exit code: 0, 1 (a check failed) or 2 (bad input). */
export async function runCli(argv: readonly string[], streams: CliStreams = { out: process.stdout, log: process.stderr }): Promise<number> {
  const output = new CliOutput(streams.out, streams.log);
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const context: CommandContext = { output, stop: stopping.signal, distMain: new URL(".", import.meta.url), exitCode: OK };
  try {
    const program = buildProgram(context);
    if (argv.length === 0) {
      output.note(program.helpInformation().trimEnd());
      return BAD_INPUT;
    }
    await program.parseAsync([...argv], { from: "user" });
    return context.exitCode;
  } catch (error) {
    return report(error, output);
  } finally {
    await output.flush();
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}
