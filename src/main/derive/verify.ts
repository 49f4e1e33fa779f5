// `verify`: the log against its own digests, then everything derived against a fresh derivation. Names the first difference.
import { FaultError, type Sha256, type StopSignal } from "../../shared/base.ts";
import type { DecoderLookup } from "../../shared/market.ts";
import type { RawRecord } from "../../shared/raw.ts";
import { createCanonicalizer } from "../canonical/canonicalizer.ts";
import { CANONICALIZER_VERSION } from "../canonical/types.ts";
import { LogRoot } from "../rawlog/log-root.ts";
import type { Disk, LogFinding, RawLogReader } from "../rawlog/types.ts";
import { certificateDifference, type Certificate } from "./certificate.ts";
import { loadCheckpoint, type Checkpoint } from "./checkpoint.ts";
import { ArtifactComparison } from "./compare-artifacts.ts";
import { createDeriver, type Deriver } from "./deriver.ts";
import { JOURNAL_NAMES } from "./journal.ts";

export interface Difference {
  /** File name of the segment, undefined when it is not the log that differs. */
  readonly segment: string | undefined;
  readonly chunk: number | undefined;
  /** First raw seq that is affected; undefined: no event is. */
  readonly seq: number | undefined;
  readonly streamId: string | undefined;
  readonly what: string;
  /** What the log gives, or what was declared when it was sealed. */
  readonly expected: string;
  /** What is stored. */
  readonly actual: string;
}

export interface Verification {
  readonly result: "MATCH" | "MISMATCH" | "OTHER_VERSION";
  readonly segments: number;
  readonly events: number;
  /** Bar versions compared. */
  readonly candles: number;
  readonly firstDifference: Difference | undefined;
  /** Further findings and what could not be compared, one sentence each. */
  readonly notes: readonly string[];
  /** Present when the log is whole and everything was derived. */
  readonly certificate: Certificate | undefined;
}

/** What rawlog/verify-log.ts found; the log's part of a verification. */
export interface LogCheck {
  readonly findings: readonly LogFinding[];
  readonly segments: number;
  readonly events: number;
}

export interface VerifyProgress { readonly phase: "log" | "candles"; readonly done: number; readonly total: number }

export interface VerifyOptions {
  readonly disk: Disk;
  readonly captureFolder: string;
  readonly openReader: () => Promise<RawLogReader>;
  readonly checkLog: (options: { readonly onProgress: (done: number, total: number) => void; readonly stop?: StopSignal }) => Promise<LogCheck>;
  readonly decoders: DecoderLookup;
  readonly sha256: Sha256;
  /** Another machine's, to compare with. */
  readonly certificate?: Certificate;
  readonly onProgress?: (progress: VerifyProgress) => void;
  readonly stop?: StopSignal;
}

function differenceOf(finding: LogFinding): Difference {
  const { segment, chunk, firstSeq, streamId, fault, expected, actual } = finding;
  return { segment, chunk, seq: firstSeq, streamId, what: fault.message, expected, actual };
}

/** The damage that comes first in the log; what affects no event comes after all that does. */
function firstDamage(findings: readonly LogFinding[]): LogFinding | undefined {
  const damage = findings.filter((finding) => finding.severity === "damage");
  return damage.sort((a, b) => (a.firstSeq ?? Infinity) - (b.firstSeq ?? Infinity))[0];
}

interface Derivation {
  readonly result: Verification["result"];
  readonly events: number;
  readonly candles: number;
  readonly difference: Difference | undefined;
  readonly notes: readonly string[];
  readonly certificate: Certificate | undefined;
}

