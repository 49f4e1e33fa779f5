// The only place that wires: command-line words to an engine or to a headless recording, with the simulator started where it is the source.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fault } from "../shared/base.ts";
import { configDigest, type CaptureConfig } from "../shared/control.ts";
import { venueFromText, type VenueId } from "../shared/market.ts";
import { INTERVALS } from "../shared/time.ts";
import type { AddedSymbols } from "./engine/added-symbols.ts";
import type { SpawnChild } from "./engine/child-process.ts";
import type { DiskLimits } from "./engine/disk-watch.ts";
import type { ListenAt } from "./engine/engine-options.ts";
import { Engine } from "./engine/engine.ts";
import { createFaultLab, isLoopback } from "./engine/fault-lab.ts";
import type { LiveListener, LiveSource } from "./engine/live-source.ts";
import { CaptureCatalog, captureBytes } from "./engine/capture-list.ts";
import { startLiveSpool, type LiveSpool } from "./engine/live-spool.ts";
import { Recording, type RecordedVenue } from "./engine/recording.ts";
import { readSettings } from "./engine/settings.ts";
import { SimulatorLink } from "./engine/simulator-link.ts";
import { sha256 } from "./rawlog/sha256.ts";
import { KeyRing, type SecretBox } from "./keys/key-ring.ts";
import { NodeClock } from "./net/node-clock.ts";
import type { Endpoints } from "./venues/adapter.ts";
import { adapterFor, RECORDABLE_VENUES } from "./venues/registry.ts";
import { VERSION } from "./version.ts";

/** Group commit: at most this much is lost when the machine loses power. Shown on screen. */
export const COMMIT_EVERY_MS = 10;
/** What a screen shows first, as it asks for itself a moment later: a remote's cached bars are then all there at once. */
const FIRST_BARS = 2_000;
const LATENESS_MS = 3_000;
const DEFAULT_SYMBOLS = {
  sim: ["BTCUSDT", "ETHUSDT", "SOLUSDT"],
  // Contract 001's default ten. A dead or renamed one (MATICUSDT) is a visible state of its stream.
  others: ["BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "LINKUSDT", "ADAUSDT", "AVAXUSDT", "LTCUSDT", "MATICUSDT"],
} as const;

/** What to record: words of the command line and of the settings, not yet resolved. */
export interface SourceRequest {
  /** Venue words: sim, binance … Default: the simulator. */
  readonly venues: readonly string[];
  /** Default: the venue's default symbols. */
  readonly symbols: readonly string[];
  /** `venue=url` (base address for all of a venue's endpoints) or `venue.name=url` (one endpoint). */
  readonly endpoints: readonly string[];
  readonly captureId: string | undefined;
  /** By a person, beside those: of venues that are recorded. */
  readonly added?: AddedSymbols;
  /** 2: every connection twice, so that what one loses the other has. Default 1. */
  readonly legs?: 1 | 2;
  readonly simulator: { readonly seed: number; readonly messagesPerSecond: number | undefined };
}

export const DEFAULT_SOURCE: SourceRequest = {
  venues: ["sim"], symbols: [], endpoints: [], captureId: undefined, simulator: { seed: 1, messagesPerSecond: undefined },
};

interface ResolvedVenue { readonly venue: VenueId; readonly symbols: readonly string[]; readonly endpoints: Endpoints | undefined }

function resolveVenue(word: string): VenueId {
  const venue = venueFromText(word);
  if (venue === undefined || adapterFor(venue) === undefined) {
    throw fault("record.unknown-venue", `Cannot record venue ${JSON.stringify(word)}: this version records ${RECORDABLE_VENUES.join(", ")}`);
  }
  return venue;
}

/** A base address serves every endpoint of a venue under the venue's own paths. Throws `record.bad-endpoint`. */
function endpointsFrom(texts: readonly string[], venue: VenueId): Endpoints | undefined {
  const endpoints: Record<string, string> = {};
  for (const text of texts) {
    const match = /^([a-z-]+)(?:\.([a-z_]+))?=((?:wss?|https?):\/\/\S+)$/.exec(text);
    if (match === null) {
      throw fault("record.bad-endpoint", `--endpoint ${JSON.stringify(text)} is not venue=url or venue.name=url with a ws, wss, http or https address`);
    }
    const [, word = "", name, url = ""] = match;
    if (resolveVenue(word) !== venue) continue;
    if (name !== undefined) {
      endpoints[name] = url;
      continue;
    }
    const base = url.replace(/\/+$/, "");
    const socket = base.replace(/^http/, "ws");
    Object.assign(endpoints, adapterFor(venue)?.endpointsAt({ socket, http: base.replace(/^ws/, "http") }));
  }
  return Object.keys(endpoints).length === 0 ? undefined : endpoints;
}

function resolveSources(request: SourceRequest): readonly ResolvedVenue[] {
  const venues = [...new Set((request.venues.length === 0 ? ["sim"] : request.venues).map(resolveVenue))];
  return venues.map((venue) => ({
    venue,
    symbols: [...new Set([
      ...(request.symbols.length > 0 ? request.symbols.map((symbol) => symbol.toUpperCase()) : DEFAULT_SYMBOLS[venue === "sim" ? "sim" : "others"]), ...(request.added?.[venue] ?? []),
    ])],
    endpoints: endpointsFrom(request.endpoints, venue),
  }));
}

/** A simulated market begins anew with each start, so its capture does too; a real venue's capture goes on. */
function captureIdFor(request: SourceRequest, sources: readonly ResolvedVenue[], startedMs: number): string {
  if (request.captureId !== undefined) return request.captureId;
  const name = sources.map(({ venue }) => venue).join("-");
  if (!sources.some(({ venue, endpoints }) => venue === "sim" && endpoints === undefined)) return `live-${name}`;
  const stamp = new Date(startedMs).toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 15);
  return `${name}-${stamp}`;
}

