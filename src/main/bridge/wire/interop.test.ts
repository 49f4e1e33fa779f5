// Others' FlatBuffers and ours understand each other: flatc reads our frames, and writes frames that we read. Skips without flatc.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { goldens } from "./messages.testkit.ts";

const SCHEMA = fileURLToPath(new URL("../../../../schemas/market_data.fbs", import.meta.url));
const hasFlatc = spawnSync("flatc", ["--version"]).status === 0;
let folder = "";

function flatc(options: readonly string[], files: readonly string[]): void {
  const result = spawnSync("flatc", [...options, "-o", folder, SCHEMA, ...files], { encoding: "utf8" });
  expect(result.stderr + result.stdout).toBe("");
  expect(result.status).toBe(0);
}

describe.skipIf(!hasFlatc)("through flatc's JSON and back (skips without flatc)", () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "tapedeck-interop-"));
    const names = [...goldens()].map(([name, { frame }]) => {
      writeFileSync(join(folder, `${name}.bin`), frame());
      return join(folder, name);
    });
    flatc(["--json", "--strict-json"], ["--", ...names.map((name) => `${name}.bin`)]);
    flatc(["--binary"], names.map((name) => `${name}.json`));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each([...goldens()])("%s", (name, { decode, decoded, frame }) => {
    const theirs = readFileSync(join(folder, `${name}.bin`));
    expect(Buffer.compare(theirs, frame())).not.toBe(0);
    expect(decode(theirs)).toEqual({ ok: true, value: decoded });
  });
});
