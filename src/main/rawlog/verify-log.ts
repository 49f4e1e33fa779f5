// Walks a whole log and gathers every finding; changes nothing. What is derived from the log is checked elsewhere.
import { FaultError, failed, fault, type StopSignal } from "../../shared/base.ts";
import { RootFold } from "./leaves.ts";
import { ManifestReader, manifestPath, type ManifestSegment } from "./manifest.ts";
import { OpenSegmentScanner } from "./open-segment.ts";
import { ChannelTable, codecReady, unpackChunk, walkChunk } from "./scan.ts";
import { MANIFEST_FILE, RAW_FOLDER, openName, parseSegmentName, sealedName } from "./segment-format.ts";
import type { Disk, LogFinding } from "./types.ts";
import { damage, verifySegment, type VerifyState } from "./verify-segment.ts";

export interface LogVerification {
  /** In the order of the log. Empty: everything is as it was sealed. */
  readonly findings: readonly LogFinding[];
  readonly segments: number;
  /** Records of the log, control records included. */
  readonly events: number;
}

export interface VerifyLogOptions {
  readonly disk: Disk;
  /** The capture's folder. */
  readonly folder: string;
  /** Records walked, of all sealed ones. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly stop?: StopSignal;
}

/** Faults: `log.not-found`, `log.newer-format`, `log.stopped`, and those of the disk. All else is a finding. */
export async function verifyLog(options: VerifyLogOptions): Promise<LogVerification> {
  const { disk, folder, onProgress, stop } = options;
  await codecReady();
  if ((await disk.size(manifestPath(folder))) === undefined) {
    throw fault("log.not-found", `${folder} is not a capture: it has no ${MANIFEST_FILE}`);
  }
  const findings: LogFinding[] = [];
  const manifest = new ManifestReader(disk, folder);
  await readManifest(manifest, findings);
  const lines = manifest.segments;
  checkLines(lines, findings);
  const state: VerifyState = { roots: new RootFold(), knownNs: 0n, unreadable: [] };
  const total = lines.reduce((sum, line) => sum + line.count, 0);
  let events = 0;
  for (const line of lines) {
    if (stop?.aborted === true) throw fault("log.stopped", "the verification was stopped");
    findings.push(...(await verifySegment(disk, folder, line, state)));
    events += line.count;
    onProgress?.(events, total);
  }
  const open = await checkFolder(options, lines, findings);
  for (const index of open) events += await checkOpen(options, index, findings);
  return { findings, segments: lines.length + open.length, events };
}

async function readManifest(manifest: ManifestReader, findings: LogFinding[]): Promise<void> {
  try {
    await manifest.refresh();
  } catch (error) {
    if (!(error instanceof FaultError) || error.fault.code !== "log.manifest-damaged") throw error;
    const known = manifest.segments.length;
    findings.push(damage({ segment: MANIFEST_FILE }, error.fault, { expected: "an unbroken chain of lines", actual: `broken behind segment ${known}` }));
    return;
  }
  if (manifest.tornBytes > 0) {
    const note = failed("log.torn-manifest", `${MANIFEST_FILE} ends in the middle of a line: it is written again at the next start`);
    findings.push({ ...damage({ segment: MANIFEST_FILE }, note.fault, { expected: "whole lines", actual: `${manifest.tornBytes} bytes more` }), severity: "note" });
  }
}

/** What lines say of each other; what they say of their segments is checked with the segments. */
function checkLines(lines: readonly ManifestSegment[], findings: LogFinding[]): void {
  let floor = 0;
  for (const line of lines) {
    const expected = floor + line.next_seq - 1 - line.to_seq;
    floor = line.ingest_floor;
    const isRecovered = line.recovery !== undefined;
    const isConsistent = line.ingest_floor === expected && isRecovered === (line.state === "recovered") && line.next_seq > line.to_seq;
    if (isConsistent && line.file === `${RAW_FOLDER}/${sealedName(line.index)}`) continue;
    const { fault: found } = failed("log.manifest-damaged", `${MANIFEST_FILE}: the line of segment ${line.index} contradicts itself or the line before`);
    findings.push(damage({ segment: MANIFEST_FILE }, found, {
      expected: `floor ${expected}, next_seq above ${line.to_seq}, state as recovery says`,
      actual: `floor ${line.ingest_floor}, next_seq ${line.next_seq}, state ${line.state}, file ${line.file}`,
    }));
  }
}

/** Files that should not be there. Returns the open segments. */
async function checkFolder({ disk, folder }: VerifyLogOptions, lines: readonly ManifestSegment[], findings: LogFinding[]): Promise<readonly number[]> {
  const names = await disk.list(`${folder}/${RAW_FOLDER}`);
  const open: number[] = [];
  for (const name of names) {
    const file = parseSegmentName(name);
    const segment = `${RAW_FOLDER}/${name}`;
    if (file === undefined) {
      if (name === "aside" || name.endsWith(".sealing")) continue;
      const { fault: found } = failed("log.foreign-file", `${segment} is not part of the log: move it away`);
      findings.push({ ...damage({ segment }, found, { expected: "no such file", actual: name }), severity: "note" });
    } else if (file.open && file.index > lines.length) open.push(file.index);
    else if (!file.open && file.index > lines.length && !names.includes(openName(file.index))) {
      const { fault: found } = failed("log.segment-not-listed", `${segment} is not in the manifest: its line was lost, or the file is foreign`);
      findings.push(damage({ segment }, found, { expected: "a manifest line", actual: "none" }));
    }
  }
  return open;
}

/** Walks an open segment. Its torn tail is a note (recovery declares it); damage before the tail is damage. Returns its records. */
async function checkOpen({ disk, folder }: VerifyLogOptions, index: number, findings: LogFinding[]): Promise<number> {
  const segment = `${RAW_FOLDER}/${openName(index)}`;
  const file = await disk.open(`${folder}/${segment}`, "read");
  const table = new ChannelTable();
  let events = 0;
  let next = 0;
  try {
    const scanner = new OpenSegmentScanner(file, `${folder}/${segment}`);
    for (let number = 0; ; number += 1) {
      const chunk = await scanner.next();
      if (chunk !== undefined) {
        walkChunk(unpackChunk(chunk.record), chunk.head, table, {}, () => undefined);
        events += chunk.head.count;
        next = chunk.head.firstSeq + chunk.head.count;
        continue;
      }
      const { offset } = scanner;
      const rest = (await file.size()) - offset;
      if (rest <= 0) return events;
      const skipped = await scanner.skipDamage();
      const isTail = skipped === undefined;
      const { fault: found } = isTail
        ? failed("log.torn-tail", `${segment} ends with ${rest} bytes that are no whole chunk: being written, or kept aside at the next start`)
        : failed("log.damaged-chunk", `${segment} chunk ${number}: ${skipped} bytes before whole chunks are damaged`);
      const place = isTail ? { segment } : { segment, chunk: number, firstSeq: next };
      findings.push({ ...damage(place, found, { expected: "whole chunks", actual: `${rest} bytes at ${offset}` }), severity: isTail ? "note" : "damage" });
      if (isTail) return events;
    }
  } finally {
    await file.close();
  }
}
