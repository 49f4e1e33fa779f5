// `npm run fault-matrix -- [--seed N] [--fault NAME] [--venue NAME] [--json]`: one fault at a time at each simulated venue, under a virtual clock.
// Without a filter it writes docs/faults.md, which is what it says.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runnerImport } from "vite";
import { progress, progressDone } from "./kit/report.mjs";

const MATRIX = fileURLToPath(new URL("../src/main/engine/simulation/fault-matrix.ts", import.meta.url));
const DOCUMENT = fileURLToPath(new URL("../docs/faults.md", import.meta.url));
const USAGE = "usage: npm run fault-matrix -- [--seed N] [--fault NAME] [--venue NAME] [--json]";

function readArguments() {
  try {
    return parseArgs({ options: { seed: { type: "string", default: "1" }, fault: { type: "string" }, venue: { type: "string" }, json: { type: "boolean", default: false } } }).values;
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    return process.exit(2);
  }
}

const seconds = (ms) => `${(ms / 1_000).toFixed(1)} s`;

function cells(row) {
  const said = row.detected === undefined ? [] : [`${row.detected.what}, after ${seconds(Math.max(0, row.detected.afterMs))}`];
  const detected = [...said, ...row.counted].join("; ") || "nothing to see: what came was right";
  const repair = [...row.ledger, ...(row.settledMs === undefined ? [] : [`settled after ${seconds(row.settledMs)}`]), ...(row.restarted ? ["recording started again"] : []), ...(row.live ? [] : ["not every stream live at the end"])];
  const loss = row.lost === 0 ? "none" : `${row.lost} trades, ${row.unexplained === 0 ? "all in the ledger" : `${row.unexplained} of them in no entry`}`;
  return { detected, repair: repair.length === 0 ? "nothing to repair" : repair.join("; "), loss };
}

function documentOf(faults, rows, seed) {
  const lines = [
    "# The fault lab", "",
    "Everything that can be made to go wrong on purpose: the same names in the fault lab's panel, for `tapedeck record --fault NAME=AMOUNT@SECONDSs` and in tests. Venue faults are",
    "the simulator's; clock and disk faults are this machine's. All of them only where the data are simulated (`docs/decisions/24-fault-lab.md`).", "",
    "| fault | where | what happens | amount | preset |", "|---|---|---|---|---|",
    ...faults.map(({ name, place, summary, amount, preset }) => `| \`${name}\` | ${place} | ${summary} | ${amount} | ${preset} |`), "",
    "## What each one does to a recording", "",
    `Made by \`npm run fault-matrix\` (seed ${seed}): one recording of two symbols per fault and venue under a virtual clock, the fault with its preset amount after 35 s, REST faults together with a`,
    "drop and faults of new connections with a disconnect (else they would not strike), then 260 s until the end. *Detection* is what the log said first, *repair* the gap ledger's causes and",
    "last states, *loss* the trades of the market that are nowhere in the log. Times are of the simulation.", "",
    "| fault | venue | detection | repair | loss |", "|---|---|---|---|---|",
    ...rows.map((row) => { const { detected, repair, loss } = cells(row); return `| \`${row.fault}\` | ${row.venue} | ${detected} | ${repair} | ${loss} |`; }), "",
  ];
  return lines.join("\n");
}

const values = readArguments();
const seed = Number(values.seed);
const { module } = await runnerImport(MATRIX, { logLevel: "error", configFile: false, root: fileURLToPath(new URL("..", import.meta.url)) });
const { faultRow, MATRIX_FAULTS, MATRIX_VENUES } = module;
const faults = MATRIX_FAULTS.filter(({ name }) => values.fault === undefined || name === values.fault);
const venues = MATRIX_VENUES.filter((venue) => values.venue === undefined || venue === values.venue);
if (faults.length === 0 || venues.length === 0) {
  console.error(`there is no such fault or venue; there are ${MATRIX_FAULTS.map(({ name }) => name).join(", ")} and ${MATRIX_VENUES.join(", ")}\n${USAGE}`);
  process.exit(2);
}
const rows = [];
for (const { name } of faults) {
  for (const venue of venues) {
    progress(`${name} at ${venue}`);
    const row = await faultRow(name, venue, seed);
    rows.push(row);
    if (values.json) console.log(JSON.stringify(row));
    else if (values.fault !== undefined || values.venue !== undefined) console.log(`${name} ${venue}: ${Object.values(cells(row)).join(" | ")}`);
  }
}
progressDone();
if (values.fault === undefined && values.venue === undefined) writeFileSync(DOCUMENT, documentOf(MATRIX_FAULTS, rows, seed));
const unexplained = rows.filter((row) => row.unexplained > 0);
for (const { fault, venue, unexplained: count } of unexplained) console.error(`${fault} at ${venue}: ${count} missing trades are in no entry of the ledger`);
process.exit(unexplained.length === 0 ? 0 : 1);
