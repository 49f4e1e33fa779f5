// An import from end to end, for the command and for the job thread: foreign files → log → candles, all of it or nothing.
import type { StopSignal, Clock } from "../../shared/base.ts";
import type { VenueId } from "../../shared/market.ts";
import { createDeriver } from "../derive/deriver.ts";
import { readLedgerEntries } from "../derive/read.ts";
import type { ImportFormat } from "../importers/foreign.ts";
import { importCapture, type ImportProgress, type ImportReport } from "../importers/import-capture.ts";
import { MessageCounts } from "../importers/message-counts.ts";
import { routeFor } from "../importers/route-for.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { IMPORT_OPTIONS, openWriter } from "../rawlog/writer.ts";
import { decoderLookup } from "../venues/registry.ts";

const PROGRESS_RECORDS = 8_192;

export interface ImportFilesOptions {
  /** `<data>/captures` */
  readonly capturesFolder: string;
  readonly captureId: string;
  readonly venue: VenueId;
  readonly format: ImportFormat;
  readonly fold: string | undefined;
  /** Absolute paths. */
  readonly files: readonly string[];
  readonly version: string;
  readonly clock: Pick<Clock, "wallNs">;
  readonly onProgress?: (progress: ImportProgress) => void;
  readonly stop?: StopSignal;
}

export interface ImportOutcome extends ImportReport {
  readonly quarantined: number;
  readonly unhandled: number;
  /** Gaps found, whatever became of them. */
  readonly gaps: number;
  /** Of the raw log. */
  readonly bytes: number;
}

/** Faults: `import.*`, one line each, and then nothing is left behind. */
export async function importFiles(options: ImportFilesOptions): Promise<ImportOutcome> {
  const { onProgress, stop, version, clock, captureId } = options;
  const disk = new NodeDisk();
  const counts = new MessageCounts();
  let bytes = 0;
  let gaps = 0;
  const stopping = stop === undefined ? {} : { stop };
  const report = await importCapture({
    capturesFolder: options.capturesFolder, captureId, venue: options.venue, format: options.format, fold: options.fold, files: options.files,
    route: routeFor(options.venue), decoders: decoderLookup, sha256, ...stopping, ...(onProgress === undefined ? {} : { onProgress }),
    openWriter: (folder) => openWriter({ disk, folder, captureId, options: IMPORT_OPTIONS, session: "import", version, clock }),
    complete: async (folder) => {
      await using reader = closing(await openReader({ disk, folder }));
      const total = await reader.value.refresh();
      await using deriver = closing(await createDeriver({
        disk, captureFolder: folder, reader: reader.value, decoders: decoderLookup, sha256, ...stopping,
        onRecord: (record, outcome) => {
          counts.add(record, outcome);
          if (record.seq % PROGRESS_RECORDS === 0) onProgress?.({ phase: "derive", messages: counts.messages, bytesRead: record.seq, bytesTotal: total });
        },
      }));
      await deriver.value.advance();
      await deriver.value.finish();
      gaps = (await readLedgerEntries(deriver.value)).gaps.length;
      bytes = reader.value.segments.reduce((sum, segment) => sum + segment.bytes, 0);
    },
  });
  return { ...report, quarantined: counts.quarantined, unhandled: counts.unhandled, gaps, bytes };
}

function closing<T extends { close(): Promise<void> }>(value: T): { readonly value: T } & AsyncDisposable {
  return { value, [Symbol.asyncDispose]: () => value.close() };
}
