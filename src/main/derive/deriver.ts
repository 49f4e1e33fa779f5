// Follows one log and keeps its derived files: canonicalizer → journals and artifacts, with a checkpoint to go on from.
// What it writes depends on the log alone: not on batches, restarts, path, time zone, locale or the number of cores.
import { assert, fault, type Sha256, type StopSignal } from "../../shared/base.ts";
import { CarriedStreams } from "../../shared/carried.ts";
import type { CanonicalOutput } from "../../shared/candles.ts";
import { decodeControl, type CaptureConfig } from "../../shared/control.ts";
import type { DecodeOutcome, DecoderLookup, Instrument } from "../../shared/market.ts";
import type { RawRecord } from "../../shared/raw.ts";
import type { Interval } from "../../shared/time.ts";
import { createCanonicalizer } from "../canonical/canonicalizer.ts";
import { CANONICALIZER_VERSION, type Canonicalizer } from "../canonical/types.ts";
import type { Disk, RawLogReader } from "../rawlog/types.ts";
import { NO_ARTIFACTS, createArtifactStore, cutDay, type ArtifactSink } from "./artifacts.ts";
import { checkpointPath, encodeCheckpoint, loadCheckpoint, type Checkpoint } from "./checkpoint.ts";
import { JOURNAL_NAMES, JournalHistory, Journals, type JournalLengths } from "./journal.ts";
import type { JournalMode, ReadRange } from "./journal-file.ts";
import { gradeText, ledgerText } from "./lines.ts";
import { applyRecord, isControl } from "./pipeline.ts";

/** A checkpoint costs one state and three fsyncs; after a crash at most this many records are derived again (under a second). */
export const CHECKPOINT_RECORDS = 200_000;
/** Pending journal bytes that are written at once; less waits for the end of a batch. */
const FLUSH_BYTES = 256 * 1024;

export interface DeriverOptions {
  readonly disk: Disk;
  /** `<data>/captures/<id>`; derived files lie in its folder `candles`. */
  readonly captureFolder: string;
  readonly reader: RawLogReader;
  readonly decoders: DecoderLookup;
  readonly sha256: Sha256;
  /** Every output in the log's order, after it is in the journals (perhaps not yet on disk). */
  readonly onOutput?: (output: CanonicalOutput) => void;
  /** Every record with what its decoder made of it, before it is applied. */
  readonly onRecord?: (record: RawRecord, outcome: DecodeOutcome | undefined) => void;
  /** One sentence when existing derived files could not be used. */
  readonly onNote?: (note: string) => void;
  /** Default `write`. `memory` reads existing files and writes nothing; `compare` starts anew and compares with them. */
  readonly mode?: JournalMode;
  /** False: start at the beginning, whatever is there (needed for a view of fewer instruments). Default true. */
  readonly resume?: boolean;
  readonly instruments?: readonly Instrument[];
  readonly intervals?: readonly Interval[];
  readonly checkpointRecords?: number;
  /** For `compare`: how long the stored journals are, and where artifacts go. */
  readonly storedLengths?: JournalLengths;
  readonly artifacts?: ArtifactSink;
  readonly readRange?: ReadRange;
  /** Aborting ends `advance` between two records with the fault `derive.stopped`. */
  readonly stop?: StopSignal;
}

export interface Deriver {
  /** Raw seq of the last record that is in. */
  readonly position: number;
  readonly canonicalizer: Canonicalizer;
  readonly history: JournalHistory;
  readonly journals: Journals;
  /** Digest of the capture configuration in force, empty before the first. */
  readonly configDigest: string;
  readonly config: CaptureConfig | undefined;
  /** Artifacts cut. */
  readonly cuts: number;
  /** Takes in the log up to and including `toSeq` (default: all that can be read) and returns the position reached. */
  advance(toSeq?: number): Promise<number>;
  /** Writes what is pending, durably, and a checkpoint. */
  finish(): Promise<void>;
  /** Lets go of the files without a checkpoint. */
  close(): Promise<void>;
}

interface Loaded { readonly checkpoint: Checkpoint | undefined; readonly note: string | undefined }