/** Faults: `derive.stopped` when `stop` is aborted; whatever keeps the capture from being read at all. */
export async function verifyCapture(options: VerifyOptions): Promise<Verification> {
  const { stop } = options;
  const log = await options.checkLog({
    onProgress: (done, total) => options.onProgress?.({ phase: "log", done, total }),
    ...(stop === undefined ? {} : { stop }),
  });
  const { segments, events } = log;
  const damage = firstDamage(log.findings);
  const told = log.findings.filter((finding) => finding !== damage).map(({ segment, fault }) => `${segment}: ${fault.message}`);
  if (damage !== undefined) {
    return { result: "MISMATCH", segments, events, candles: 0, firstDifference: differenceOf(damage), notes: told, certificate: undefined };
  }
  const reader = await options.openReader();
  try {
    const derivation = await checkDerived(options, reader);
    const notes = [...told, ...derivation.notes];
    return { result: derivation.result, segments, events, candles: derivation.candles, firstDifference: derivation.difference, notes, certificate: derivation.certificate };
  } finally {
    await reader.close();
  }
}

async function checkDerived(options: VerifyOptions, reader: RawLogReader): Promise<Derivation> {
  const folder = `${options.captureFolder}/candles`;
  const lastSeq = await reader.refresh();
  const loaded = await loadCheckpoint(options.disk, folder, CANONICALIZER_VERSION);
  if (loaded === undefined) return compare(options, reader, undefined, lastSeq);
  if (loaded.ok) return compare(options, reader, loaded.value, lastSeq);
  const nothing = { events: 0, candles: 0, certificate: undefined };
  if (loaded.fault.code === "derived.other-version") {
    return { ...nothing, result: "OTHER_VERSION", difference: undefined, notes: [`The log is whole. Its candles were ${loaded.fault.message}; \`tapedeck candles\` derives them again and keeps the earlier artifacts.`] };
  }
  const difference: Difference = {
    segment: undefined, chunk: undefined, seq: undefined, streamId: undefined, what: "candles/checkpoint", expected: "a whole checkpoint", actual: loaded.fault.message,
  };
  return { ...nothing, result: "MISMATCH", difference, notes: [] };
}

async function compare(options: VerifyOptions, reader: RawLogReader, checkpoint: Checkpoint | undefined, lastSeq: number): Promise<Derivation> {
  const { disk, captureFolder, decoders, sha256, stop } = options;
  const folder = `${captureFolder}/candles`;
  const artifacts = await ArtifactComparison.open(disk, folder);
  const root = new LogRoot(sha256);
  let last: RawRecord | undefined;
  let events = 0;
  const stored = checkpoint?.header.journals;
  const deriver = await createDeriver({
    disk, captureFolder, reader, decoders, sha256, resume: false,
    mode: checkpoint === undefined ? "memory" : "compare",
    artifacts,
    ...(stored === undefined ? {} : { storedLengths: { bars: stored.bars.bytes, grades: stored.grades.bytes, ledger: stored.ledger.bytes } }),
    onRecord: (record) => {
      root.add(record);
      last = record;
      events += 1;
      if (events % 4_096 === 0) options.onProgress?.({ phase: "candles", done: record.seq, total: lastSeq });
    },
    ...(stop === undefined ? {} : { stop }),
  });
  const toSeq = checkpoint?.header.seq ?? lastSeq;
  const notes: string[] = [];
  let difference: Difference | undefined;
  const place = (what: string, expected: string, actual: string, seq = last?.seq, streamId = last?.stream.streamId): Difference => ({
    segment: reader.segments.find((segment) => seq !== undefined && segment.fromSeq <= seq && seq <= segment.toSeq)?.file,
    chunk: undefined, seq, streamId, what, expected, actual,
  });
  try {
    await advanceComparing(deriver, toSeq);
    await artifacts.finish(toSeq);
    difference = await firstDifference({ deriver, artifacts, checkpoint, disk, folder, lastSeq, sha256, place });
    if (checkpoint === undefined) notes.push("No candles are stored, so none were compared; they were derived from the log in memory.");
    else if (toSeq < lastSeq) notes.push(`Stored candles reach seq ${toSeq} of ${lastSeq}; the rest is not derived yet.`);
    const certificate = difference === undefined ? certify({ deriver, artifacts, root, reader, events }) : undefined;
    if (difference === undefined && certificate !== undefined && options.certificate !== undefined) {
      const found = certificateDifference(options.certificate, certificate);
      if (options.certificate.canonicalizer_version !== CANONICALIZER_VERSION) {
        notes.push(`The certificate was made by canonicalizer version ${options.certificate.canonicalizer_version}, this is version ${CANONICALIZER_VERSION}: only the same version can check it.`);
        return { result: "OTHER_VERSION", events, candles: deriver.history.versions, difference: undefined, notes, certificate };
      }
      if (found !== undefined) difference = { segment: undefined, chunk: undefined, seq: undefined, streamId: undefined, ...found };
    }
    return { result: difference === undefined ? "MATCH" : "MISMATCH", events, candles: deriver.history.versions, difference, notes, certificate };
  } finally {
    await deriver.close();
  }
}

