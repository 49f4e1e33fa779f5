// The spool: each sealed segment's events as Parquet parts, one per partition, named after the segment. A segment at a time: work files, sync,
// rename, sync of the folders, then its manifest line. Whatever a crash leaves without a line is removed and made again, byte for byte.
import { fault } from "../../shared/base.ts";
import type { DecoderLookup } from "../../shared/market.ts";
import { ManifestReader, type ManifestSegment } from "../rawlog/manifest.ts";
import type { Disk, RawLogReader } from "../rawlog/types.ts";
import { EventPass } from "./event-pass.ts";
import { Placer, writeParquet } from "./parquet-file.ts";
import { EVENTS_FOLDER, isPartName, ourFiles, partName, WORK_FOLDER } from "./partition.ts";
import { stopIf, type LakeSession } from "./session.ts";
import { SpoolManifest, type SpoolFile, type SpoolSegment } from "./spool-manifest.ts";
import { readState, writeState } from "./spool-state.ts";
import { Staging, type StagedPartition } from "./staging.ts";
import type { LakeTask, SpoolReport } from "./types.ts";

export interface SpoolOptions {
  readonly disk: Disk;
  readonly captureFolder: string;
  /** Of sealed segments only. */
  readonly reader: RawLogReader;
  readonly decoders: DecoderLookup;
  readonly session: LakeSession;
  readonly onNote: (text: string) => void;
}

const PROGRESS_MESSAGES = 8_192;

/** What the spool needs of a sealed segment: whole manifest lines of weeks would neither fit nor be read again for each new one. */
type SealedSegment = Pick<ManifestSegment, "index" | "sha256" | "from_seq" | "to_seq" | "from_recv_ns" | "count">;

export class Spool {
  readonly #options: SpoolOptions;
  readonly #events: string;
  readonly #placer: Placer;
  readonly #log: SealedSegment[] = [];
  readonly #logReader: ManifestReader;
  #manifest: SpoolManifest;
  #pass: EventPass | undefined;
  #removed = 0;

