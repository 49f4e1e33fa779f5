// `npm run simulate -- --seeds N --from S [--kinds a,b] [--verbose]`: any number of simulated sessions, by seed. Exit 1 when one failed.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runnerImport } from "vite";

const SIMULATION = fileURLToPath(new URL("../src/main/engine/simulation/simulation.ts", import.meta.url));
const USAGE = "usage: npm run simulate -- [--seeds N] [--from S] [--kinds drop,crash,…|none] [--verbose]";

function usage(problem) {
  console.error(`${problem}\n${USAGE}`);
  process.exit(2);
}

function whole(text, name) {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) usage(`--${name} takes a whole number, got ${text}`);
  return value;
}

function readArguments() {
  try {
    return parseArgs({
      options: { seeds: { type: "string", default: "50" }, from: { type: "string", default: "1" }, kinds: { type: "string" }, verbose: { type: "boolean", default: false } },
    }).values;
  } catch (error) {
    return usage(error.message);
  }
}

const values = readArguments();
const seeds = whole(values.seeds, "seeds");
const from = whole(values.from, "from");
const { module } = await runnerImport(SIMULATION, { logLevel: "error", configFile: false, root: fileURLToPath(new URL("..", import.meta.url)) });
const { simulate, repeatCommand, FAULT_KINDS } = module;
const kinds = values.kinds === undefined ? undefined : values.kinds === "none" ? [] : values.kinds.split(",");
for (const kind of kinds ?? []) if (!FAULT_KINDS.includes(kind)) usage(`there is no kind of fault ${kind}; there are ${FAULT_KINDS.join(", ")}`);

let failed = 0;
const startedMs = performance.now();
for (let seed = from; seed < from + seeds; seed += 1) {
  const at = performance.now();
  const report = await simulate(kinds === undefined ? { seed } : { seed, kinds });
  const bad = report.failures.length > 0;
  if (bad) failed += 1;
  if (bad || values.verbose) {
    const told = report.schedule.map(({ atMs, faults }) => `${(atMs / 1_000).toFixed(1)}s ${faults.map((fault) => fault.name).join("+")}`).join(", ");
    console.log(
      `seed ${seed}: ${bad ? "FAILED" : "ok"} in ${Math.round(performance.now() - at)} ms, ${report.records} records, ${report.bars} bars, ` +
        `${report.revisions} revisions, ${report.gaps} gaps, ${report.lives} lives; faults: ${told === "" ? "none" : told}`,
    );
  }
  for (const failure of report.failures) console.log(`  ${failure}`);
  if (bad) console.log(`  repeat with: ${repeatCommand(seed)}${values.kinds === undefined ? "" : ` --kinds ${values.kinds}`}`);
}
console.log(`${seeds} seeds from ${from}: ${failed} failed, ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
process.exit(failed === 0 ? 0 : 1);