async function advanceComparing(deriver: Deriver, toSeq: number): Promise<void> {
  try {
    await deriver.advance(toSeq);
    await deriver.finish();
  } catch (error) {
    // Old versions are read from the stored journal, which can no longer be read right behind a difference.
    const stopped = error instanceof FaultError && error.fault.code === "derive.stopped";
    if (stopped || deriver.journals.difference === undefined) throw error;
  }
}

interface Compared {
  readonly deriver: Deriver;
  readonly artifacts: ArtifactComparison;
  readonly checkpoint: Checkpoint | undefined;
  readonly disk: Disk;
  readonly folder: string;
  readonly lastSeq: number;
  readonly sha256: Sha256;
  readonly place: (what: string, expected: string, actual: string, seq?: number, streamId?: string) => Difference;
}

const ABSENT = "nothing";
const TEXT_MAX = 2_000;

async function firstDifference(compared: Compared): Promise<Difference | undefined> {
  const { deriver, artifacts, checkpoint, place } = compared;
  const line = deriver.journals.difference;
  if (line !== undefined) {
    const file = line.path.slice(line.path.lastIndexOf("/") + 1);
    return place(`candles/${file} line ${line.line}`, (line.derived ?? ABSENT).slice(0, TEXT_MAX), (line.stored ?? ABSENT).slice(0, TEXT_MAX));
  }
  const artifact = artifacts.difference;
  if (checkpoint === undefined) return undefined;
  if (artifact !== undefined) return place(artifact.what, artifact.expected, artifact.actual, artifact.atSeq);
  const digests = deriver.journals.digests;
  for (const name of JOURNAL_NAMES) {
    const declared = checkpoint.header.journals[name].sha256;
    if (digests[name] !== declared) return place(`candles/checkpoint: digest of ${name}.journal`, digests[name], declared);
    const size = (await compared.disk.size(`${compared.folder}/${name}.journal`)) ?? 0;
    // Behind the last checkpoint of a finished log nothing may follow; of a growing one it is work in progress.
    if (checkpoint.header.seq === compared.lastSeq && size > checkpoint.header.journals[name].bytes) {
      return place(`candles/${name}.journal: bytes behind its end`, String(checkpoint.header.journals[name].bytes), String(size));
    }
  }
  const storedState = digestOfStored(deriver, checkpoint, compared.sha256);
  const derivedState = deriver.canonicalizer.digest();
  return storedState === derivedState ? undefined : place("candles/checkpoint: state of the canonicalizer", derivedState, storedState);
}

function digestOfStored(deriver: Deriver, checkpoint: Checkpoint, sha256: Sha256): string {
  const stored = createCanonicalizer({ sha256, history: deriver.history });
  stored.load(checkpoint.state);
  return stored.digest();
}

function certify(made: {
  readonly deriver: Deriver;
  readonly artifacts: ArtifactComparison;
  readonly root: LogRoot;
  readonly reader: RawLogReader;
  readonly events: number;
}): Certificate {
  const { deriver, artifacts, root, reader, events } = made;
  return {
    format: 1, capture_id: reader.captureId, canonicalizer_version: CANONICALIZER_VERSION, config_digest: deriver.configDigest || "0".repeat(64),
    to_seq: deriver.position, events, log_root: root.digest(), journals: deriver.journals.digests, artifacts: artifacts.digest(), candles: deriver.history.versions,
  };
}
