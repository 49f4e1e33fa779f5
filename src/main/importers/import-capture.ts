// Makes a capture of foreign files: all of it or nothing. Two passes: the first learns what must stand before the first
// message (digests of the files, instruments, the fold), the second writes. The same files give the same log, anywhere.
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename } from "node:path";
import { assert, fault, type Sha256, type StopSignal } from "../../shared/base.ts";
import { configDigest, encodeControl, type CaptureConfig, type ControlRecord } from "../../shared/control.ts";
import { instrumentId, streamRef, type DecoderLookup, type VenueId } from "../../shared/market.ts";
import { CONTROL_CONNECTION, CONTROL_STREAM, type RawDraft } from "../../shared/raw.ts";
import { INTERVALS } from "../../shared/time.ts";
import type { RawLogWriter } from "../rawlog/types.ts";
import type { Routed } from "../venues/adapter.ts";
import { type ForeignFormat, type ImportFormat } from "./foreign.ts";
import { fileBytes, type FileDigest } from "./foreign-file.ts";
import { readForeign, surveyForeign, type ForeignRead, type MessageReaderOptions, type Survey } from "./foreign-messages.ts";
import { BINANCE_CSV } from "./read-binance-csv.ts";
import { CRYPTOFEED } from "./read-cryptofeed.ts";
import { HFT } from "./read-hft.ts";
import { JSONL } from "./read-jsonl.ts";
import { TARDIS_CSV } from "./read-tardis-csv.ts";
import { routeRest } from "./rest-route.ts";
import { familyOf, foldChannelsOf, routeAt } from "./route-for.ts";

const FORMATS: Readonly<Record<ImportFormat, ForeignFormat>> = {
  hft: HFT, cryptofeed: CRYPTOFEED, jsonl: JSONL, "binance-csv": BINANCE_CSV, "tardis-csv": TARDIS_CSV,
};
const LATENESS_MS = 3_000;
/** Longest text of a control record's field (shared/control.ts). */
const TEXT_MAX = 4_096;

export interface ImportProgress {
  readonly phase: "survey" | "write" | "derive";
  readonly messages: number;
  /** Bytes of the foreign files in this phase, as they lie on disk. */
  readonly bytesRead: number;
  readonly bytesTotal: number;
}

export interface ImportOptions {
  /** `<data>/captures` */
  readonly capturesFolder: string;
  readonly captureId: string;
  readonly venue: VenueId;
  readonly format: ImportFormat;
  /** Channel that feeds the candles; undefined: `trade` where a symbol has it, else `aggTrade`, else what the venue's adapter folds. */
  readonly fold: string | undefined;
  readonly files: readonly string[];
  readonly route: (payload: Uint8Array) => Routed;
  readonly decoders: DecoderLookup;
  readonly sha256: Sha256;
  readonly openWriter: (captureFolder: string) => Promise<RawLogWriter>;
  /** Runs before the capture gets its name (deriving candles): if it fails, nothing is kept. */
  readonly complete?: (captureFolder: string) => Promise<void>;
  readonly onProgress?: (progress: ImportProgress) => void;
  readonly stop?: StopSignal;
}

export interface ImportReport {
  readonly captureId: string;
  readonly folder: string;
  /** Foreign messages, control records not counted. */
  readonly messages: number;
  /** Highest seq, control records included; all durable. */
  readonly lastSeq: number;
  readonly files: readonly FileDigest[];
  readonly folds: Readonly<Record<string, string>>;
  /** Messages whose receive time lies before that of the message before. Kept as they are. */
  readonly stepsBack: number;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false);
}

function refuseExisting(captureId: string): never {
  throw fault("import.exists", `capture ${captureId} exists already: choose another --capture, or remove its folder first`);
}

