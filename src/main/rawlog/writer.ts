// The sole writer of a capture's log: stamps numbers, groups commits, reserves ahead, rotates, seals behind its own back.
import { FaultError, assert, fault, type Clock, type Fault, type Timers } from "../../shared/base.ts";
import { encodeControl, type ControlRecord } from "../../shared/control.ts";
import { CONTROL_CONNECTION, CONTROL_STREAM, type RawDraft } from "../../shared/raw.ts";
import { acquireLock, machineProcesses, type FolderLock, type ProcessTable } from "./lock.ts";
import { ChunkBuffer, reservationRecord, segmentHead } from "./mcap-write.ts";
import { diskFault } from "./node-disk.ts";
import { recoverLog, type Declaration, type Recovered } from "./recovery.ts";
import { codecReady } from "./scan.ts";
import { pauseForOthers, sealSegment, type Pause } from "./seal.ts";
import { LOCK_FILE, PAYLOAD_MAX, RAW_FOLDER, openName, type SegmentInfo } from "./segment-format.ts";
import type { Disk, DiskFile, LogPositions, RawLogWriter, WriterOptions } from "./types.ts";
import { ChannelBook, type ChannelState } from "./writer-channels.ts";

export const WRITER_DEFAULTS: WriterOptions = {
  commitEveryMs: 10,
  commitBytes: 1024 * 1024,
  segmentBytes: 64 * 1024 * 1024,
  reserve: 65_536,
};
/** An import has nobody waiting for its records: it commits by size only. */
export const IMPORT_OPTIONS: WriterOptions = { ...WRITER_DEFAULTS, commitEveryMs: Infinity };

/** Uncommitted bytes at which a writer is full, in commits: one being synced, one waiting, and head-room. */
const WAITING_COMMITS = 4;
/** MCAP channel ids are 16 bit. From the first bound on the segment ends at the next commit; at the second the writer is full. */
const CHANNELS_ROTATE = 32_768;
const CHANNELS_MAX = 65_000;
const I64_MAX = 0x7fff_ffff_ffff_ffffn;

export interface OpenWriter {
  readonly disk: Disk;
  /** The capture's folder. */
  readonly folder: string;
  readonly captureId: string;
  readonly options?: Partial<WriterOptions>;
  /**
   * `record` writes `started` and `stopped` control records; `import` writes neither, so that importing the same input
   * twice gives the same log. Declarations after a crash are written by both.
   */
  readonly session: "record" | "import";
  /** Tapedeck's version, for `started`. */
  readonly version: string;
  /** For the receive time of the writer's own control records. */
  readonly clock: Pick<Clock, "wallNs">;
  readonly timers?: Timers;
  readonly processes?: ProcessTable;
  readonly pause?: Pause;
}

const nodeTimers: Timers = {
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};

/**
 * Locks the folder, recovers the log, declares what was lost, and continues its numbers. What it declares is durable when
 * this resolves. Faults: `log.locked`, `log.other-capture`, `log.manifest-damaged`, `log.newer-format`, and the disk's.
 */
