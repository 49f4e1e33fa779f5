// Artifacts: one UTC day of one series as canonical JSON lines, named by their sha256. Refs say which digest stands for what;
// lines are only ever added, so that what an earlier cut or an earlier version gave stays addressable.
import { createHash } from "node:crypto";
import { z } from "zod";
import { canonicalStringify } from "../../shared/canonical-json.ts";
import { fault } from "../../shared/base.ts";
import { VENUE_IDS, instrumentId, type Instrument } from "../../shared/market.ts";
import { INTERVAL_MS, INTERVALS, parseUtcNs, msFromNs, type Interval } from "../../shared/time.ts";
import { barLine } from "../canonical/artifact.ts";
import { CANONICALIZER_VERSION } from "../canonical/types.ts";
import type { Disk } from "../rawlog/types.ts";
import type { IndexedSeries, JournalHistory } from "./journal.ts";

const refSchema = z.strictObject({
  canonicalizer_version: z.string(),
  config_digest: z.string(),
  venue: z.enum(VENUE_IDS),
  symbol: z.string(),
  interval: z.custom<Interval>((value) => (INTERVALS as readonly unknown[]).includes(value), "not an interval"),
  /** UTC day, `20240808`. */
  date: z.string().regex(/^\d{8}$/),
  sha256: z.string().length(64),
  bars: z.number().int().nonnegative(),
  /** Raw seq of the record that closed the day. */
  at_seq: z.number().int().nonnegative(),
});
export type ArtifactRef = z.infer<typeof refSchema>;

export interface Artifact {
  readonly ref: ArtifactRef;
  readonly bytes: Uint8Array;
}

export function refsPath(candlesFolder: string): string {
  return `${candlesFolder}/refs.jsonl`;
}
export function objectPath(candlesFolder: string, sha256: string): string {
  return `${candlesFolder}/objects/${sha256}.jsonl`;
}
export function refText(ref: ArtifactRef): string {
  return canonicalStringify(ref);
}

/** Every artifact of an instrument's day, by interval; a series without a bar that day has none. */
export function* cutDay(options: {
  readonly history: JournalHistory;
  readonly instrument: Instrument;
  readonly date: string;
  readonly configDigest: string;
  readonly atSeq: number;
}): Generator<Artifact> {
  const { history, instrument, date, configDigest, atSeq } = options;
  const fromNs = parseUtcNs(`${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6, 8)}`);
  if (fromNs === undefined) throw fault("derived.bad-cut", `a cut names the day ${JSON.stringify(date)}, which is no UTC day`);
  const fromMs = msFromNs(fromNs);
  for (const series of history.series()) {
    if (instrumentId(series) !== instrumentId(instrument)) continue;
    const artifact = cutSeries({ history, series, fromMs, date, configDigest, atSeq });
    if (artifact !== undefined) yield artifact;
  }
}

function cutSeries(options: {
  readonly history: JournalHistory;
  readonly series: IndexedSeries;
  readonly fromMs: number;
  readonly date: string;
  readonly configDigest: string;
  readonly atSeq: number;
}): Artifact | undefined {
  const { history, series, fromMs, date, configDigest, atSeq } = options;
  const lines: Buffer[] = [];
  for (const bar of history.latestIn(series, fromMs, fromMs + INTERVAL_MS["1d"])) lines.push(Buffer.from(lineOf(barLine(bar)), "utf8"));
  if (lines.length === 0) return undefined;
  const bytes = Buffer.concat(lines);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const ref: ArtifactRef = {
    canonicalizer_version: CANONICALIZER_VERSION, config_digest: configDigest,
    venue: series.venue, symbol: series.symbol, interval: series.interval, date, sha256, bars: lines.length, at_seq: atSeq,
  };
  return { ref, bytes };
}

function lineOf(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}

/** Refs as stored. A torn last line (a crash while it was added) is left out; the cut is made again. */
export async function readRefs(disk: Disk, candlesFolder: string): Promise<{ readonly refs: readonly ArtifactRef[]; readonly wholeBytes: number }> {
  const path = refsPath(candlesFolder);
  if ((await disk.size(path)) === undefined) return { refs: [], wholeBytes: 0 };
  const bytes = Buffer.from(await disk.readFile(path));
  const wholeBytes = bytes.lastIndexOf(0x0a) + 1;
  const lines = bytes.toString("utf8", 0, wholeBytes).split("\n").slice(0, -1);
  return { refs: lines.map((line, index) => readRef(line, `${path}:${index + 1}`)), wholeBytes };
}

function readRef(line: string, place: string): ArtifactRef {
  let raw: unknown;
  try {
    raw = JSON.parse(line);
  } catch {
    throw fault("derived.damaged", `${place} is not JSON: remove the candles folder of the capture and derive again`);
  }
  const parsed = refSchema.safeParse(raw);
  if (!parsed.success) throw fault("derived.damaged", `${place} is no artifact ref: remove the candles folder of the capture and derive again`);
  return parsed.data;
}

/** Where artifacts go: to disk (`createArtifactStore`), nowhere (memory), or into a comparison (verify). */
export interface ArtifactSink {
  put(artifact: Artifact): Promise<void>;
  sync(): Promise<void>;
}

/** Writes objects and refs. The same ref twice (a restart cuts again) is one line. */
export async function createArtifactStore(disk: Disk, candlesFolder: string): Promise<ArtifactSink> {
  const { refs, wholeBytes } = await readRefs(disk, candlesFolder);
  const known = new Set(refs.map(refText));
  const path = refsPath(candlesFolder);
  let trimmed = false;
  return {
    async put(artifact) {
      const object = objectPath(candlesFolder, artifact.ref.sha256);
      await disk.makeFolder(`${candlesFolder}/objects`);
      if ((await disk.size(object)) !== artifact.bytes.length) await disk.replaceFile(object, artifact.bytes);
      const text = refText(artifact.ref);
      if (known.has(text)) return;
      if (!trimmed && ((await disk.size(path)) ?? 0) > wholeBytes) await disk.truncate(path, wholeBytes);
      trimmed = true;
      const file = await disk.open(path, "append");
      try {
        await file.append(Buffer.from(`${text}\n`, "utf8"));
        await file.sync();
      } finally {
        await file.close();
      }
      known.add(text);
    },
    async sync() {
      await disk.syncFolder(candlesFolder);
    },
  };
}

export const NO_ARTIFACTS: ArtifactSink = { put: async () => {}, sync: async () => {} };
