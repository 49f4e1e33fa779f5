// Planted bugs: each makes one half break one promise, and the simulation must find it, or it proves nothing.
import type { Disk, DiskFile } from "../../rawlog/types.ts";
import type { RemoteListener } from "../client/types.ts";
import type { SequencedEntry, StreamKey } from "../model.ts";
import type { BridgeCodec } from "../wire/codec-types.ts";
import type { Publication } from "../wire/messages.ts";

export type Sabotage =
  /** Client: what came twice is applied twice. */
  | "no-dedupe"
  /** Client: a lost batch is passed over without a word. */
  | "skips-lost"
  /** Client's cache: the cursor moves in a transaction of its own, before the entries. */
  | "cursor-before-entries"
  /** Server: what is published is not yet on the disk. */
  | "publish-before-sync"
  /** Client: a hole that is larger than what cannot be had. */
  | "wide-hole"
  /** Client: a value changes on its way to the screen. */
  | "other-value"
  /** Client: a reset that nobody is told of. */
  | "silent-reset";

export const SABOTAGES: readonly Sabotage[] = ["no-dedupe", "skips-lost", "cursor-before-entries", "publish-before-sync", "wide-hole", "other-value", "silent-reset"];

const EVERY = 40;

/** Between the client and the one who listens: what a client with the bug would say. */
export function wrapListener(listener: RemoteListener, sabotage: Sabotage | undefined): RemoteListener {
  let batches = 0;
  const tell = (key: StreamKey, entries: readonly SequencedEntry[]): void => {
    batches += 1;
    const isTurn = batches % EVERY === 0;
    if (isTurn && sabotage === "skips-lost") return;
    const last = entries.at(-1);
    listener.onEntries(key, isTurn && sabotage === "other-value" && last !== undefined ? [...entries.slice(0, -1), { ...last, atSeq: last.atSeq + 1 }] : entries);
    if (isTurn && sabotage === "no-dedupe" && last !== undefined) listener.onEntries(key, [last]);
  };
  return {
    onStatus: () => listener.onStatus(),
    onEntries: tell,
    onForming: (key, bar) => listener.onForming(key, bar),
    onReset: (key, reason) => { if (sabotage !== "silent-reset") listener.onReset(key, reason); },
    onHole: (key, hole) => listener.onHole(key, sabotage === "wide-hole" ? { ...hole, toSequence: hole.toSequence + 1 } : hole),
    onProblem: (problem) => listener.onProblem(problem),
  };
}

/** fsync that lies. */
export function lyingDisk(disk: Disk): Disk {
  return {
    open: async (path, mode) => lyingFile(await disk.open(path, mode)), readFile: (path) => disk.readFile(path), replaceFile: (path, bytes) => disk.replaceFile(path, bytes),
    createWhole: (path, bytes) => disk.createWhole(path, bytes), rename: (from, to) => disk.rename(from, to), remove: (path) => disk.remove(path),
    truncate: (path, length) => disk.truncate(path, length), makeReadOnly: (path) => disk.makeReadOnly(path), makeFolder: (path) => disk.makeFolder(path),
    list: (path) => disk.list(path), size: (path) => disk.size(path), syncFolder: (path) => disk.syncFolder(path),
  };
}

function lyingFile(file: DiskFile): DiskFile {
  return { append: (bytes) => file.append(bytes), sync: () => Promise.resolve(), read: (offset, length) => file.read(offset, length), size: () => file.size(), close: () => file.close() };
}

/** Tells of everything that a server is about to publish. */
export function wrapCodec(codec: BridgeCodec, onPublication: (publication: Publication) => void): BridgeCodec {
  return {
    encodeRequest: (correlationId, request) => codec.encodeRequest(correlationId, request),
    encodeAnswer: (correlationId, answer, options) => codec.encodeAnswer(correlationId, answer, options),
    encodePublication: (publication) => {
      onPublication(publication);
      return codec.encodePublication(publication);
    },
    decodeRequest: (frame) => codec.decodeRequest(frame),
    decodeAnswer: (frame) => codec.decodeAnswer(frame),
    decodePublication: (frame) => codec.decodePublication(frame),
    correlationIdOf: (frame) => codec.correlationIdOf(frame),
  };
}
