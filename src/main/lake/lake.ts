// One capture's lake: spool it, compact it, compare it with its log. One writer at a time (the lake's lock); the recorder may be writing the log.
import type { DecoderLookup } from "../../shared/market.ts";
import { acquireLock, type ProcessTable } from "../rawlog/lock.ts";
import { readManifest } from "../rawlog/manifest.ts";
import { openReader } from "../rawlog/reader.ts";
import type { Disk, RawLogReader } from "../rawlog/types.ts";
import { compactAll } from "./compact.ts";
import { COMPACT_FOLDER, EVENTS_FOLDER, LAKE_LOCK, WORK_FOLDER } from "./partition.ts";
import { reconcile } from "./reconcile.ts";
import { LakeSession, type SessionSettings } from "./session.ts";
import { SpoolManifest } from "./spool-manifest.ts";
import { Spool } from "./spool.ts";
import type { CompactReport, LakeTask, ReconcileReport, SpoolReport } from "./types.ts";

export interface LakeOptions {
  readonly disk: Disk;
  readonly captureFolder: string;
  readonly decoders: DecoderLookup;
  /** For people: what a crash left and what became of it. */
  readonly onNote: (text: string) => void;
  /** For tests and benches. */
  readonly settings?: SessionSettings;
  readonly processes?: ProcessTable;
}

interface Open {
  readonly reader: RawLogReader;
  readonly session: LakeSession;
}

/** A Lake keeps its place in the log between calls; calls do not overlap. `close` when done. */
export class Lake {
  readonly #options: LakeOptions;
  #open: Open | undefined;
  #spool: Spool | undefined;

  constructor(options: LakeOptions) {
    this.#options = options;
  }

  /** Writes the parts of all sealed segments that have none yet. Rejects with `log.locked disk.* lake.* log.*`; whole segments stay. */
  spool(task: LakeTask = {}): Promise<SpoolReport> {
    return this.#locked(async () => (await this.#spooled(task)).report);
  }

  /** Spools, compacts every partition, compares the counts. Rejects as `spool`; every file is then whole, the old or the new one. */
  compact(task: LakeTask = {}): Promise<CompactReport> {
    return this.#locked(async (open) => {
      const { disk, captureFolder } = this.#options;
      const { spool, report } = await this.#spooled(task);
      const log = (await readManifest(disk, captureFolder)).segments.slice(0, spool.manifest.segments.length);
      const { written, removed } = await compactAll(
        { disk, captureFolder, captureId: open.reader.captureId, session: open.session, log, spooled: spool.manifest.segments }, task);
      const counts = await reconcile({ ...this.#options, ...open, log, manifest: spool.manifest, thorough: false }, task);
      return { ...counts, spool: report, written, removedFiles: spool.removedFiles + removed };
    });
  }

  /** Decodes the log again and compares every row and every file with it; changes nothing and needs no lock. */
  async check(scratch: string, task: LakeTask = {}): Promise<ReconcileReport> {
    const { disk, captureFolder, settings } = this.#options;
    const reader = await openReader({ disk, folder: captureFolder, sealedOnly: true });
    const session = await LakeSession.open(scratch, settings);
    try {
      const log = (await readManifest(disk, captureFolder)).segments;
      const manifest = await SpoolManifest.read(disk, captureFolder, reader.captureId);
      return await reconcile({ ...this.#options, reader, session, log, manifest, thorough: true }, task);
    } finally {
      session.close();
      await reader.close();
    }
  }

  async #spooled(task: LakeTask): Promise<{ readonly spool: Spool; readonly report: SpoolReport }> {
    const { reader, session } = await this.#opened();
    // Another process may have spooled meanwhile.
    if (this.#spool !== undefined && !(await this.#spool.manifest.isCurrent())) this.#spool = undefined;
    const spool = this.#spool ?? (await Spool.open({ ...this.#options, reader, session }));
    // Kept only once it went well: after a fault what is on disk must be looked at again.
    this.#spool = undefined;
    const report = await spool.advance(task);
    this.#spool = spool;
    return { spool, report };
  }

  async #opened(): Promise<Open> {
    if (this.#open !== undefined) return this.#open;
    const { disk, captureFolder, settings } = this.#options;
    const reader = await openReader({ disk, folder: captureFolder, sealedOnly: true });
    try {
      this.#open = { reader, session: await LakeSession.open(`${captureFolder}/${EVENTS_FOLDER}/${WORK_FOLDER}/spill`, settings) };
      return this.#open;
    } catch (error) {
      await reader.close();
      throw error;
    }
  }

  async #locked<T>(run: (open: Open) => Promise<T>): Promise<T> {
    const { disk, captureFolder, processes } = this.#options;
    const open = await this.#opened();
    const path = `${captureFolder}/${LAKE_LOCK}`;
    const lock = await acquireLock({ disk, path, what: `${captureFolder}/{${EVENTS_FOLDER},${COMPACT_FOLDER}}`, ...(processes === undefined ? {} : { processes }) });
    try {
      return await run(open);
    } finally {
      await lock.release();
    }
  }

  /** Idempotent. Not while a call runs. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    this.#spool = undefined;
    open?.session.close();
    await open?.reader.close();
  }
}