function configOf(venues: readonly RecordedVenue[], named: Readonly<Record<string, Endpoints>>): CaptureConfig {
  return {
    format: 1,
    lateness_ms: LATENESS_MS,
    intervals: [...INTERVALS],
    folds: Object.fromEntries(venues.flatMap(({ venue, subscriptions }) =>
      subscriptions.map(({ symbol }) => [`${venue}:${symbol}`, adapterFor(venue)?.foldChannel ?? "trade"]))),
    symbols: venues.flatMap(({ subscriptions }) => subscriptions.map(({ venue, symbol, channels }) => ({ venue, symbol, channels: [...channels] }))),
    endpoints: Object.fromEntries(Object.entries(named).map(([venue, endpoints]) => [venue, { ...endpoints }])),
  };
}

/** Starts a headless recording: simulator if it is a source, then recorder, deriver and collectors. */
export async function startLive(
  options: {
    readonly dataFolder: string; readonly distMain: URL; readonly request: SourceRequest;
    /** False: no Parquet beside the recording; `compact` makes it later. */
    readonly spool: boolean;
    readonly spawnChild?: SpawnChild | undefined;
  },
  listener: LiveListener,
): Promise<LiveSource> {
  const { dataFolder, distMain, request } = options;
  const sources = resolveSources(request);
  const captureId = captureIdFor(request, sources, Date.now());
  const captureFolder = join(dataFolder, "captures", captureId);
  await mkdir(join(dataFolder, "captures"), { recursive: true });
  const spool = options.spool ? startLiveSpool({ distMain, captureFolder, spawn: options.spawnChild, onProblem: (problem) => { listener.onProblem(problem); } }) : undefined;
  let simulator: SimulatorLink | undefined;
  try {
    const recorded: RecordedVenue[] = [];
    const named: Record<string, Endpoints> = {};
    for (const { venue, symbols, endpoints } of sources) {
      const adapter = adapterFor(venue);
      if (adapter === undefined) throw fault("record.unknown-venue", `Cannot record venue ${venue}`);
      let used = endpoints ?? adapter.defaultEndpoints;
      named[venue] = used;
      if (venue === "sim" && endpoints === undefined) {
        simulator = await SimulatorLink.start({ distMain, symbols, captureFolder, ...request.simulator });
        used = simulator.endpoints;
        // Its port is chance; what it says depends on the seed and the start.
        named[venue] = simulator.identity;
      }
      recorded.push({ venue, endpoints: used, subscriptions: symbols.map((symbol) => ({ venue, symbol, channels: adapter.defaultChannels })) });
    }
    const config = configOf(recorded, named);
    const recording = await Recording.start(
      { distMain, captureFolder, captureId, commitEveryMs: COMMIT_EVERY_MS, version: VERSION, config, venues: recorded, legs: request.legs ?? 1 },
      {
        ...listener, onDerived: () => { listener.onStatus(); },
        onPositions: (positions, written) => {
          spool?.onSegment(positions.segment);
          listener.onPositions(positions, written);
        },
      },
    );
    return liveSource({ recording, simulator, spool }, {
      configDigest: configDigest(config, sha256), simulated: sources.some(({ venue }) => venue === "sim"),
      onLoopback: recorded.every(({ endpoints }) => Object.values(endpoints).every(isLoopback)),
    });
  } catch (error) {
    await simulator?.close();
    await spool?.abandon();
    throw error;
  }
}

