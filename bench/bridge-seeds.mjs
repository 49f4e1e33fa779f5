// `npm run bridge-seeds -- --seeds N --from S [--entries E] [--kinds a,b|none] [--processes P] [--verbose]`: any number of simulated
// sessions of the bridge's two halves, by seed. Exit 1 when one failed.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runnerImport } from "vite";

const HERE = fileURLToPath(import.meta.url);
const SIMULATION = fileURLToPath(new URL("../src/main/bridge/simulation/simulation.testkit.ts", import.meta.url));
const USAGE = "usage: npm run bridge-seeds -- [--seeds N] [--from S] [--entries E] [--kinds cut,kill-server,…|none] [--codec token|wire] [--processes P] [--verbose]";

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
      options: {
        seeds: { type: "string", default: "50" }, from: { type: "string", default: "1" }, entries: { type: "string", default: "10000" }, kinds: { type: "string" },
        codec: { type: "string" }, processes: { type: "string", default: "1" }, verbose: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    return usage(error.message);
  }
}

function tell(report, elapsedMs, isVerbose) {
  const isBad = report.failures.length > 0;
  if (!isBad && !isVerbose) return;
  console.log(
    `seed ${report.seed}: ${isBad ? "FAILED" : "ok"} in ${Math.round(elapsedMs)} ms (${report.virtualMs} ms of its own time), ${report.codec} codec, ${report.streams} streams, ` +
      `${report.entries} entries, ${report.told} told, ${report.serverLives} lives of the server, ${report.clientLives} of ${report.clients} clients, ${report.resets} resets, ` +
      `${report.holes} holes, ${report.histories} histories, frames: ${report.frames}; faults: ${report.kinds}`,
  );
  if (!isBad) return;
  for (const failure of report.failures) console.log(`  ${failure}`);
  console.log(`  trace:\n    ${report.trace.join("\n    ")}`);
  console.log(`  repeat with: ${report.repeat}`);
}

/** Runs every seed that is this process's share; answers how many failed. */
async function runShare(values, share, shares) {
  const { module } = await runnerImport(SIMULATION, { logLevel: "error", configFile: false, root: fileURLToPath(new URL("..", import.meta.url)) });
  const { simulateBridge, FAULT_KINDS } = module;
  const kinds = values.kinds === undefined ? undefined : values.kinds === "none" ? [] : values.kinds.split(",");
  for (const kind of kinds ?? []) if (!FAULT_KINDS.includes(kind)) usage(`there is no kind of fault ${kind}; there are ${FAULT_KINDS.join(", ")}`);
  if (values.codec !== undefined && values.codec !== "token" && values.codec !== "wire") usage(`--codec is token or wire, got ${values.codec}`);
  const from = whole(values.from, "from");
  const seeds = whole(values.seeds, "seeds");
  const entries = whole(values.entries, "entries");
  let failed = 0;
  let slowestMs = 0;
  for (let seed = from + share; seed < from + seeds; seed += shares) {
    const at = performance.now();
    const report = await simulateBridge({ seed, entries, ...(kinds === undefined ? {} : { kinds }), ...(values.codec === undefined ? {} : { codec: values.codec }) });
    const elapsedMs = performance.now() - at;
    slowestMs = Math.max(slowestMs, elapsedMs);
    if (report.failures.length > 0) failed += 1;
    tell(report, elapsedMs, values.verbose);
  }
  return { failed, slowestMs };
}

function runChild(share, shares) {
  return new Promise((resolve, reject) => {
    const child = fork(HERE, process.argv.slice(2), { env: { ...process.env, BRIDGE_SEEDS_SHARE: `${share}/${shares}` } });
    let result;
    child.on("message", (message) => { result = message; });
    child.on("exit", (code) => (result === undefined ? reject(new Error(`a process of seeds ended with code ${code} before it was done`)) : resolve(result)));
  });
}

const values = readArguments();
const ofParent = process.env.BRIDGE_SEEDS_SHARE;
if (ofParent !== undefined) {
  const [share, shares] = ofParent.split("/").map(Number);
  process.send(await runShare(values, share, shares));
  process.disconnect();
} else {
  const startedMs = performance.now();
  const processes = Math.max(1, whole(values.processes, "processes"));
  const results = processes === 1 ? [await runShare(values, 0, 1)] : await Promise.all(Array.from({ length: processes }, (_, share) => runChild(share, processes)));
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  const slowestMs = results.reduce((most, result) => Math.max(most, result.slowestMs), 0);
  console.log(
    `${values.seeds} seeds from ${values.from} with ${values.entries} entries each: ${failed} failed, ${((performance.now() - startedMs) / 1_000).toFixed(1)} s ` +
      `in ${processes} process${processes === 1 ? "" : "es"}, the slowest seed ${Math.round(slowestMs)} ms`,
  );
  process.exit(failed === 0 ? 0 : 1);
}