async function usableCheckpoint(disk: Disk, folder: string): Promise<Loaded> {
  const loaded = await loadCheckpoint(disk, folder, CANONICALIZER_VERSION);
  if (loaded === undefined) return { checkpoint: undefined, note: undefined };
  if (!loaded.ok) return { checkpoint: undefined, note: `Deriving again from the start: ${loaded.fault.message}` };
  for (const name of JOURNAL_NAMES) {
    const size = (await disk.size(`${folder}/${name}.journal`)) ?? 0;
    const expected = loaded.value.header.journals[name].bytes;
    if (size < expected) return { checkpoint: undefined, note: `Deriving again from the start: ${name}.journal has ${size} bytes, its checkpoint says ${expected}` };
  }
  return { checkpoint: loaded.value, note: undefined };
}

/** Opens the derived files where they were left and is ready to `advance`. */
export async function createDeriver(options: DeriverOptions): Promise<Deriver> {
  const { disk } = options;
  const mode = options.mode ?? "write";
  const folder = `${options.captureFolder}/candles`;
  if (mode === "write") await disk.makeFolder(folder);
  const journals = new Journals({
    disk, folder, mode,
    ...(options.readRange === undefined ? {} : { readRange: options.readRange }),
    ...(options.storedLengths === undefined ? {} : { storedLengths: options.storedLengths }),
  });
  const artifacts = options.artifacts ?? (mode === "write" ? await createArtifactStore(disk, folder) : NO_ARTIFACTS);
  const deriver = new FileDeriver(options, journals, artifacts, folder, mode);
  if (mode !== "compare" && options.resume !== false) await deriver.resume();
  return deriver;
}

class FileDeriver implements Deriver {
  readonly journals: Journals;
  readonly history: JournalHistory;
  canonicalizer: Canonicalizer;
  configDigest = "";
  config: CaptureConfig | undefined;
  cuts = 0;
  readonly #options: DeriverOptions;
  readonly #artifacts: ArtifactSink;
  readonly #folder: string;
  readonly #mode: JournalMode;
  readonly #carried = new CarriedStreams();
  #checkpointAt = 0;
  #busy = false;

  constructor(options: DeriverOptions, journals: Journals, artifacts: ArtifactSink, folder: string, mode: JournalMode) {
    this.#options = options;
    this.journals = journals;
    this.#artifacts = artifacts;
    this.#folder = folder;
    this.#mode = mode;
    this.history = new JournalHistory(journals.bars);
    this.canonicalizer = this.#fresh();
  }

  get position(): number {
    return this.canonicalizer.position;
  }

