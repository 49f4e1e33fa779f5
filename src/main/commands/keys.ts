// `tapedeck keys`: this data folder's own pair, and whose keys may come in beyond loopback.
import type { Command } from "commander";
import { z } from "zod";
import { formatUtcMs } from "../../shared/time.ts";
import type { Column } from "../cli-output.ts";
import { KeyRing, type KeyRingState, type TrustedKey } from "../keys/key-ring.ts";
import { NodeClock } from "../net/node-clock.ts";
import { commonOptions, defineCommand, type CommandContext, type ExitCode } from "./context.ts";

const newSchema = z.object({ ...commonOptions, force: z.boolean().default(false) });
const listSchema = z.object(commonOptions);
const trustSchema = z.object({ ...commonOptions, name: z.string(), key: z.string() });
const revokeSchema = z.object({ ...commonOptions, who: z.string() });

function ringOf({ data }: { readonly data: string }): KeyRing {
  return new KeyRing({ dataFolder: data, clock: new NodeClock() });
}

async function makeNew({ output }: CommandContext, input: z.output<typeof newSchema>): Promise<ExitCode> {
  const ring = ringOf(input);
  const { publicKey } = await ring.makeNew({ force: input.force });
  if (input.json) await output.json({ public_key: publicKey, file: ring.file });
  else {
    await output.line(publicKey);
    output.note(`The secret half is in ${ring.file}. On the other machine: tapedeck keys trust NAME '${publicKey}'`);
  }
  return 0;
}

const COLUMNS: readonly Column<TrustedKey>[] = [
  { title: "trusted", text: ({ name }) => name },
  { title: "public key", text: ({ publicKey }) => publicKey },
  { title: "since (UTC)", text: ({ addedMs }) => formatUtcMs(addedMs) },
];

function ringObject({ publicKey, trusted, storedIn }: KeyRingState): Record<string, unknown> {
  return {
    public_key: publicKey ?? null, stored_in: storedIn,
    trusted: trusted.map(({ name, publicKey: key, addedMs }) => ({ name, public_key: key, added_ts_ms: addedMs })),
  };
}

async function list({ output }: CommandContext, input: z.output<typeof listSchema>): Promise<ExitCode> {
  const state = await ringOf(input).state();
  if (input.json) {
    await output.json(ringObject(state));
    return 0;
  }
  const { publicKey, trusted } = state;
  await output.line(publicKey === undefined ? "no own pair yet: tapedeck keys new" : `own public key  ${publicKey}`);
  if (trusted.length === 0) await output.line("nobody is trusted: tapedeck keys trust NAME KEY");
  else await output.table(COLUMNS, trusted);
  return 0;
}

async function trust({ output }: CommandContext, input: z.output<typeof trustSchema>): Promise<ExitCode> {
  await ringOf(input).trust(input.name, input.key);
  if (input.json) await output.json({ name: input.name, public_key: input.key });
  else await output.line(`${input.name} is trusted`);
  return 0;
}

async function revoke({ output }: CommandContext, input: z.output<typeof revokeSchema>): Promise<ExitCode> {
  await ringOf(input).revoke(input.who);
  if (input.json) await output.json({ revoked: input.who });
  else await output.line(`${input.who} is no longer trusted`);
  return 0;
}

export function registerKeys(program: Command, context: CommandContext): void {
  const keys = program.command("keys").description("keys for the bridge beyond this machine: own pair, and who may come in");
  defineCommand({
    command: keys.command("new").description("make this data folder's own pair and print the public key").option("--force", "replace the pair there is"),
    context, schema: newSchema, run: (input) => makeNew(context, input),
  });
  defineCommand({ command: keys.command("list").description("own public key and trusted keys"), context, schema: listSchema, run: (input) => list(context, input) });
  defineCommand({
    command: keys.command("trust").description("let a client with this public key in").argument("<name>", "what to call it").argument("<key>", "its public key, in single quotes"),
    context, schema: trustSchema, run: (input) => trust(context, input),
  });
  defineCommand({
    command: keys.command("revoke").description("no longer let it in; a running server cuts it off").argument("<who>", "its name or its public key"),
    context, schema: revokeSchema, run: (input) => revoke(context, input),
  });
  for (const command of keys.commands) command.exitOverride().copyInheritedSettings(keys.copyInheritedSettings(program));
}
