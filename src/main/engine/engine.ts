// The engine: one recording, any number of screens, jobs and settings. Commands come in, frames go out; it knows no transport
// and no window. Started by a shell, closed by the same shell.
import { mkdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import { fault, type Fault } from "../../shared/base.ts";
import { PROTOCOL_VERSION, type CaptureSummary, type RecordingStatus } from "../../shared/protocol/frames.ts";
import type { ClientProcessCall, ClientProcessNote } from "../bridge/process-messages.ts";
import type { LogPositions } from "../rawlog/types.ts";
import type { FolderLock } from "../rawlog/lock.ts";
import type { CaptureCatalog } from "./capture-list.ts";
import { ChildProcess, type SpawnChild } from "./child-process.ts";
import type { StatusPart } from "./client-session.ts";
import type { ClientPort } from "./client-port.ts";
import { lockDataFolder } from "./data-lock.ts";
import { REFUSED } from "./deriver-loop.ts";
import { listFiles } from "./file-listing.ts";
import { Jobs } from "./jobs.ts";
import type { LiveListener, LiveSource } from "./live-source.ts";
import { RateMeter } from "./rate-meter.ts";
import { Remotes, savedRemotes, type ClientChild, type RemotesOptions } from "./remotes.ts";
import { Screen, type ScreenHost } from "./screen.ts";
import { readSettings, writeSettings, type Settings } from "./settings.ts";
import { Sharing, type SharingKeys } from "./sharing.ts";
import { faultOf } from "./thread.ts";
import type { PlayerView } from "./thread-messages.ts";

const STATUS_EVERY_MS = 250;
const CAPTURES_EVERY_MS = 5_000;
const SCREENS_MAX = 8;

export interface EngineOptions {
  readonly dataFolder: string;
  /** Folder of the running bundle, where `workers/` is. */
  readonly distMain: URL;
  readonly shell: "electron" | "browser";
  readonly version: string;
  readonly simulated: boolean;
  readonly commitEveryMs: number;
  /** What the chart shows first. */
  readonly firstView: PlayerView;
  /** Who may come in when this machine's feed is shared beyond it, and as whom this machine comes to others. */
  readonly keys: SharingKeys;
  /** How child processes are started: Electron has its own way. Default: fork. */
  readonly spawnChild?: SpawnChild;
  startRecording(listener: LiveListener): Promise<LiveSource>;
  readonly captures: Pick<CaptureCatalog, "list" | "close">;
}

function spawnBridgeClient({ distMain, spawnChild }: EngineOptions, listener: Parameters<RemotesOptions["spawn"]>[0]): ClientChild {
  return new ChildProcess<ClientProcessCall, never, ClientProcessNote>({
    entry: new URL("./processes/bridge-client.js", distMain), name: "bridge-client", ...listener, ...(spawnChild === undefined ? {} : { spawn: spawnChild }),
  });
}

export class Engine {
  readonly #options: EngineOptions;
  readonly #screens = new Set<Screen>();
  readonly #jobs: Jobs;
  readonly #lock: FolderLock;
  readonly #rate = new RateMeter();
  #live: LiveSource | undefined;
  #recordingState: RecordingStatus["state"] = "off";
  #recordingFault: Fault | undefined;
  #messagesPerSecond = 0;
  #diskFreeBytes: number | undefined;
  #captures: readonly CaptureSummary[] = [];
  #proofs = new Map<string, CaptureSummary["proof"]>();
  #settings: Settings;
  #savingSettings: Promise<unknown> = Promise.resolve();
  readonly #remotes: Remotes;
  readonly #sharing: Sharing;
  readonly #commands: ScreenHost["commands"];
  #timers: NodeJS.Timeout[] = [];
  #listing: Promise<void> | undefined;
  #looked: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(options: EngineOptions, lock: FolderLock, settings: Settings) {
    this.#options = options;
    this.#lock = lock;
    this.#settings = settings;
    this.#sharing = new Sharing({
      distMain: options.distMain, folder: join(options.dataFolder, "bridge"), version: options.version, keys: options.keys, spawnChild: options.spawnChild,
      live: () => this.#live,
      onChanged: () => { this.#changed("share"); },
      onProblem: (problem) => { this.#problem(problem); },
    });
    this.#remotes = new Remotes({
      spawn: (listener) => spawnBridgeClient(options, listener),
      cacheFile: join(options.dataFolder, "cache.duckdb"),
      saved: savedRemotes(settings["remotes"]),
      save: (remotes) => this.#saveSettings({ remotes }),
      ownKeys: () => options.keys.own(),
      onChanged: () => { this.#changed("remotes"); },
      onProblem: (problem) => { this.#problem(problem); },
    });
    this.#commands = this.#makeCommands();
    this.#jobs = new Jobs({
      distMain: options.distMain,
      monotonicMs: () => performance.now(),
      onChange: () => {
        this.#changed("jobs");
      },
      onDone: (result, status) => {
        if (result.captureId !== undefined && result.proof !== undefined) this.#proofs.set(result.captureId, result.proof);
        if (status.kind === "import" || result.proof !== undefined) this.#refreshCaptures();
      },
    });
  }

  /** Throws `log.locked` when another process writes the data folder. Starts recording at once; a recording that cannot start is a visible state, not a failed engine. */
  static async start(options: EngineOptions): Promise<Engine> {
    const lock = await lockDataFolder(options.dataFolder);
    let engine: Engine;
    try {
      await mkdir(join(options.dataFolder, "captures"), { recursive: true });
      engine = new Engine(options, lock, await readSettings(options.dataFolder));
    } catch (error) {
      await lock.release();
      throw error;
    }
    engine.#timers.push(setInterval(() => { engine.#sample(); }, STATUS_EVERY_MS));
    engine.#timers.push(setInterval(() => { engine.#refreshCaptures(); }, CAPTURES_EVERY_MS));
    engine.#remotes.prepare();
    await engine.#startRecording();
    await engine.#loadCaptures();
    return engine;
  }

  /** One write at a time: the screen's settings and the remotes share the file. */
  #saveSettings(changes: Readonly<Record<string, unknown>>): Promise<void> {
    const saved = this.#savingSettings.then(async () => {
      this.#settings = await writeSettings(this.#options.dataFolder, { ...this.#settings, ...changes });
    });
    this.#savingSettings = saved.catch(() => undefined); // whoever asked is told; the next one only waits
    return saved;
  }

  get recording(): LiveSource | undefined {
    return this.#live;
  }

  /** Why nothing is being recorded, when something went wrong. */
  get recordingFault(): Fault | undefined {
    return this.#recordingFault;
  }

  // ── recording ──────────────────────────────────────────────────────────────

  async #startRecording(): Promise<void> {
    // A halted one is over: what it could not write is lost, and starting again recovers the rest.
    if (this.#live?.halted !== undefined) await this.#stopRecording("halted");
    if (this.#live !== undefined) return;
    this.#recordingState = "starting";
    this.#recordingFault = undefined;
    this.#changed("recording");
    try {
      this.#live = await this.#options.startRecording({
        onPositions: (positions) => {
          this.#onPositions(positions);
        },
        onStatus: () => {
          this.#changed("streams");
          this.#changed("sources");
        },
        onProblem: (problem) => {
          if (problem.code !== REFUSED) this.#recordingFault ??= problem;
          this.#problem(problem);
        },
      });
      this.#recordingState = "recording";
      void this.#sharing.recordingChanged();
    } catch (error) {
      this.#recordingFault = faultOf(error);
      this.#recordingState = "halted";
      this.#problem(this.#recordingFault);
    }
    this.#changed("recording");
  }

  async #stopRecording(reason: string): Promise<void> {
    const live = this.#live;
    if (live === undefined) return;
    this.#recordingState = "stopping";
    this.#changed("recording");
    try {
      await live.close(reason);
      this.#recordingState = "off";
    } catch (error) {
      this.#recordingFault = faultOf(error);
      this.#recordingState = "halted";
      this.#problem(this.#recordingFault);
    }
    this.#live = undefined;
    for (const screen of this.#screens) if (screen.captureId === live.captureId) screen.recordingEnded();
    for (const part of ["recording", "streams", "sources"] as const) this.#changed(part);
    this.#refreshCaptures();
  }

  #onPositions(positions: LogPositions): void {
    for (const screen of this.#screens) {
      if (screen.captureId === this.#live?.captureId) screen.written(positions.written);
    }
  }

  #sample(): void {
    const live = this.#live;
    this.#messagesPerSecond = live === undefined ? 0 : this.#rate.sample(performance.now(), live.positions.appended);
    if (live?.halted !== undefined && this.#recordingState === "recording") {
      this.#recordingState = "halted";
      this.#recordingFault = live.halted;
    }
    this.#changed("recording");
  }

  #recordingStatus(): RecordingStatus {
    const positions = this.#live?.positions ?? { appended: 0, written: 0, durable: 0 };
    const capture = this.#captures.find((one) => one.captureId === this.#live?.captureId);
    return {
      captureId: this.#live?.captureId, state: this.#recordingState, fault: this.#recordingFault, ...positions,
      messagesPerSecond: this.#messagesPerSecond,
      bytesPerEvent: capture?.bytesPerEvent,
      commitEveryMs: this.#options.commitEveryMs, diskFreeBytes: this.#diskFreeBytes, gapsOpen: this.#live?.gapsOpen ?? 0,
    };
  }

  // ── captures ───────────────────────────────────────────────────────────────

  #refreshCaptures(): void {
    this.#listing ??= this.#loadCaptures()
      .catch((error: unknown) => {
        this.#problem(faultOf(error));
      })
      .finally(() => {
        this.#listing = undefined;
      });
  }

  /** Looks are taken one after the other. */
  #loadCaptures(): Promise<void> {
    const look = this.#looked.then(() => this.#lookAtCaptures());
    this.#looked = look.catch(() => undefined); // whoever asked is told; the next one only waits
    return look;
  }

  async #lookAtCaptures(): Promise<void> {
    const captures = await this.#options.captures.list(this.#live?.captureId);
    this.#captures = captures.map((capture) => ({ ...capture, proof: this.#proofs.get(capture.captureId) }));
    const space = await statfs(this.#options.dataFolder);
    this.#diskFreeBytes = space.bavail * space.bsize;
    this.#changed("captures");
  }

  #captureFolder(captureId: string): string {
    return join(this.#options.dataFolder, "captures", captureId);
  }

  // ── screens ────────────────────────────────────────────────────────────────

  /** Serves a screen until its port closes. */
  attach(port: ClientPort): void {
    if (this.#screens.size >= SCREENS_MAX || this.#closing !== undefined) {
      port.close();
      return;
    }
    const screen = new Screen({ port, host: this.#host(), firstView: this.#options.firstView, onProblem: (problem) => { screen.session.problem(problem); } });
    this.#screens.add(screen);
    port.onClose(() => {
      void this.#detach(screen);
    });
  }

  async #detach(screen: Screen): Promise<void> {
    if (!this.#screens.delete(screen)) return;
    await screen.close().catch((error: unknown) => {
      this.#problem(faultOf(error));
    });
  }

  #host(): ScreenHost {
    const engine = this; // eslint-disable-line @typescript-eslint/no-this-alias -- getters below read the engine as it is then
    return {
      distMain: this.#options.distMain,
      simulated: this.#options.simulated,
      remotes: this.#remotes,
      get live() {
        const live = engine.#live;
        return live === undefined ? undefined : { captureId: live.captureId, writtenSeq: live.positions.written };
      },
      get captures() {
        return engine.#captures;
      },
      captureFolder: (captureId) => this.#captureFolder(captureId),
      status: () => ({
        streams: this.#live?.streams ?? [], sources: this.#live?.sources ?? [], recording: this.#recordingStatus(),
        captures: this.#captures, jobs: this.#jobs.list, remotes: this.#remotes.list, share: this.#sharing.status,
      }),
      commands: this.#commands,
      greeting: async () => ({
        protocol: PROTOCOL_VERSION, version: this.#options.version, shell: this.#options.shell, dataFolder: this.#options.dataFolder,
        simulated: this.#options.simulated, settings: this.#settings,
        firstSeries: { venue: this.#options.firstView.venue, symbol: this.#options.firstView.symbol, interval: this.#options.firstView.interval },
      }),
    };
  }

  #changed(part: StatusPart): void {
    for (const screen of this.#screens) screen.session.statusChanged(part);
  }

  #problem(problem: Fault): void {
    for (const screen of this.#screens) screen.session.problem(problem);
  }

  #makeCommands(): ScreenHost["commands"] {
    return {
      "captures.list": async () => {
        await this.#loadCaptures();
        return this.#captures;
      },
      "import.start": async ({ captureId, format, venue, fold, files }) => ({
        jobId: this.#jobs.start({ kind: "import", dataFolder: this.#options.dataFolder, captureId, format, venue, fold, files }, `Import ${captureId}`),
      }),
      "verify.start": async ({ captureId }) => ({
        jobId: this.#jobs.start({ kind: "verify", captureFolder: this.#captureFolder(captureId) }, `Verify ${captureId}`),
      }),
      "job.cancel": ({ jobId }) => this.#jobs.cancel(jobId),
      "job.dismiss": async ({ jobId }) => {
        this.#jobs.dismiss(jobId);
      },
      "record.start": () => this.#startRecording(),
      "record.stop": () => this.#stopRecording("stopped by a person"),
      "fault.list": async () => this.#live?.faults.list ?? [],
      "fault.inject": async ({ name, amount }) => {
        if (this.#live === undefined) throw fault("recording.off", "Faults can be injected only while a simulator is being recorded: start recording first");
        return this.#live.faults.inject(name, amount);
      },
      "stream.reopen": async ({ streamId, reason }) => {
        if (this.#live === undefined) throw fault("recording.off", "A stream can be reopened only while its capture is being recorded");
        await this.#live.reopen(streamId, reason);
      },
      "files.list": ({ folder }) => listFiles(folder),
      "remote.save": (input) => this.#remotes.save(input),
      "remote.forget": ({ remoteId }) => this.#remotes.forget(remoteId),
      "remote.test": (input) => this.#remotes.test(input),
      "remote.disconnect": ({ remoteId }) => this.#remotes.disconnect(remoteId),
      "remote.resync": ({ remoteId, series }) => this.#remotes.resync(remoteId, series),
      "share.start": (input) => this.#sharing.start(input),
      "share.stop": () => this.#sharing.stop(),
      "keys.list": () => this.#options.keys.list(),
      "keys.trust": ({ name, publicKey }) => this.#options.keys.trust(name, publicKey),
      "keys.revoke": ({ publicKey }) => this.#options.keys.revoke(publicKey),
      "settings.get": async () => this.#settings,
      "settings.set": ({ settings }) => this.#saveSettings(settings),
    };
  }

  /** Stops everything in order: jobs, screens, recording (sealed). Idempotent. */
  close(reason: string): Promise<void> {
    this.#closing ??= this.#close(reason);
    return this.#closing;
  }

  async #close(reason: string): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#jobs.close();
    for (const screen of [...this.#screens]) await this.#detach(screen);
    await this.#remotes.close();
    await this.#sharing.close();
    await this.#listing;
    await this.#stopRecording(reason);
    await this.#looked;
    await this.#options.captures.close();
    await this.#lock.release();
  }
}
