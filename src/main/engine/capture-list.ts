// What the data folder holds, for the captures list and `tapedeck captures`: by manifests and open chunks, without a scan.
import { access, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FaultError } from "../../shared/base.ts";
import { VENUE_IDS, type VenueId } from "../../shared/market.ts";
import type { CaptureSummary } from "../../shared/protocol/frames.ts";
import { isCaptureHeld } from "../rawlog/lock.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openReader } from "../rawlog/reader.ts";
import type { RawLogReader } from "../rawlog/types.ts";
import { readMarks } from "./pins.ts";

/** Channels that make candles: what the symbol picker offers. */
const CANDLE_CHANNELS: ReadonlySet<string> = new Set(["aggTrade", "trade", "publicTrade", "trades", "trades-all", "aggTrade.csv", "trade.csv", "trades.tardis"]);

function isVenue(text: string): text is VenueId {
  return (VENUE_IDS as readonly string[]).includes(text);
}

/** Bytes of everything that a capture keeps. */
export async function captureBytes(captureFolder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(captureFolder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    // A part file may be compacted away between listing and looking.
    bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}

/** What the log alone says of its capture. */
type LogSummary = Omit<CaptureSummary, "pinned" | "exportedMs"> & { readonly lastSeq: number | undefined };

/** With what lies beside the log, which changes without it. */
async function withMarks(captureFolder: string, { lastSeq, ...summary }: LogSummary): Promise<CaptureSummary> {
  return { ...summary, ...(await readMarks(captureFolder, lastSeq)) };
}

/** Captures by name, looked at once. */
export async function summarizeCaptures(dataFolder: string, recordingId: string | undefined): Promise<readonly CaptureSummary[]> {
  const catalog = new CaptureCatalog(dataFolder);
  try {
    return await catalog.list(recordingId);
  } finally {
    await catalog.close();
  }
}

/**
 * The captures of one data folder, looked at again and again: what has not changed is not read again, and of the log that is being
 * recorded only what is new. Whoever makes it closes it.
 */
export class CaptureCatalog {
  readonly #folder: string;
  readonly #settled = new Map<string, { readonly stamp: string; readonly summary: LogSummary }>();
  #followed: { readonly captureId: string; readonly reader: RawLogReader } | undefined;

  constructor(dataFolder: string) {
    this.#folder = join(dataFolder, "captures");
  }

  /** Captures by name; hidden folders are imports under way. Damaged ones are listed as such, never left out. One call at a time. */
  async list(recordingId: string | undefined): Promise<readonly CaptureSummary[]> {
    const exists = await access(this.#folder).then(() => true, () => false);
    if (!exists) return [];
    if (this.#followed !== undefined && this.#followed.captureId !== recordingId) await this.#unfollow();
    const names = (await readdir(this.#folder, { withFileTypes: true })).filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => name);
    for (const gone of [...this.#settled.keys()].filter((name) => !names.includes(name))) this.#settled.delete(gone);
    const summaries: CaptureSummary[] = [];
    for (const name of names.sort()) summaries.push(name === recordingId ? await this.#growing(name) : await this.#standing(name));
    return summaries;
  }

  async #standing(captureId: string): Promise<CaptureSummary> {
    const captureFolder = join(this.#folder, captureId);
    const stamp = await stampOf(captureFolder);
    const known = this.#settled.get(captureId);
    if (known?.stamp === stamp) return withMarks(captureFolder, known.summary);
    const summary = await summarize(captureFolder, captureId);
    // A crashed capture may be taken up by another process at any time, which changes nothing in its files at first.
    if (summary.state === "complete" || summary.state === "damaged" || summary.state === "newer") this.#settled.set(captureId, { stamp, summary });
    return withMarks(captureFolder, summary);
  }

  async #growing(captureId: string): Promise<CaptureSummary> {
    const captureFolder = join(this.#folder, captureId);
    try {
      if (this.#followed === undefined) this.#followed = { captureId, reader: await openReader({ disk: new NodeDisk(), folder: captureFolder }) };
      else await this.#followed.reader.refresh();
      const summary = { ...contents(this.#followed.reader), captureId, bytes: await captureBytes(captureFolder), state: "recording", proof: undefined } as const;
      return await withMarks(captureFolder, summary);
    } catch (error) {
      await this.#unfollow();
      return withMarks(captureFolder, unreadable(captureId, error, await captureBytes(captureFolder)));
    }
  }

  async #unfollow(): Promise<void> {
    const followed = this.#followed;
    this.#followed = undefined;
    await followed?.reader.close();
  }

  close(): Promise<void> {
    return this.#unfollow();
  }
}

/** Changes whenever the log does: its files with their sizes and times. */
async function stampOf(captureFolder: string): Promise<string> {
  const looked = [join(captureFolder, "manifest.jsonl")];
  const raw = join(captureFolder, "raw");
  for (const name of (await readdir(raw).catch(() => [])).sort()) looked.push(join(raw, name));
  const stamps: string[] = [];
  for (const path of looked) {
    const found = await stat(path).catch(() => undefined);
    stamps.push(found === undefined ? `${path} -` : `${path} ${found.size} ${found.mtimeMs}`);
  }
  return stamps.join("\n");
}

async function summarize(captureFolder: string, captureId: string): Promise<LogSummary> {
  let reader: RawLogReader;
  try {
    reader = await openReader({ disk: new NodeDisk(), folder: captureFolder });
  } catch (error) {
    return unreadable(captureId, error, await captureBytes(captureFolder));
  }
  try {
    return { ...contents(reader), captureId, bytes: await captureBytes(captureFolder), state: await stateOf(reader, captureFolder), proof: undefined };
  } finally {
    await reader.close();
  }
}

/** What is wrong with it is the verifier's to tell; here it must only not disappear. */
function unreadable(captureId: string, error: unknown, bytes: number): LogSummary {
  return {
    captureId, venues: [], symbols: [], streams: 0, fromMs: undefined, toMs: undefined, events: 0, bytes,
    bytesPerEvent: undefined, state: isNewer(error) ? "newer" : "damaged", simulated: false, proof: undefined, instruments: [], lastSeq: undefined,
  };
}

/** Written by a later version of Tapedeck: nothing is wrong with it. */
function isNewer(error: unknown): boolean {
  return error instanceof FaultError && error.fault.code === "log.newer-format";
}

/** An open segment is a crash only when no living process, of whatever kind, writes the capture. */
async function stateOf(reader: RawLogReader, captureFolder: string): Promise<CaptureSummary["state"]> {
  if (!reader.segments.some((segment) => segment.state === "open")) return "complete";
  return (await isCaptureHeld(new NodeDisk(), captureFolder)) ? "recording" : "crashed";
}

function contents(reader: RawLogReader): Omit<LogSummary, "captureId" | "bytes" | "state" | "proof"> {
  const streams = reader.streams.filter(({ stream }) => stream.venue !== "tapedeck");
  const named = streams.filter(({ stream }) => stream.channel !== "unclassified");
  const segments = reader.segments.filter((segment) => segment.count > 0);
  const instruments = new Map<string, { venue: VenueId; symbol: string }>();
  for (const { stream } of named) {
    const { venue, symbol, channel } = stream;
    if (CANDLE_CHANNELS.has(channel) && isVenue(venue)) instruments.set(`${venue}:${symbol}`, { venue, symbol });
  }
  const venues = [...new Set(streams.map(({ stream }) => stream.venue))];
  return {
    venues,
    symbols: [...new Set(named.map(({ stream }) => stream.symbol))],
    streams: streams.length,
    fromMs: edgeMs(segments.map((segment) => segment.fromRecvNs), (a, b) => a < b),
    toMs: edgeMs(segments.map((segment) => segment.toRecvNs), (a, b) => a > b),
    events: streams.reduce((sum, { count }) => sum + count, 0),
    bytesPerEvent: sealedBytesPerEvent(reader),
    simulated: venues.includes("sim"),
    instruments: [...instruments.values()],
    lastSeq: segments.reduce((last, { toSeq }) => Math.max(last, toSeq), 0),
  };
}

/** The open segment is not compressed yet: counting it would tell what nobody keeps. */
function sealedBytesPerEvent(reader: RawLogReader): number | undefined {
  const sealed = reader.segments.filter((segment) => segment.state !== "open");
  const count = sealed.reduce((sum, segment) => sum + segment.count, 0);
  return count === 0 ? undefined : sealed.reduce((sum, segment) => sum + segment.bytes, 0) / count;
}

function edgeMs(times: readonly bigint[], isBeyond: (a: bigint, b: bigint) => boolean): number | undefined {
  let edge: bigint | undefined;
  for (const time of times) if (edge === undefined || isBeyond(time, edge)) edge = time;
  return edge === undefined ? undefined : Number(edge / 1_000n) / 1_000;
}