interface Parts {
  readonly recording: Recording;
  readonly simulator: SimulatorLink | undefined;
  readonly spool: LiveSpool | undefined;
}

interface Past extends Pick<LiveSource, "configDigest" | "simulated"> {
  /** Every address is of this machine: there is no real venue to lose data of. */
  readonly onLoopback: boolean;
}

function liveSource({ recording, simulator, spool }: Parts, { onLoopback, ...past }: Past): LiveSource {
  return {
    captureId: recording.captureId,
    captureFolder: recording.captureFolder,
    ...past,
    get positions() { return recording.positions; },
    get messages() { return recording.messages; },
    get halted() { return recording.halted; },
    get gapsOpen() { return recording.gapsOpen; },
    get derivedSeq() { return recording.derivedSeq; },
    get sources() { return recording.sources; },
    get streams() { return recording.streams; },
    vitals: recording.vitals,
    get lakeFault() { return spool?.trouble; },
    watchDerived: (watcher) => recording.watchDerived(watcher),
    reopen: (streamId, reason) => recording.reopen(streamId, reason),
    faults: createFaultLab({ simulated: past.simulated || onLoopback, simulator, local: (wrong) => recording.fault(wrong) }),
    async close(reason) {
      try {
        await recording.close(reason);
      } finally {
        await simulator?.close();
        // Last: it waits for nothing but itself, and what it cannot do now it does at the next start.
        await spool?.close();
      }
    },
    async summary() {
      const { quarantined, unhandled, gaps } = recording.summary ?? {};
      return { bytes: await captureBytes(recording.captureFolder), quarantined, unhandled, gaps };
    },
  };
}

export interface ShellArguments {
  readonly dataFolder: string;
  /** Port of the browser shell; undefined = any free one. */
  readonly port: number | undefined;
  /** Open a window or browser when there is a display. */
  readonly open: boolean;
  readonly request: SourceRequest;
  /** Over the settings. */
  readonly diskLimits: DiskLimits;
  /** Where /metrics and /health are; undefined: as the settings say, else nowhere. */
  readonly metrics: ListenAt | undefined;
}

/** The engine under a shell: records the requested source at once. */
export function composeEngine(options: {
  readonly dataFolder: string; readonly distMain: URL; readonly shell: "browser" | "electron"; readonly args: ShellArguments;
  /** How child processes are started; default: fork. */
  readonly spawnChild?: SpawnChild;
  /** The system's key store; default: a file of this user only. */
  readonly box?: SecretBox | undefined;
}): Promise<Engine> {
  const { dataFolder, distMain, shell, args, spawnChild } = options;
  const [first] = resolveSources(args.request);
  const venue = first?.venue ?? "sim";
  return Engine.start({
    dataFolder, distMain, shell, version: VERSION, simulated: venue === "sim", commitEveryMs: COMMIT_EVERY_MS,
    firstView: { venue, symbol: first?.symbols[0] ?? "BTCUSDT", interval: "1s", bars: FIRST_BARS, untilOpenMs: undefined },
    keys: new KeyRing({ dataFolder, clock: new NodeClock(), box: options.box }),
    ...(spawnChild === undefined ? {} : { spawnChild }),
    diskLimits: args.diskLimits, ...(args.metrics === undefined ? {} : { metrics: args.metrics }),
    startRecording: async (listener, { added, captureId }) => {
      const { spool } = await readSettings(dataFolder);
      const request = { ...args.request, added, captureId: captureId ?? args.request.captureId };
      return startLive({ dataFolder, distMain, request, spool: spool !== false, spawnChild }, listener);
    },
    captures: new CaptureCatalog(dataFolder),
  });
}
