// The raw log's interfaces: who writes, who reads, who follows, and the disk beneath them (real or simulated).
import type { Fault } from "../../shared/base.ts";
import type { StreamRef } from "../../shared/market.ts";
import type { RawDraft, RawRecord } from "../../shared/raw.ts";

/** The few disk operations the log needs. `NodeDisk` does them; `SimDisk` forgets, tears, fills up and flips bits. */
export interface Disk {
  /** Opens for appending; `create` fails when the file exists. */
  open(path: string, mode: "append" | "create" | "read"): Promise<DiskFile>;
  readFile(path: string): Promise<Uint8Array>;
  /** Whole file, through a temporary name, fsync and rename: afterwards either the old or the new content, never a mix. */
  replaceFile(path: string, bytes: Uint8Array): Promise<void>;
  /** A new file with its content, at once: of many that try, one succeeds, the others fault `disk.exists`. Not synced. */
  createWhole(path: string, bytes: Uint8Array): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  truncate(path: string, length: number): Promise<void>;
  makeReadOnly(path: string): Promise<void>;
  makeFolder(path: string): Promise<void>;
  /** File names, sorted; an absent folder is empty. */
  list(path: string): Promise<readonly string[]>;
  size(path: string): Promise<number | undefined>;
  /** fsync of the folder, so that created and renamed names are durable. */
  syncFolder(path: string): Promise<void>;
}
export interface DiskFile {
  /** Writes all of it (loops over short writes) at the end of the file. */
  append(bytes: Uint8Array): Promise<void>;
  /** fdatasync. */
  sync(): Promise<void>;
  /** Up to `length` bytes at `offset`; fewer only at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface LogPositions {
  /** Highest seq appended to the open chunk (0 = none yet). Not yet for anyone's eyes. */
  readonly appended: number;
  /** Highest seq written to the file: the screen may use it, marked. */
  readonly written: number;
  /** Highest seq that an fsync covers: seals, artifacts, bridge and reported counts use this. */
  readonly durable: number;
  /** Index of the open segment that holds `written`: with `writtenBytes`, what a reader in another thread may read. */
  readonly segment?: number;
  /** Bytes of the open segment's file that are written. */
  readonly writtenBytes?: number;
}

export interface WriterOptions {
  /** Group commit: the longest time between appending and fsync. Default 10 ms; imports commit by size only. */
  readonly commitEveryMs: number;
  /** Bytes waiting that force a commit at once. */
  readonly commitBytes: number;
  /** Uncompressed bytes after which the open segment is sealed and the next begins. */
  readonly segmentBytes: number;
  /** Numbers that may be handed out beyond the durable ones; beyond it `append` reports "full" and the caller must wait. */
  readonly reserve: number;
}

/** Sole writer of one capture's log. Methods never overlap: the writer serialises itself. */
export interface RawLogWriter {
  readonly positions: LogPositions;
  /** False: `append` would throw. Asking costs nothing, so callers write `if (!writer.hasRoom) await writer.room()`. */
  readonly hasRoom: boolean;
  /** Stamps seq and ingest_seq and buffers. Callers await `room()` first; appending to a full writer throws. */
  append(draft: RawDraft): { readonly seq: number; readonly ingestSeq: number };
  /** Resolves at once while there is room, else when a commit made some. Rejects with the fault once the writer halted. */
  room(): Promise<void>;
  /** Commits what is buffered (write + fsync) and resolves with the positions. */
  commit(): Promise<LogPositions>;
  /** Called after each write and each fsync. */
  onPositions(listener: (positions: LogPositions) => void): () => void;
  /** Set once the disk failed: nothing more is accepted, what was durable stays. */
  readonly halted: Fault | undefined;
  /** Commits, seals the open segment and releases the lock. */
  close(reason: string): Promise<void>;
}

/** One sealed segment, as its manifest line tells it (RAW_LOG.md has every member). */
export interface SegmentSummary {
  readonly index: number;
  readonly file: string;
  readonly state: "sealed" | "open" | "recovered";
  readonly fromSeq: number;
  /** Inclusive; fromSeq - 1 when empty. */
  readonly toSeq: number;
  readonly fromRecvNs: bigint;
  readonly toRecvNs: bigint;
  readonly bytes: number;
  /** Records in it; less than toSeq - fromSeq + 1 where a part was quarantined. */
  readonly count: number;
}

/** What the log holds of one stream. */
export interface StreamSummary {
  readonly stream: StreamRef;
  readonly count: number;
}

export interface ReadOptions {
  /** First raw seq wanted (inclusive). Default 1. */
  readonly fromSeq?: number;
  /** Last raw seq wanted (inclusive). Default: what the log holds when reading gets there. */
  readonly toSeq?: number;
  /** Only these streams are surfaced (control records always are); others are skipped without being touched. */
  readonly streams?: ReadonlySet<string>;
}

/** Reads one capture's log, also while another process writes it. Never writes. */
export interface RawLogReader {
  readonly captureId: string;
  readonly segments: readonly SegmentSummary[];
  /** Streams of the log with their message counts, sorted by streamId; by manifest and open chunks, without a scan. */
  readonly streams: readonly StreamSummary[];
  /** Highest seq that can be read now; re-reads the open segment's length. */
  refresh(): Promise<number>;
  /** Batches of records in seq order. Payloads are views into a buffer that stays valid (never reused). */
  batches(options: ReadOptions): AsyncIterable<readonly RawRecord[]>;
  /** The record with this seq, undefined where the number is not in the log (lost numbers are declared). */
  record(seq: number): Promise<RawRecord | undefined>;
  /** Highest seq whose known time (running maximum of receive time) is ≤ recvNs; 0 when none. By the manifest, then one chunk. */
  locate(recvNs: bigint): Promise<number>;
  close(): Promise<void>;
}

/** A finding of the log verifier. Verification walks everything and gathers all findings. */
export interface LogFinding {
  readonly severity: "note" | "damage";
  readonly segment: string;
  /** Chunk number within the segment; undefined when the damage is outside chunks. */
  readonly chunk: number | undefined;
  /** First raw seq whose content is affected; undefined: no event affected (framing only). */
  readonly firstSeq: number | undefined;
  readonly streamId: string | undefined;
  readonly fault: Fault;
  readonly expected: string;
  readonly actual: string;
}