  private constructor(options: SpoolOptions, manifest: SpoolManifest) {
    this.#options = options;
    this.#events = `${options.captureFolder}/${EVENTS_FOLDER}`;
    this.#placer = new Placer(options.disk, options.captureFolder);
    this.#manifest = manifest;
    this.#logReader = new ManifestReader(options.disk, options.captureFolder, ({ index, sha256, from_seq, to_seq, from_recv_ns, count }) => {
      this.#log.push({ index, sha256, from_seq, to_seq, from_recv_ns, count });
    });
  }

  /** Reads the manifest, puts right what a crash left. The caller holds the lake's lock. Throws `lake.other-version`, `lake.other-log`, `disk.*`. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { disk, captureFolder, reader } = options;
    const spool = new Spool(options, await SpoolManifest.read(disk, captureFolder, reader.captureId));
    await spool.#recover();
    return spool;
  }

  get manifest(): SpoolManifest {
    return this.#manifest;
  }
  /** Parts that belonged to no line of the manifest. */
  get removedFiles(): number {
    return this.#removed;
  }

  async #recover(): Promise<void> {
    const { disk, captureFolder, onNote } = this.#options;
    const known = this.#manifest.segments.length;
    const kept = await this.#wholeSegments();
    const mustWrite = kept < known || this.#manifest.tornBytes > 0 || this.#manifest.hashAfter(0) === "";
    if (mustWrite) {
      await disk.makeFolder(this.#events);
      await disk.syncFolder(captureFolder);
      if (kept < known) onNote(`${this.#events}: segment ${kept + 1} has missing or changed files; ${known - kept} segments are spooled again`);
      await this.#manifest.keep(kept);
    }
    await this.#removeLeftovers();
  }

  /** How many segments, from the first on, are of this log and have all their files. */
  async #wholeSegments(): Promise<number> {
    const { disk, captureFolder } = this.#options;
    await this.#logReader.refresh();
    let whole = 0;
    for (const segment of this.#manifest.segments) {
      const raw = this.#log[segment.index - 1];
      if (raw?.sha256 !== segment.raw_sha256) {
        throw fault("lake.other-log", `${this.#events} was made from another log than ${captureFolder}/raw (segment ${segment.index}): remove the folders events and compact, they are made again`);
      }
      for (const file of segment.files) if ((await disk.size(`${this.#events}/${file.path}`)) !== file.bytes) return whole;
      whole += 1;
    }
    return whole;
  }

  async #removeLeftovers(): Promise<void> {
    const { disk, onNote } = this.#options;
    for (const name of await disk.list(`${this.#events}/${WORK_FOLDER}`)) await disk.remove(`${this.#events}/${WORK_FOLDER}/${name}`);
    // Whole copies that were on their way to replace another.
    for (const name of await disk.list(this.#events)) if (name.endsWith(".json.tmp") || name.endsWith(".jsonl.tmp")) await disk.remove(`${this.#events}/${name}`);
    const listed = new Set(this.#manifest.segments.flatMap(({ files }) => files.map(({ path }) => path)));
    for await (const path of ourFiles(disk, this.#events, isPartName)) {
      if (listed.has(path)) continue;
      await disk.remove(`${this.#events}/${path}`);
      this.#removed += 1;
    }
    if (this.#removed > 0) onNote(`${this.#events}: ${this.#removed} files of an interrupted run removed; they are written again`);
  }

  /** Spools every sealed segment that has no line yet. Rejects with `lake.cancelled disk.* log.*`; whole segments stay, this object is done for. */
  async advance({ onProgress, signal }: LakeTask): Promise<SpoolReport> {
    await this.#logReader.refresh();
    const waiting = this.#log.slice(this.#manifest.segments.length);
    const total = waiting.reduce((sum, { count }) => sum + count, 0);
    const done = { segments: 0, messages: 0, rows: 0, files: 0, bytes: 0 };
    const tell = (messages: number): void => { onProgress?.({ phase: "spool", done: messages, total, unit: "messages" }); };
    for (const segment of waiting) {
      const line = await this.#spoolOne(segment, signal, (messages) => { tell(done.messages + messages); });
      done.segments += 1;
      done.messages += line.messages;
      done.rows += line.rows;
      done.files += line.files.length;
      done.bytes += line.files.reduce((sum, { bytes }) => sum + bytes, 0);
      tell(done.messages);
    }
    return { sealedSegments: this.#log.length, spooledSegments: this.#manifest.segments.length, ...done };
  }

  async #spoolOne(segment: SealedSegment, signal: AbortSignal | undefined, onMessages: (messages: number) => void): Promise<SpoolSegment> {
    try {
      return await this.#spoolSegment(segment, signal, onMessages);
    } catch (error) {
      // The first trouble is the one to tell; what cannot be removed now is removed when the spool is opened again.
      await this.#tidy(segment).catch(() => undefined);
      throw error;
    }
  }

  /** Removes what a failed segment left, unless its line is there already. */
  async #tidy(segment: SealedSegment): Promise<void> {
    const { disk, captureFolder, reader } = this.#options;
    this.#manifest = await SpoolManifest.read(disk, captureFolder, reader.captureId);
    if (this.#manifest.segments.length < segment.index) await this.#removeLeftovers();
  }

  async #spoolSegment(segment: SealedSegment, signal: AbortSignal | undefined, onMessages: (messages: number) => void): Promise<SpoolSegment> {
    const { disk, captureFolder, session, reader } = this.#options;
    const pass = await this.#passAt(this.#manifest.segments.length, signal);
    const duplicatesBefore = pass.duplicates;
    const staging = new Staging(session);
    try {
      let messages = 0;
      for await (const records of reader.batches({ fromSeq: segment.from_seq, toSeq: segment.to_seq })) {
        stopIf(signal);
        for (const record of records) {
          pass.take(record, (event, position) => { staging.add(record, event, position); });
          messages += 1;
          if (messages % PROGRESS_MESSAGES === 0) onMessages(messages);
        }
        await staging.settle();
      }
      const files = await this.#writeParts(segment, staging, signal);
      await this.#manifest.append({
        index: segment.index, raw_sha256: segment.sha256, from_seq: segment.from_seq, to_seq: segment.to_seq, messages, rows: staging.rows,
        duplicates: pass.duplicates - duplicatesBefore, out_of_range: staging.outOfRange, files,
      });
      await writeState(disk, captureFolder, this.#manifest, pass.state());
      return this.#manifest.segments.at(-1) as SpoolSegment;
    } finally {
      await staging.close();
    }
  }

  /** All files are written and synced before the first gets its name. */
  async #writeParts(segment: SealedSegment, staging: Staging, signal: AbortSignal | undefined): Promise<SpoolFile[]> {
    const { disk, session } = this.#options;
    const partitions = await staging.finish();
    const files: SpoolFile[] = [];
    if (partitions.length > 0) await disk.makeFolder(`${this.#events}/${WORK_FOLDER}`);
    const workOf = ({ number }: StagedPartition): string => `${this.#events}/${WORK_FOLDER}/${segment.index}-${number}.part`;
    for (const partition of partitions) {
      const written = await writeParquet({ disk, session, select: staging.select(partition), work: workOf(partition), signal });
      const { path, rows, fromTs, toTs, fromSeq, toSeq } = partition;
      files.push({ path: `${path}/${partName(segment.from_recv_ns, segment.from_seq)}`, rows, ...written, from_ts: fromTs, to_ts: toTs, from_seq: fromSeq, to_seq: toSeq });
    }
    stopIf(signal);
    for (const [index, partition] of partitions.entries()) await this.#placer.place(workOf(partition), `${this.#events}/${files[index]?.path ?? ""}`);
    await this.#placer.settle(files.map(({ path }) => `${this.#events}/${path}`));
    return files;
  }

  /** A pass that has seen the first so many segments. */
  async #passAt(segments: number, signal: AbortSignal | undefined): Promise<EventPass> {
    if (this.#pass !== undefined) return this.#pass;
    const { disk, captureFolder, reader, decoders } = this.#options;
    const kept = await readState(disk, captureFolder, this.#manifest);
    const pass = new EventPass(decoders, kept?.pass);
    for (const segment of this.#manifest.segments.slice(kept?.segments ?? 0, segments)) {
      for await (const records of reader.batches({ fromSeq: segment.from_seq, toSeq: segment.to_seq })) {
        stopIf(signal);
        for (const record of records) pass.take(record, () => undefined);
      }
    }
    this.#pass = pass;
    return pass;
  }
}
