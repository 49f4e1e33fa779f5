// Compaction, export and queries as the engine offers them, with the processes and threads that the build makes.
import { createRequire } from "node:module";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { JobStatus } from "../../shared/protocol/frames.ts";
import { hftTrades } from "../importers/import.testkit.ts";
import { removeRoot, testRoot } from "../lake/lake.testkit.ts";
import { importFiles } from "./import-files.ts";
import { Jobs } from "./jobs.ts";
import { LakeJobs } from "./lake-jobs.ts";
import { Queries } from "./queries.ts";

let root: string;
let distMain: URL;

beforeAll(async () => {
  root = await testRoot();
  const outDir = join(root, "dist");
  const require = createRequire(import.meta.url);
  const entry = (path: string): string => fileURLToPath(new URL(`../${path}.ts`, import.meta.url));
  await build({
    configFile: false, logLevel: "error", publicDir: false,
    build: {
      ssr: true, target: "node20", outDir, minify: false,
      // The bundle lies outside of the checkout, where no package is found by its name.
      rolldownOptions: {
        input: { "processes/lake": entry("processes/lake"), "processes/query": entry("processes/query"), "workers/job": entry("workers/job") },
        external: (id: string) => id.startsWith("node:") || (!id.startsWith(".") && !id.startsWith("/") && !id.startsWith("\0") && !id.startsWith("@oxc-project/runtime")),
        output: { format: "esm", entryFileNames: "[name].js", paths: (id: string) => (id.startsWith("node:") ? id : pathToFileURL(require.resolve(id)).href) },
      },
    },
  });
  distMain = pathToFileURL(`${outDir}/`);
  const file = join(root, "a.txt");
  await writeFile(file, hftTrades(2_000));
  await importFiles({
    capturesFolder: join(root, "captures"), captureId: "one", venue: "binance-usdm", format: "hft", fold: undefined, files: [file], version: "test",
    clock: { wallNs: () => { throw new Error("an import may not ask for the time"); } },
  });
}, 60_000);
afterAll(() => removeRoot(root));

let jobs: Jobs;
let lakeJobs: LakeJobs;
let queries: Queries;
let changed: () => void;
beforeEach(() => {
  changed = () => undefined;
  jobs = new Jobs({ distMain, monotonicMs: () => performance.now(), onChange: () => { changed(); }, onDone: () => undefined });
  lakeJobs = new LakeJobs({ distMain, dataFolder: root, spawn: undefined, jobs, onNote: () => undefined });
  queries = new Queries({ distMain, dataFolder: root, spawn: undefined });
});
afterEach(async () => {
  await jobs.close();
  await lakeJobs.close();
  await queries.close();
});

function ended({ jobId }: { jobId: string }): Promise<JobStatus> {
  return new Promise((resolve) => {
    changed = () => {
      const status = jobs.list.find((one) => one.jobId === jobId);
      if (status !== undefined && status.state !== "running") resolve(status);
    };
    changed();
  });
}

test("compact, query, cancel, export: each by its command", async () => {
  const run = queries.handlers["query.run"];
  await expect(run({ queryId: "q", captureId: "one", sql: "SELECT count(*) FROM trade", rowsMax: 10 })).rejects.toMatchObject({ fault: { code: "query.not-compacted" } });
  expect(await ended(await lakeJobs.handlers["compact.start"]({ captureId: "one" }))).toMatchObject({ kind: "compact", state: "done", summary: expect.stringContaining("2000 rows") as string });
  expect(await run({ queryId: "q", captureId: "one", sql: "SELECT count(*) FROM trade", rowsMax: 10 })).toMatchObject({ rows: [[2000]] });
  expect((await queries.handlers["query.tables"]({ captureId: "one" })).find(({ name }) => name === "trade")).toMatchObject({ rows: 2000 });

  const endless = run({ queryId: "slow", captureId: "one", sql: "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE (a.range * b.range) % 7 = 3", rowsMax: 10 });
  const refused = expect(endless).rejects.toMatchObject({ fault: { code: "query.cancelled" } });
  expect(await run({ queryId: "fast", captureId: "one", sql: "SELECT 1", rowsMax: 10 })).toMatchObject({ rows: [[1]] });
  await queries.handlers["query.cancel"]({ queryId: "slow" });
  await refused;
  await queries.handlers["query.cancel"]({ queryId: "nobody" });

  const to = join(root, "exported");
  expect(await ended(await lakeJobs.handlers["export.start"]({ captureId: "one", to }))).toMatchObject({ kind: "export", state: "done", summary: expect.stringContaining("verified") as string });
  expect((await stat(join(to, "tapedeck-export.json"))).isFile()).toBe(true);
  expect(await ended(await lakeJobs.handlers["export.start"]({ captureId: "one", to: `${to}.mcap` }))).toMatchObject({ state: "done", summary: expect.stringContaining("2003 messages") as string });
  expect(await ended(await lakeJobs.handlers["export.start"]({ captureId: "one", to: `${to}.mcap` }))).toMatchObject({ state: "failed", fault: { code: "export.exists" } });
});

test("unknown captures and impossible places are refused at once; a query that runs when the engine closes is cancelled", async () => {
  await expect(lakeJobs.handlers["compact.start"]({ captureId: "none" })).rejects.toMatchObject({ fault: { code: "captures.unknown" } });
  await expect(lakeJobs.handlers["export.start"]({ captureId: "one", to: "relative" })).rejects.toMatchObject({ fault: { code: "export.bad-address" } });
  await expect(queries.handlers["query.run"]({ queryId: "q", captureId: "none", sql: "SELECT 1", rowsMax: 1 })).rejects.toMatchObject({ fault: { code: "captures.unknown" } });
  const endless = queries.handlers["query.run"]({ queryId: "slow", captureId: "one", sql: "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE (a.range * b.range) % 7 = 3", rowsMax: 10 });
  const refused = expect(endless).rejects.toMatchObject({ fault: { code: "query.cancelled" } });
  expect(await queries.handlers["query.run"]({ queryId: "fast", captureId: "one", sql: "SELECT 1", rowsMax: 1 })).toMatchObject({ rows: [[1]] });
  await queries.close();
  await refused;
});