/** The folder in which a capture is built: a name that no capture can have, and the process that builds. */
function workName(captureId: string, pid: number): string {
  return `.importing-${captureId}-${pid}`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Removes what an import that was killed left behind. */
async function removeLeftovers(capturesFolder: string): Promise<void> {
  for (const name of await readdir(capturesFolder)) {
    const pid = /^\.importing-.+-(\d+)$/.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    await rm(`${capturesFolder}/${name}`, { recursive: true, force: true });
  }
}

function wantedFolds({ format, fold }: ImportOptions, venue: VenueId): readonly string[] {
  const own = FORMATS[format].foldChannels;
  if (own !== undefined) return own.filter((one) => fold === undefined || fold === one.fold).map(({ channel }) => channel);
  return fold === undefined ? foldChannelsOf(venue) : [fold];
}

function chooseFolds(options: ImportOptions, survey: Survey): Readonly<Record<string, string>> {
  const folds: Record<string, string> = {};
  for (const { venue, symbol, channels } of survey.instruments) {
    const wanted = wantedFolds(options, venue);
    // A channel that nothing decodes could not feed a candle.
    const fold = wanted.find((channel) => channels.includes(channel) && options.decoders(streamRef(venue, symbol, channel)) !== undefined);
    if (fold !== undefined) folds[instrumentId({ venue, symbol })] = fold;
  }
  if (options.fold !== undefined && Object.keys(folds).length === 0) {
    const held = [...new Set(survey.instruments.flatMap(({ channels }) => channels))].sort().join(", ");
    throw fault("import.no-fold", `--fold ${options.fold}: no symbol in ${options.files.join(", ")} has that channel in a form that can be decoded; there is ${held}`);
  }
  return folds;
}

function configOf(options: ImportOptions, survey: Survey): CaptureConfig {
  const symbols = survey.instruments.map(({ venue, symbol, channels }) => ({ venue, symbol, channels: [...channels] }));
  const files = survey.files.map(({ name, sha256 }) => ({ name, sha256 }));
  return {
    format: 1, lateness_ms: LATENESS_MS, intervals: [...INTERVALS], folds: { ...chooseFolds(options, survey) }, symbols,
    input: { format: FORMATS[options.format].description, files },
  };
}

function controlDraft(record: ControlRecord, recvNs: bigint): RawDraft {
  return { stream: CONTROL_STREAM, source: "control", connection: CONTROL_CONNECTION, recvNs, eventNs: 0n, payload: encodeControl(record) };
}

/** Says when each socket's story begins: as told by the foreign capture, else with its first message. */
class ConnectionRecords {
  readonly #options: ImportOptions;
  readonly #survey: Survey;
  readonly #begun = new Set<string>();
  constructor(options: ImportOptions, survey: Survey) {
    this.#options = options;
    this.#survey = survey;
  }
  before(item: ForeignRead): RawDraft | undefined {
    if (item.kind === "connect") return this.#record(item.venue, item.connection, item.url, item.recvNs);
    const { connection, source, recvNs } = item.draft;
    if (source !== "ws" || this.#begun.has(connection)) return undefined;
    const file = /^import\.(\d+)$/.exec(connection)?.[1];
    const name = file === undefined ? connection : basename(this.#options.files[Number(file) - 1] ?? connection);
    return this.#record(item.venue, connection, `import:${name}`, recvNs);
  }
  #record(venue: VenueId, connection: string, url: string, recvNs: bigint): RawDraft {
    this.#begun.add(connection);
    const streams = [...(this.#survey.connections.get(connection) ?? [])];
    return controlDraft({ kind: "connect", venue, connection, url: url.slice(0, TEXT_MAX), streams }, recvNs);
  }
}

interface WritingOptions {
  readonly options: ImportOptions;
  readonly reading: MessageReaderOptions;
  readonly survey: Survey;
  readonly bytesTotal: number;
}

async function writeMessages({ options, reading, survey, bytesTotal }: WritingOptions, writer: RawLogWriter): Promise<void> {
  const config = configOf(options, survey);
  const digest = configDigest(config, options.sha256);
  const put = async (draft: RawDraft): Promise<void> => {
    if (!writer.hasRoom) await writer.room();
    writer.append(draft);
  };
  await put(controlDraft({ kind: "config", config, digest }, survey.firstRecvNs));
  const connections = new ConnectionRecords(options, survey);
  let messages = 0;
  const batches = readForeign(reading, survey.firstRecvNs);
  for (;;) {
    const next = await batches.next();
    if (next.done === true) {
      checkUnchanged(survey.files, next.value);
      break;
    }
    for (const item of next.value.items) {
      const connect = connections.before(item);
      if (connect !== undefined) await put(connect);
      if (item.kind === "connect") continue;
      await put(item.draft);
      messages += 1;
    }
    options.onProgress?.({ phase: "write", messages, bytesRead: next.value.bytesRead, bytesTotal });
  }
  await put(controlDraft({ kind: "end_of_input", reason: "the imported files end here" }, survey.lastRecvNs));
  assert(messages === survey.messages, "both passes read the same messages");
}

function checkUnchanged(before: readonly FileDigest[], after: readonly FileDigest[]): void {
  for (const [index, file] of before.entries()) {
    if (after[index]?.sha256 !== file.sha256) throw fault("import.changed", `${file.name} changed while it was read: import it again when nothing writes to it`);
  }
}

/** Faults: `import.*`, each with one line that names file and line; then nothing is left behind. */
export async function importCapture(options: ImportOptions): Promise<ImportReport> {
  const { capturesFolder, captureId, venue, files, route, decoders, stop } = options;
  const folder = `${capturesFolder}/${captureId}`;
  if (await exists(folder)) refuseExisting(captureId);
  let bytesTotal = 0;
  for (const file of files) bytesTotal += await fileBytes(file);
  const reading: MessageReaderOptions = { venue, format: FORMATS[options.format], files, route, routeAt, routeRest, decoders, ...(stop === undefined ? {} : { stop }) };
  const survey = await surveyForeign(reading, (messages, bytesRead) => options.onProgress?.({ phase: "survey", messages, bytesRead, bytesTotal }));
  const family = familyOf(venue);
  // A file of REST answers alone may hold nothing that is routed, and is whose the person says it is.
  if (survey.answers < survey.messages && !survey.instruments.some((instrument) => family.includes(instrument.venue))) {
    throw fault("import.wrong-venue", `${files.join(", ")}: none of ${survey.messages} messages is one of ${venue}'s: is it another --venue or --format?`);
  }
  const folds = chooseFolds(options, survey);

  await mkdir(capturesFolder, { recursive: true });
  await removeLeftovers(capturesFolder);
  const work = `${capturesFolder}/${workName(captureId, process.pid)}`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work);
  try {
    const lastSeq = await writeLog({ options, reading, survey, bytesTotal }, work);
    await options.complete?.(work);
    if (await exists(folder)) refuseExisting(captureId);
    await rename(work, folder);
    return { captureId, folder, messages: survey.messages, lastSeq, files: survey.files, folds, stepsBack: survey.stepsBack };
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    throw error;
  }
}

async function writeLog(writing: WritingOptions, work: string): Promise<number> {
  const writer = await writing.options.openWriter(work);
  let failure: unknown;
  try {
    await writeMessages(writing, writer);
    await writer.commit();
  } catch (error) {
    failure = error;
  }
  // Closed in any case: it lets go of the lock. A failure before is the one to tell.
  try {
    await writer.close("end of input");
  } catch (error) {
    failure ??= error;
  }
  if (failure !== undefined) throw failure;
  return writer.positions.durable;
}
