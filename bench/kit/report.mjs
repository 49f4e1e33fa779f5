// How benches measure and what they print: median of several runs with minimum and maximum, the ratio to a peer of the same
// run, and the target where the project set one. A missed target ends the bench with exit code 1.
import { parseArgs } from "node:util";

export const RUNS = 5;

// Whoever was started has checked its own arguments.
const { values } = parseArgs({ strict: false, options: { json: { type: "boolean", default: false }, minutes: { type: "string" } } });

/** `--minutes N` of long benches. */
export function minutesAsked(otherwise) {
  const minutes = Number(values.minutes ?? otherwise);
  if (!(minutes > 0)) throw new Error(`--minutes takes a number above 0, got ${values.minutes}`);
  return minutes;
}

export function note(line) {
  process.stderr.write(`bench: ${line}\n`);
}

/** A line that replaces the one before, on a terminal only. */
export function progress(line) {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
}

export function progressDone() {
  progress("");
}

/** The value below which the share `part` of the sorted values lies (nearest rank). */
export function quantile(numbers, part) {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))];
}

export function median(numbers) {
  const sorted = Float64Array.from(numbers).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Runs `run` and gives the units per second that it says it did. */
export async function rateOf(run) {
  globalThis.gc?.();
  const started = performance.now();
  const units = await run();
  return (units * 1_000) / (performance.now() - started);
}

function verdict(target, value) {
  if (target === undefined) return undefined;
  return target.atLeast === undefined ? value <= target.atMost : value >= target.atLeast;
}

function digits(value) {
  const size = Math.abs(value);
  if (size >= 1_000) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

function targetText({ target, met }) {
  if (target === undefined) return "";
  const bound = target.atLeast === undefined ? `≤ ${digits(target.atMost)}` : `≥ ${digits(target.atLeast)}`;
  return `${bound}${target.of === "ratio" ? " ×" : ""} ${met ? "met" : "MISSED"}`;
}

function widthOf(rows, column) {
  return Math.max(...rows.map((row) => row[column].length));
}

export class Report {
  #bench;
  #lines = [];

  constructor(bench) {
    this.#bench = bench;
  }

  /**
   * One figure. `values`: of each run; `peer`: the runs of what it is compared with (ratio of medians, above 1 = better than the
   * peer); `target`: `{ atLeast | atMost, of?: "ratio" }`.
   */
  add({ name, values: runs, unit, peer, target }) {
    const middle = median(runs);
    const ratio = peer === undefined ? undefined : middle / median(peer);
    const met = verdict(target, target?.of === "ratio" ? ratio : middle);
    this.#lines.push({ name, median: middle, min: Math.min(...runs), max: Math.max(...runs), runs: runs.length, unit, ratio, target, met });
  }

  /** One number that is no median of runs, such as a p99. */
  one({ name, value, unit, target }) {
    this.#lines.push({ name, median: value, min: value, max: value, runs: 1, unit, ratio: undefined, target, met: verdict(target, value) });
  }

  print() {
    if (values.json) {
      for (const line of this.#lines) process.stdout.write(`${JSON.stringify({ bench: this.#bench, ...line })}\n`);
    } else {
      const head = ["", "median", "min", "max", "unit", "ratio", "target"];
      const rows = [head, ...this.#lines.map((line) => [
        line.name, digits(line.median), digits(line.min), digits(line.max), line.unit, line.ratio === undefined ? "" : `${line.ratio.toFixed(2)} ×`, targetText(line),
      ])];
      const widths = head.map((_, column) => widthOf(rows, column));
      for (const row of rows) {
        const cells = row.map((cell, column) => (column === 0 || column > 3 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])));
        process.stdout.write(`${cells.join("  ").trimEnd()}\n`);
      }
    }
    if (this.#lines.some((line) => line.met === false)) process.exitCode = 1;
  }
}
