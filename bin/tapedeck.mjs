#!/usr/bin/env node
// The `tapedeck` command: sets itself up on stderr, then hands over. stdout belongs to the results.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { exitWith, SetupError, setUp } from "./setup.mjs";
import { DIST } from "./stamp.mjs";

try {
  setUp();
  const entry = join(DIST, "main/cli.js");
  if (!existsSync(entry)) throw new SetupError("dist/main/cli.js is missing; `npm run build` makes it.");
  const { runCli } = await import(pathToFileURL(entry).href);
  process.exitCode = await runCli(process.argv.slice(2));
} catch (error) {
  exitWith(error);
}
