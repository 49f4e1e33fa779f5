// What the raw log's tests share: a seeded random, a simulated disk, drafts, and a writer with a turned clock.
import type { Random } from "../../shared/base.ts";
import { streamRef } from "../../shared/market.ts";
import type { RawDraft, RawRecord } from "../../shared/raw.ts";
import type { ProcessTable } from "./lock.ts";
import { openReader } from "./reader.ts";
import { SimDisk } from "./sim-disk.ts";
import type { Disk, RawLogWriter, WriterOptions } from "./types.ts";
import { openWriter } from "./writer.ts";

/** Mulberry32: small, seedable, good enough to choose faults. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return {
    next: () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    },
  };
}

export const FOLDER = "/data/captures/test";
export const TRADES = streamRef("binance-usdm", "BTCUSDT", "aggTrade");
export const QUOTES = streamRef("binance-usdm", "BTCUSDT", "bookTicker");
const START_NS = 1_723_161_255_000_000_000n;

/** The n-th draft of a deterministic market: two streams, two connections, rising times, distinct bytes. */
export function draft(n: number, bytes = 40): RawDraft {
  const stream = n % 3 === 0 ? TRADES : QUOTES;
  const text = `{"n":${n},"p":"${61_800 + (n % 97)}.${n % 10}"}`;
  return {
    stream, source: "ws", connection: n % 2 === 0 ? "binance-usdm.ws.1" : "binance-usdm.ws.2",
    recvNs: START_NS + BigInt(n) * 1_000_003n, eventNs: n % 5 === 0 ? 0n : START_NS + BigInt(n) * 1_000_000n,
    payload: Buffer.from(text.padEnd(bytes, " "), "utf8"),
  };
}

/** Processes that are always someone else after a crash. */
export function processes(pid: number): ProcessTable {
  return { self: () => ({ pid, startedAt: String(pid), bootId: "sim" }), isAlive: (owner) => owner.pid === pid };
}

export function newDisk(seed = 1): SimDisk {
  return new SimDisk(seeded(seed));
}

export interface TestWriter {
  readonly disk: Disk;
  readonly options?: Partial<WriterOptions>;
  readonly session?: "record" | "import";
  readonly pid?: number;
  readonly folder?: string;
}

/** A writer without timers: commits happen when a test says so, or by size. */
export function writerOn({ disk, options, session = "import", pid = 1, folder = FOLDER }: TestWriter): Promise<RawLogWriter> {
  return openWriter({
    disk, folder, captureId: "test", session, version: "0.0.0-test",
    options: { commitEveryMs: Infinity, commitBytes: 64 * 1024, segmentBytes: 1024 * 1024, reserve: 4_096, ...options },
    clock: { wallNs: () => START_NS }, processes: processes(pid), pause: () => Promise.resolve(),
  });
}

/** Everything a reader finds, as plain objects. */
export async function readAll(disk: Disk, folder = FOLDER): Promise<RawRecord[]> {
  const reader = await openReader({ disk, folder });
  const records: RawRecord[] = [];
  for await (const batch of reader.batches({})) records.push(...batch.map(plain));
  await reader.close();
  return records;
}

export function plain(record: RawRecord): RawRecord {
  const { stream, source, connection, recvNs, eventNs, payload, seq, ingestSeq } = record;
  return { stream, source, connection, recvNs, eventNs, payload: Buffer.from(payload), seq, ingestSeq };
}
