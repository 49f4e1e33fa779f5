// Remote sources as the engine knows them: which are saved, which are connected, and the one child process that holds their sockets
// and the cache. A child that dies is started again with everything it was asked for.
import { z } from "zod";
import { fault, type Fault } from "../../shared/base.ts";
import type { ShownBarKey } from "../../shared/candles.ts";
import type { CommandInput } from "../../shared/protocol/commands.ts";
import type { BarReport, EngineFrame, RemoteProbe, RemoteSeriesStatus, RemoteStatus } from "../../shared/protocol/frames.ts";
import { isInterval, type Interval } from "../../shared/time.ts";
import { streamName, type StreamKey } from "../bridge/model.ts";
import type { ClientProcessCall, ClientProcessNote, ProbeReport, RemoteEndpoint, RemoteReport } from "../bridge/process-messages.ts";
import type { SessionTape } from "./client-session.ts";

const savedRemoteSchema = z.strictObject({
  remoteId: z.string(), name: z.string(), rpc: z.string(), pub: z.string().optional(), serverKey: z.string().optional(),
  /** What was shown of it, the last first: kept up to date while it is connected, so that each paints at once when it is opened again. */
  watched: z.array(z.strictObject({ venue: z.string(), symbol: z.string(), interval: z.custom<Interval>((value) => typeof value === "string" && isInterval(value)) })).default([]),
});
const savedRemotesSchema = z.array(savedRemoteSchema).max(64);

/** Of `remotes` in the settings; absent is none. Throws `settings.damaged`, as for the rest of that file. */
export function savedRemotes(value: unknown): readonly SavedRemote[] {
  const parsed = savedRemotesSchema.safeParse(value ?? []);
  if (!parsed.success) throw fault("settings.damaged", `"remotes" in settings.json is not a list of remote sources (${z.prettifyError(parsed.error).replace(/\s*\n\s*/g, "; ")}): repair or delete it`);
  return parsed.data;
}
export type SavedRemote = z.infer<typeof savedRemoteSchema>;

/** A series as the screen names it. */
export interface ShownSeries { readonly venue: string; readonly symbol: string; readonly interval: Interval }
export interface ShownWindow { readonly bars: number; readonly untilOpenMs: number | undefined }

/** The child as this file needs it (ChildProcess, or a fake in tests). */
export interface ClientChild {
  call<T>(call: ClientProcessCall): Promise<T>;
  close(farewell: ClientProcessCall): Promise<unknown>;
}

export interface RemotesOptions {
  /** Starts the child; its notes and its death come back through the listener. */
  spawn(listener: { onNote(note: ClientProcessNote): void; onDeath(problem: Fault): void }): ClientChild;
  readonly cacheFile: string;
  readonly saved: readonly SavedRemote[];
  save(remotes: readonly SavedRemote[]): Promise<void>;
  /** This machine's CURVE pair, for remotes that have a server key. */
  ownKeys(): Promise<{ readonly publicKey: string; readonly secretKey: string }>;
  onChanged(): void;
  onProblem(problem: Fault): void;
}

/** One screen's view of one remote's series. Whoever opens it closes it. */
export interface RemoteTapeLink extends SessionTape {
  readonly remoteId: string;
  readonly name: string;
  view(view: ShownSeries & ShownWindow): Promise<void>;
  inspect(key: ShownBarKey, revision: number | undefined): Promise<BarReport>;
  close(): Promise<void>;
}

const WARM_BARS = 2_000;
/** Series of one remote that are kept up to date without being on any screen. */
const WATCHED_MAX = 20;
const PROBE_TIMEOUT_MS = 4_000;
/** How long opening waits for a remote to say what it has, when nothing of it is cached. */
const FIRST_SERIES_MS = 4_000;
const RESTART_FIRST_MS = 500;
const RESTART_MAX_MS = 30_000;
/** A child that lived this long did not die of its start. */
const STEADY_MS = 60_000;

interface OpenTape { readonly remoteId: string; view: ShownSeries & ShownWindow; onDirty(): void; epochBase: number; lastEpoch: number }

const keyOf = ({ venue, symbol, interval }: ShownSeries): StreamKey => ({ sourceId: venue, symbol, interval });
const seriesOf = ({ sourceId, symbol, interval }: StreamKey): ShownSeries => ({ venue: sourceId, symbol, interval });

