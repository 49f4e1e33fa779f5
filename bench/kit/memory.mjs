// Resident memory of processes, and how fast it grows.
import { readdirSync, readFileSync } from "node:fs";

export function residentMegabytes(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1.024e-3;
}

/** The process and everything that it started. */
export function familyOf(pid) {
  const found = [pid];
  for (let index = 0; index < found.length; index += 1) {
    const parent = found[index];
    for (const task of readdirSync(`/proc/${parent}/task`)) {
      const children = readFileSync(`/proc/${parent}/task/${task}/children`, "utf8").trim();
      if (children !== "") found.push(...children.split(" ").map(Number));
    }
  }
  return found;
}

/** What a process of ours is: the last words of its command line. */
export function nameOf(pid) {
  const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  return words.find((word) => /\.(?:m?js)$/.test(word))?.split("/").at(-1) ?? words[0];
}

/** Processor seconds that a process has used, by thread name where it has one. */
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Least squares: growth of y per unit of x. */
export function slopeOf(points) {
  const meanX = points.reduce((sum, { x }) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, { y }) => sum + y, 0) / points.length;
  const covariance = points.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / points.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0);
}