  #fresh(): Canonicalizer {
    const { sha256, instruments, intervals } = this.#options;
    return createCanonicalizer({
      sha256,
      history: this.history,
      ...(instruments === undefined ? {} : { instruments }),
      ...(intervals === undefined ? {} : { intervals }),
    });
  }

  async resume(): Promise<void> {
    const { checkpoint, note } = await usableCheckpoint(this.#options.disk, this.#folder);
    if (note !== undefined) this.#options.onNote?.(note);
    if (checkpoint === undefined) return;
    const problem = await this.#takeOver(checkpoint);
    if (problem === undefined) return;
    this.#options.onNote?.(`Deriving again from the start: ${problem}`);
    this.journals.reset();
    this.history.reset();
    this.canonicalizer = this.#fresh();
    this.#carried.restore({});
    this.configDigest = "";
    this.config = undefined;
    this.cuts = 0;
    this.#checkpointAt = 0;
  }

  /** Says why not, when the files do not fit the checkpoint. */
  async #takeOver({ header, state }: Checkpoint): Promise<string | undefined> {
    const last = await this.#options.reader.refresh();
    if (header.seq > last) return `the checkpoint stands at seq ${header.seq}, the log ends at ${last}`;
    for (const name of JOURNAL_NAMES) {
      const journal = this.journals[name];
      const index = name === "bars" ? this.history.index.bind(this.history) : () => {};
      try {
        await journal.takeOver(header.journals[name].bytes, index);
      } catch (error) {
        return `${name}.journal cannot be read back (${error instanceof Error ? error.message : String(error)})`;
      }
      if (journal.digest() !== header.journals[name].sha256) return `${name}.journal is not what its checkpoint says`;
    }
    this.canonicalizer.load(state);
    this.#carried.restore(header.carried);
    assert(this.canonicalizer.position === header.seq, "the loaded state stands where its checkpoint says");
    this.configDigest = header.config_digest;
    this.config = header.config;
    this.cuts = header.cuts;
    this.#checkpointAt = header.seq;
    return undefined;
  }

  async advance(toSeq?: number): Promise<number> {
    assert(!this.#busy, "advance and finish never overlap");
    this.#busy = true;
    try {
      const limit = toSeq ?? (await this.#options.reader.refresh());
      if (limit <= this.position) return this.position;
      for await (const batch of this.#options.reader.batches({ fromSeq: this.position + 1, toSeq: limit })) {
        await this.#takeIn(batch);
        if (this.#differs()) break;
      }
      await this.journals.flush();
      return this.position;
    } finally {
      this.#busy = false;
    }
  }

  #differs(): boolean {
    return this.#mode === "compare" && this.journals.difference !== undefined;
  }

  async #takeIn(batch: readonly RawRecord[]): Promise<void> {
    const { decoders, onRecord, stop } = this.#options;
    for (const record of batch) {
      if (stop?.aborted === true) throw fault("derive.stopped", `stopped at seq ${this.position}, as asked`);
      if (isControl(record)) this.#readConfig(record);
      const outcome = applyRecord(this.canonicalizer, record, decoders, this.#carried);
      onRecord?.(record, outcome);
      for (const output of this.canonicalizer.drain()) {
        // A cut is made at once, while the history stands exactly behind this record.
        if (output.kind === "cut") await this.#cut(output);
        this.#keep(output);
      }
      if (this.journals.pendingBytes >= FLUSH_BYTES) await this.journals.flush();
      if (this.#differs()) return;
    }
    await this.journals.flush();
    if (this.position - this.#checkpointAt >= (this.#options.checkpointRecords ?? CHECKPOINT_RECORDS)) await this.#checkpoint();
  }

  #readConfig(record: RawRecord): void {
    const control = decodeControl(record.payload);
    if (!control.ok || control.value.kind !== "config") return;
    this.configDigest = control.value.digest;
    this.config = control.value.config;
  }

  #keep(output: CanonicalOutput): void {
    // Bars are in already: the canonicalizer appends them to the history itself.
    if (output.kind === "grade") this.journals.grades.append(gradeText(output.grade));
    else if (output.kind !== "bar") this.journals.ledger.append(ledgerText(output));
    this.#options.onOutput?.(output);
  }

  async #cut(cut: Extract<CanonicalOutput, { kind: "cut" }>): Promise<void> {
    const { history, configDigest } = this;
    for (const artifact of cutDay({ history, instrument: cut.instrument, date: cut.date, configDigest, atSeq: cut.atSeq })) {
      await this.#artifacts.put(artifact);
      this.cuts += 1;
    }
  }

  async #checkpoint(): Promise<void> {
    if (this.#mode !== "write") return;
    await this.journals.sync();
    await this.#artifacts.sync();
    const { lengths, digests } = this.journals;
    const journals = {
      bars: { bytes: lengths.bars, sha256: digests.bars },
      grades: { bytes: lengths.grades, sha256: digests.grades },
      ledger: { bytes: lengths.ledger, sha256: digests.ledger },
    };
    const carried = this.#carried.snapshot();
    const header = { canonicalizer_version: CANONICALIZER_VERSION, seq: this.position, config_digest: this.configDigest, config: this.config, journals, cuts: this.cuts, carried };
    await this.#options.disk.replaceFile(checkpointPath(this.#folder), encodeCheckpoint(header, this.canonicalizer.save()));
    this.#checkpointAt = this.position;
  }

  async finish(): Promise<void> {
    assert(!this.#busy, "advance and finish never overlap");
    this.#busy = true;
    try {
      // A comparison that stopped at a difference says nothing about where the other journals end.
      if (!this.#differs()) for (const name of JOURNAL_NAMES) this.journals[name].compareEnd();
      await this.journals.flush();
      if (this.position > this.#checkpointAt) await this.#checkpoint();
    } finally {
      this.#busy = false;
    }
  }

  async close(): Promise<void> {
    await this.journals.close();
  }
}