export class Remotes {
  readonly #options: RemotesOptions;
  readonly #connected = new Set<string>();
  readonly #tapes = new Map<number, OpenTape>();
  readonly #waiting = new Set<() => void>();
  #saved: readonly SavedRemote[];
  #reports = new Map<string, RemoteReport>();
  #child: Promise<ClientChild> | undefined;
  #nextTape = 1;
  #restart: NodeJS.Timeout | undefined;
  #restartMs = RESTART_FIRST_MS;
  #childSinceMs = 0;
  #closing: Promise<void> | undefined;

  constructor(options: RemotesOptions) {
    this.#options = options;
    this.#saved = options.saved;
  }

  get list(): readonly RemoteStatus[] {
    return this.#saved.map((remote) => statusOf(remote, this.#reports.get(remote.remoteId), this.#connected.has(remote.remoteId)));
  }

  modeOf(remoteId: string): RemoteStatus["mode"] {
    return this.#reports.get(remoteId)?.status.mode;
  }

  /**
   * Has the child and its cache ready before a window asks for a remote that was shown before: that is most of what a warm start takes.
   * Where no remote was ever shown nothing is started.
   */
  prepare(): void {
    if (this.#shownLast() === undefined) return;
    this.#running().catch((error: unknown) => {
      this.#options.onProblem({ code: "remote.not-ready", message: `Remote sources are not ready: ${error instanceof Error ? error.message : String(error)}` });
    });
  }

  /** Which remote's was the last window is the screen's to remember: the first that has any series is as good a guess. */
  #shownLast(): Extract<ClientProcessCall, { readonly type: "open_cache" }>["warm"] {
    const remote = this.#saved.find(({ watched }) => watched.length > 0);
    const [series] = remote?.watched ?? [];
    if (remote === undefined || series === undefined) return undefined;
    return { remoteId: remote.remoteId, view: { key: keyOf(series), bars: WARM_BARS, untilOpenMs: undefined } };
  }

  // ── saved remotes ──────────────────────────────────────────────────────────

  async save({ remote }: CommandInput<"remote.save">): Promise<void> {
    const before = this.#saved.find(({ remoteId }) => remoteId === remote.remoteId);
    const moved = before !== undefined && (before.rpc !== remote.rpc || before.pub !== remote.pub || before.serverKey !== remote.serverKey);
    const next: SavedRemote = { ...remote, watched: before?.watched ?? [] };
    await this.#keep(before === undefined ? [...this.#saved, next] : this.#saved.map((one) => (one === before ? next : one)));
    if (moved && this.#connected.has(remote.remoteId)) await this.#connect(next);
  }

  async forget(remoteId: string): Promise<void> {
    this.#find(remoteId);
    await this.disconnect(remoteId);
    await this.#keep(this.#saved.filter((one) => one.remoteId !== remoteId));
  }

  async #keep(saved: readonly SavedRemote[]): Promise<void> {
    await this.#options.save(savedRemotesSchema.parse(saved));
    this.#saved = saved;
    this.#options.onChanged();
  }

  #find(remoteId: string): SavedRemote {
    const remote = this.#saved.find((one) => one.remoteId === remoteId);
    if (remote === undefined) throw fault("remote.unknown", `There is no remote ${remoteId}: add it first`);
    return remote;
  }

  async #endpoint(remote: Omit<SavedRemote, "name" | "watched">): Promise<RemoteEndpoint> {
    const { remoteId, rpc, pub, serverKey } = remote;
    return { remoteId, rpc, pub, security: serverKey === undefined ? undefined : { serverKey, ...(await this.#options.ownKeys()) } };
  }

  // ── connection ─────────────────────────────────────────────────────────────

  async test(input: CommandInput<"remote.test">): Promise<RemoteProbe> {
    const child = await this.#running();
    const endpoint = await this.#endpoint({ remoteId: "probe", ...input });
    const report = await child.call<ProbeReport>({ type: "probe", endpoint, timeoutMs: PROBE_TIMEOUT_MS });
    const { serverVersion, mode, roundTripMs, clockOffsetMs, streams } = report;
    return { serverVersion, mode, roundTripMs, clockOffsetMs, streams: streams.length, symbols: [...new Set(streams.map(({ symbol }) => symbol))] };
  }

  async #connect(remote: SavedRemote): Promise<void> {
    this.#connected.add(remote.remoteId);
    const child = await this.#running();
    await child.call({ type: "connect", endpoint: await this.#endpoint(remote), name: remote.name });
    this.#options.onChanged();
  }

  /** Idempotent; what is cached stays. */
  async disconnect(remoteId: string): Promise<void> {
    if (!this.#connected.delete(remoteId)) return;
    await (await this.#running()).call({ type: "disconnect", remoteId });
    this.#reports.delete(remoteId);
    this.#options.onChanged();
  }

  async resync(remoteId: string, series: ShownSeries | undefined): Promise<void> {
    if (!this.#connected.has(remoteId)) throw fault("remote.off", `${this.#find(remoteId).name} is not connected: open it first`);
    await (await this.#running()).call({ type: "resync", remoteId, key: series === undefined ? undefined : keyOf(series) });
  }

  // ── tapes ──────────────────────────────────────────────────────────────────

  async openTape(remoteId: string, series: ShownSeries | undefined, window: ShownWindow, onDirty: () => void): Promise<RemoteTapeLink> {
    const remote = this.#find(remoteId);
    if (!this.#connected.has(remoteId)) await this.#connect(remote);
    const shown = series ?? remote.watched[0] ?? (await this.#firstSeries(remote));
    const tapeId = this.#nextTape;
    this.#nextTape += 1;
    const tape: OpenTape = { remoteId, view: { ...shown, ...window }, onDirty, epochBase: 0, lastEpoch: 0 };
    this.#tapes.set(tapeId, tape);
    try {
      await (await this.#running()).call({ type: "tape_open", tapeId, remoteId, view: { key: keyOf(shown), ...window } });
      await this.#remember(remoteId, shown);
      await this.#watch(remoteId);
    } catch (error) {
      this.#tapes.delete(tapeId);
      throw error;
    }
    return this.#link(tapeId, tape, remote.name);
  }

  #link(tapeId: number, tape: OpenTape, name: string): RemoteTapeLink {
    return {
      remoteId: tape.remoteId,
      name,
      view: async (view) => {
        tape.view = view;
        if (!this.#connected.has(tape.remoteId)) await this.#connect(this.#find(tape.remoteId));
        const { bars, untilOpenMs } = view;
        await (await this.#running()).call({ type: "tape_view", tapeId, view: { key: keyOf(view), bars, untilOpenMs } });
        await this.#remember(tape.remoteId, view);
        await this.#watch(tape.remoteId);
      },
      take: async () => {
        const parts = await (await this.#running()).call<Partial<EngineFrame>>({ type: "tape_take", tapeId });
        tape.lastEpoch = Math.max(tape.lastEpoch, tape.epochBase + (parts.epoch ?? 0));
        return { ...parts, epoch: tape.lastEpoch };
      },
      inspect: async (key, revision) => (await this.#running()).call<BarReport>({ type: "tape_inspect", tapeId, key, revision }),
      close: async () => {
        if (!this.#tapes.delete(tapeId) || this.#closing !== undefined) return;
        await (await this.#running()).call({ type: "tape_close", tapeId });
        await this.#watch(tape.remoteId);
      },
    };
  }

  /** What any screen shows of a remote is kept up to date, and so is what was shown last. */
  async #watch(remoteId: string): Promise<void> {
    if (!this.#connected.has(remoteId)) return;
    const shown: readonly ShownSeries[] = [...this.#tapes.values()].filter((tape) => tape.remoteId === remoteId).map(({ view }) => view);
    const { watched = [] } = this.#saved.find((one) => one.remoteId === remoteId) ?? {};
    const keys = new Map([...shown, ...watched].map((series) => [streamName(keyOf(series)), keyOf(series)]));
    await (await this.#running()).call({ type: "watch", remoteId, keys: [...keys.values()] });
  }

  async #remember(remoteId: string, { venue, symbol, interval }: ShownSeries): Promise<void> {
    const remote = this.#saved.find((one) => one.remoteId === remoteId);
    if (remote === undefined) return;
    const isIt = (one: ShownSeries): boolean => one.venue === venue && one.symbol === symbol && one.interval === interval;
    const [last] = remote.watched;
    if (last !== undefined && isIt(last)) return;
    const watched = [{ venue, symbol, interval }, ...remote.watched.filter((one) => !isIt(one))].slice(0, WATCHED_MAX);
    await this.#keep(this.#saved.map((one) => (one === remote ? { ...one, watched } : one)));
  }

  async #firstSeries(remote: SavedRemote): Promise<ShownSeries> {
    const known = (): ShownSeries | undefined => {
      const report = this.#reports.get(remote.remoteId);
      const offered = report?.offered.map(({ key }) => key) ?? [];
      const key = offered.find(({ interval }) => interval === "1m") ?? offered[0] ?? report?.status.streams[0]?.key;
      return key === undefined ? undefined : seriesOf(key);
    };
    const deadline = performance.now() + FIRST_SERIES_MS;
    for (;;) {
      const series = known();
      if (series !== undefined) return series;
      const left = deadline - performance.now();
      if (left <= 0) {
        const { state, detail } = statusOf(remote, this.#reports.get(remote.remoteId), true);
        throw fault("remote.no-series", `${remote.name} (${remote.rpc}) has not said which series it has (${[state, detail].filter(Boolean).join(": ")}): test its address, or try again`);
      }
      await this.#nextReport(left);
    }
  }

  #nextReport(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, atMostMs);
      this.#waiting.add(done);
    });
  }

  // ── the child ──────────────────────────────────────────────────────────────

  #running(): Promise<ClientChild> {
    if (this.#closing !== undefined) return Promise.reject(fault("engine.closing", "Tapedeck is closing"));
    this.#child ??= this.#spawn().catch((error: unknown) => {
      this.#child = undefined;
      throw error;
    });
    return this.#child;
  }

  async #spawn(): Promise<ClientChild> {
    this.#childSinceMs = performance.now();
    const child = this.#options.spawn({
      onNote: (note) => {
        this.#onNote(note);
      },
      onDeath: (problem) => {
        this.#onDeath(problem);
      },
    });
    try {
      await child.call({ type: "open_cache", file: this.#options.cacheFile, warm: this.#shownLast() });
    } catch (error) {
      await child.close({ type: "close" });
      throw error;
    }
    return child;
  }

  #onNote(note: ClientProcessNote): void {
    if (note.type === "tape_dirty") {
      this.#tapes.get(note.tapeId)?.onDirty();
      return;
    }
    if (note.type === "problem") {
      this.#options.onProblem(note.problem);
      return;
    }
    this.#reports = new Map(note.remotes.map((report) => [report.remoteId, report]));
    for (const done of [...this.#waiting]) done();
    this.#options.onChanged();
  }

  #onDeath(problem: Fault): void {
    this.#child = undefined;
    this.#reports.clear();
    this.#options.onProblem(problem);
    this.#options.onChanged();
    if (this.#closing !== undefined || this.#connected.size === 0) return;
    if (performance.now() - this.#childSinceMs > STEADY_MS) this.#restartMs = RESTART_FIRST_MS;
    this.#restart = setTimeout(() => {
      this.#revive().catch((error: unknown) => {
        this.#options.onProblem({ code: "remote.not-restarted", message: `Remote sources could not be started again: ${error instanceof Error ? error.message : String(error)}` });
      });
    }, this.#restartMs);
    this.#restartMs = Math.min(this.#restartMs * 2, RESTART_MAX_MS);
  }

  /** Asks the new child for all that the old one was asked for. */
  async #revive(): Promise<void> {
    for (const remote of this.#saved) if (this.#connected.has(remote.remoteId)) await this.#connect(remote);
    const child = await this.#running();
    for (const [tapeId, tape] of this.#tapes) {
      const { bars, untilOpenMs } = tape.view;
      tape.epochBase = tape.lastEpoch + 1;
      await child.call({ type: "tape_open", tapeId, remoteId: tape.remoteId, view: { key: keyOf(tape.view), bars, untilOpenMs } });
      tape.onDirty();
    }
    for (const remoteId of this.#connected) await this.#watch(remoteId);
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#restart);
    for (const done of [...this.#waiting]) done();
    const child = await this.#child?.catch(() => undefined); // a child that never came up has nothing to close
    await child?.close({ type: "close" });
  }
}

function statusOf(remote: SavedRemote, report: RemoteReport | undefined, connected: boolean): RemoteStatus {
  const { remoteId, name, rpc, pub, serverKey } = remote;
  const saved = { remoteId, name, rpc, pub, serverKey };
  if (report === undefined) {
    return {
      ...saved, state: connected ? "connecting" : "off", detail: "", serverVersion: undefined, mode: undefined, historyId: undefined,
      attempts: 0, malformed: 0, series: [], offered: [],
    };
  }
  const { status, offered } = report;
  const link = { connecting: "connecting", connected: "connected", lost: "reconnecting", refused: "refused" } as const;
  return {
    ...saved, state: link[status.link], detail: status.detail, serverVersion: status.serverVersion, mode: status.mode,
    historyId: status.history?.historyId, attempts: status.attempts, malformed: status.malformed,
    series: status.streams.map(
      ({ key, phase, detail, appliedSequence, latestSequence, lagMs, lastFrameMs, duplicates, gapsSeen, backfilled, lastResync, holes }): RemoteSeriesStatus => ({
        ...seriesOf(key), state: phase, detail, appliedSequence, latestSequence, lagMs, lastFrameMs, duplicates, gapsSeen, backfilled, lastResync, holes,
      }),
    ),
    offered: offered.map(({ key }) => seriesOf(key)),
  };
}