export async function openWriter(open: OpenWriter): Promise<RawLogWriter> {
  const { disk, folder, captureId, processes = machineProcesses, pause = pauseForOthers } = open;
  await codecReady();
  await disk.makeFolder(folder);
  const lock = await acquireLock({ disk, path: `${folder}/${LOCK_FILE}`, what: folder, processes });
  try {
    const recovered = await recoverLog({ disk, folder, captureId, pause });
    const writer = new SegmentWriter(open, recovered, lock);
    await writer.begin(recovered);
    return writer;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** The file that commits go to. */
interface OpenSegment {
  readonly info: SegmentInfo;
  readonly file: DiskFile;
  bytes: number;
}

/** What one commit takes: a finished chunk, and whether the segment ends behind it. */
interface CommitUnit {
  readonly bytes: Uint8Array;
  readonly lastSeq: number;
  readonly reservedTo: number;
  /** Set: the segment ends behind this chunk, and the next one begins with these bases. */
  readonly next: SegmentInfo | undefined;
}

class SegmentWriter implements RawLogWriter {
  readonly #open: OpenWriter;
  readonly #options: WriterOptions;
  readonly #timers: Timers;
  readonly #manifest: Recovered["manifest"];
  readonly #sealState: Recovered["state"];
  readonly #lock: FolderLock;
  readonly #chunk: ChunkBuffer;
  readonly #channels: ChannelBook;
  readonly #listeners = new Set<(positions: LogPositions) => void>();
  #segment: OpenSegment | undefined;
  #segmentIndex: number;
  #planned = 0;
  #nextSeq: number;
  #chunkFirst: number;
  #reservedTo: number;
  #written: number;
  #durable: number;
  #cancelTimer: (() => void) | undefined;
  #committing: Promise<void> | undefined;
  #sealing: Promise<void> = Promise.resolve();
  #sealsWaiting = 0;
  #halted: Fault | undefined;
  #closed = false;

  constructor(open: OpenWriter, recovered: Recovered, lock: FolderLock) {
    this.#open = open;
    this.#options = { ...WRITER_DEFAULTS, ...open.options };
    assert(this.#options.reserve >= 16, "a writer reserves at least the numbers of its own first records");
    this.#timers = open.timers ?? nodeTimers;
    this.#manifest = recovered.manifest;
    this.#sealState = recovered.state;
    this.#lock = lock;
    this.#chunk = new ChunkBuffer(64 * 1024);
    this.#channels = new ChannelBook(recovered.lastIngest, recovered.state.ingestFloor);
    this.#segmentIndex = recovered.nextIndex;
    this.#nextSeq = recovered.nextSeq;
    this.#chunkFirst = recovered.nextSeq;
    this.#written = recovered.nextSeq - 1;
    this.#durable = recovered.nextSeq - 1;
    this.#reservedTo = recovered.nextSeq - 1;
  }

  get positions(): LogPositions {
    const place = this.#segment === undefined ? {} : { segment: this.#segment.info.index, writtenBytes: this.#segment.bytes };
    return { appended: this.#nextSeq - 1, written: this.#written, durable: this.#durable, ...place };
  }

  get halted(): Fault | undefined {
    return this.#halted;
  }

  get hasRoom(): boolean {
    return (
      this.#halted === undefined && !this.#closed && this.#nextSeq <= this.#reservedTo &&
      this.#chunk.length < this.#options.commitBytes * WAITING_COMMITS && this.#channels.size < CHANNELS_MAX
    );
  }

  /** Creates the first segment and writes what the log itself has to say. */
  async begin(recovered: Recovered): Promise<void> {
    await this.#guard(async () => {
      this.#segment = await this.#createSegment(this.#nextInfo(this.#segmentIndex));
      this.#reservedTo = this.#nextSeq - 1 + this.#options.reserve;
    });
    const { declaration, lastRecvNs } = recovered;
    if (declaration !== undefined) this.#declare(declaration);
    if (this.#open.session === "record") {
      this.#control({ kind: "started", version: this.#open.version, clean: declaration === undefined, downtime_from_ns: lastRecvNs });
    }
    await this.commit();
  }

  /** All in the first chunk of the segment: declared together or not at all. */
  #declare(declaration: Declaration): void {
    const { lostFromSeq, lostToSeq, cutBytes, aside, cause, quarantined } = declaration;
    for (const part of quarantined) {
      this.#control({ kind: "quarantine", stream_id: "*", cause: `damaged bytes kept in ${part.aside}`, from_seq: part.from_seq, to_seq: part.to_seq });
    }
    this.#control({ kind: "recovered", lost_from_seq: lostFromSeq, lost_to_seq: lostToSeq, cut_bytes: cutBytes, aside, cause });
  }

  #control(record: ControlRecord): void {
    this.append({
      stream: CONTROL_STREAM, source: "control", connection: CONTROL_CONNECTION, recvNs: this.#open.clock.wallNs(), eventNs: 0n,
      payload: encodeControl(record),
    });
  }

  append(draft: RawDraft): { readonly seq: number; readonly ingestSeq: number } {
    if (!this.hasRoom) throw this.#refusal();
    const { recvNs, eventNs, payload } = draft;
    if (recvNs < 0n || recvNs > I64_MAX || eventNs < 0n || eventNs > I64_MAX) {
      throw fault("log.bad-time", `${draft.stream.streamId}: receive time ${recvNs} ns or event time ${eventNs} ns is not between 1970 and 2262`);
    }
    if (payload.length > PAYLOAD_MAX) {
      throw fault("log.too-large", `${draft.stream.streamId}: a message of ${payload.length} bytes is over the limit of ${PAYLOAD_MAX}`);
    }
    const channel = this.#channels.of(draft);
    this.#introduce(channel);
    channel.stream.ingestSeq += 1;
    const seq = this.#nextSeq;
    this.#nextSeq = seq + 1;
    this.#chunk.addMessage(channel.id, recvNs, eventNs, payload);
    if (this.#chunk.length >= this.#options.commitBytes) void this.#startCommit();
    else if (this.#cancelTimer === undefined && this.#committing === undefined) this.#startTimer();
    return { seq, ingestSeq: channel.stream.ingestSeq };
  }

  /** Each chunk repeats the channels that it uses and the number before each stream's first message. */
  #introduce(channel: ChannelState): void {
    const { chunkNumber } = this.#channels;
    if (channel.inChunk === chunkNumber) return;
    channel.inChunk = chunkNumber;
    this.#chunk.addChannel(channel.record);
    if (channel.stream.inChunk === chunkNumber) return;
    channel.stream.inChunk = chunkNumber;
    this.#chunk.addBase({ channelId: channel.id, before: channel.stream.ingestSeq });
  }

  #refusal(): FaultError {
    if (this.#halted !== undefined) return new FaultError(this.#halted);
    if (this.#closed) return fault("log.closed", `${this.#open.folder} was closed: nothing can be appended`);
    return fault("log.full", `${this.#open.folder}: appended to a full writer; await room() first`);
  }

  #startTimer(): void {
    const { commitEveryMs } = this.#options;
    if (commitEveryMs === Infinity) return;
    this.#cancelTimer = this.#timers.after(commitEveryMs, () => {
      this.#cancelTimer = undefined;
      void this.#startCommit();
    });
  }

  async room(): Promise<void> {
    while (!this.hasRoom) {
      if (this.#halted !== undefined || this.#closed) throw this.#refusal();
      await this.#startCommit();
    }
  }

  async commit(): Promise<LogPositions> {
    const target = this.#nextSeq - 1;
    while (this.#durable < target && this.#halted === undefined) await this.#startCommit();
    if (this.#halted !== undefined) throw new FaultError(this.#halted);
    return this.positions;
  }

  onPositions(listener: (positions: LogPositions) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #notify(): void {
    const { positions } = this;
    for (const listener of this.#listeners) listener(positions);
  }

  /** Never rejects: a failure halts the writer, and whoever waits looks at that. One commit runs at a time. */
  #startCommit(): Promise<void> {
    this.#committing ??= this.#commitOnce().finally(() => {
      this.#committing = undefined;
      if (this.#halted !== undefined || this.#chunk.count === 0) return;
      // Messages that came meanwhile: at once when they are many, else after the usual time.
      if (this.#chunk.length >= this.#options.commitBytes) void this.#startCommit();
      else if (this.#cancelTimer === undefined) this.#startTimer();
    });
    return this.#committing;
  }

  async #commitOnce(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    try {
      const unit = this.#takeUnit();
      if (unit !== undefined) await this.#perform(unit);
    } catch (error) {
      this.#halt(error);
    }
  }

  /** Everything appended so far, as one chunk; from here on appends go to the next one. */
  #takeUnit(): CommitUnit | undefined {
    if (this.#chunk.count === 0) return undefined;
    const lastSeq = this.#nextSeq - 1;
    const reservedTo = lastSeq + this.#options.reserve;
    const { bytes, count } = this.#chunk.finish({ firstSeq: this.#chunkFirst, reservedTo });
    assert(this.#chunkFirst + count - 1 === lastSeq, "a chunk's numbers are dense");
    this.#chunkFirst = this.#nextSeq;
    this.#planned += bytes.length;
    this.#channels.nextChunk();
    const isFull = this.#planned >= this.#options.segmentBytes && this.#sealsWaiting === 0;
    if (!isFull && this.#channels.size < CHANNELS_ROTATE) return { bytes, lastSeq, reservedTo, next: undefined };
    this.#channels.nextSegment();
    this.#planned = 0;
    this.#segmentIndex += 1;
    return { bytes, lastSeq, reservedTo, next: this.#nextInfo(this.#segmentIndex) };
  }

  async #perform(unit: CommitUnit): Promise<void> {
    const segment = this.#segment;
    assert(segment !== undefined, "a segment is open");
    await segment.file.append(unit.bytes);
    segment.bytes += unit.bytes.length;
    this.#written = unit.lastSeq;
    this.#notify();
    await segment.file.sync();
    this.#durable = unit.lastSeq;
    // Only now: numbers may be handed out once the disk holds the promise never to use them again.
    this.#reservedTo = unit.reservedTo;
    if (unit.next !== undefined) {
      this.#segment = await this.#createSegment(unit.next);
      this.#seal(segment, unit.lastSeq + 1);
    }
    this.#notify();
  }

  #nextInfo(index: number): SegmentInfo {
    const { captureId } = this.#open;
    return { captureId, index, baseSeq: this.#nextSeq, ingestBases: this.#channels.lastIngest(), ingestFloor: this.#channels.floor };
  }

  async #createSegment(info: SegmentInfo): Promise<OpenSegment> {
    const { disk, folder } = this.#open;
    const raw = `${folder}/${RAW_FOLDER}`;
    const file = await disk.open(`${raw}/${openName(info.index)}`, "create");
    const reservation = reservationRecord({ firstSeq: info.baseSeq, reservedTo: info.baseSeq - 1 + this.#options.reserve });
    const bytes = Buffer.concat([segmentHead(info), reservation]);
    await file.append(bytes);
    await file.sync();
    await disk.syncFolder(raw);
    return { info, file, bytes: bytes.length };
  }

  /** In the background and in order; appends and commits go on between its slices. */
  #seal(segment: OpenSegment, nextSeq: number): void {
    this.#sealsWaiting += 1;
    this.#sealing = this.#sealing.then(async () => {
      // A failure halts the writer; `close` and every append report it.
      if (this.#halted === undefined) await this.#guard(() => this.#sealNow(segment, nextSeq)).catch(() => undefined);
      else await segment.file.close();
      this.#sealsWaiting -= 1;
    });
  }

  async #sealNow(segment: OpenSegment, nextSeq: number): Promise<void> {
    const { disk, folder, pause = pauseForOthers } = this.#open;
    await segment.file.close();
    const { line } = await sealSegment({
      disk, folder, info: segment.info, state: this.#sealState, manifest: this.#manifest, pause, nextSeq, crashed: false,
    });
    const raw = `${folder}/${RAW_FOLDER}`;
    await disk.remove(`${raw}/${openName(segment.info.index)}`);
    await disk.syncFolder(raw);
    const damage = line.recovery;
    if (damage === undefined) return;
    // What was durable minutes ago can no longer be read: the medium is failing. Recording on would hide it.
    throw fault("log.damaged-while-open", `${folder}/${line.file}: records ${damage.quarantined[0]?.from_seq ?? nextSeq} … cannot be read back: check the disk`);
  }

  async #guard<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw new FaultError(this.#halt(error));
    }
  }

  #halt(error: unknown): Fault {
    if (this.#halted === undefined) {
      this.#halted = diskFault(error, "write", this.#open.folder).fault;
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
      this.#notify();
    }
    return this.#halted;
  }

  async close(reason: string): Promise<void> {
    if (this.#closed) return;
    try {
      if (this.#halted === undefined && this.#open.session === "record") {
        await this.room();
        this.#control({ kind: "stopped", reason });
      }
      if (this.#halted === undefined) await this.commit();
      this.#closed = true;
      await this.#sealing;
      await this.#committing;
      await this.#end();
    } finally {
      this.#closed = true;
      await this.#lock.release();
    }
  }

  async #end(): Promise<void> {
    const segment = this.#segment;
    this.#segment = undefined;
    if (segment === undefined) return;
    if (this.#halted !== undefined) {
      await segment.file.close();
      throw new FaultError(this.#halted);
    }
    if (segment.info.baseSeq < this.#nextSeq) return this.#guard(() => this.#sealNow(segment, this.#nextSeq));
    // Nothing was written: a segment without records would say nothing.
    const { disk, folder } = this.#open;
    await segment.file.close();
    await disk.remove(`${folder}/${RAW_FOLDER}/${openName(segment.info.index)}`);
    await disk.syncFolder(`${folder}/${RAW_FOLDER}`);
  }
}
