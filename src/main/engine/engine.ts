// The engine: one recording, any number of screens, jobs and settings. Commands come in, frames go out; it knows no transport
// and no window. Started by a shell, closed by the same shell.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fault, type Fault } from "../../shared/base.ts";
import { PROTOCOL_VERSION, type RecordingStatus } from "../../shared/protocol/frames.ts";
import type { ClientProcessCall, ClientProcessNote } from "../bridge/process-messages.ts";
import type { LogPositions } from "../rawlog/types.ts";
import type { FolderLock } from "../rawlog/lock.ts";
import { CapturesListing } from "./captures-listing.ts";
import { ChildProcess } from "./child-process.ts";
import type { StatusPart } from "./client-session.ts";
import type { ClientPort } from "./client-port.ts";
import { lockDataFolder } from "./data-lock.ts";
import { REFUSED } from "./deriver-loop.ts";
import type { EngineOptions } from "./engine-options.ts";
import { listFiles } from "./file-listing.ts";
import { Housekeeping, type HousekeepingCommands } from "./housekeeping.ts";
import { Jobs } from "./jobs.ts";
import { LakeJobs } from "./lake-jobs.ts";
import type { LiveSource } from "./live-source.ts";
import { Queries } from "./queries.ts";
import { RateMeter } from "./rate-meter.ts";
import { Remotes, savedRemotes, type ClientChild, type RemotesOptions } from "./remotes.ts";
import { Screen, type ScreenHost } from "./screen.ts";
import { readSettings, writeSettings, type Settings } from "./settings.ts";
import { Sharing } from "./sharing.ts";
import { faultOf } from "./thread.ts";
import type { WrittenMark } from "./thread-messages.ts";

const STATUS_EVERY_MS = 250;
const CAPTURES_EVERY_MS = 5_000;
const SCREENS_MAX = 8;

type EngineCommands = Omit<ScreenHost["commands"], keyof HousekeepingCommands>;

function spawnBridgeClient({ distMain, spawnChild }: EngineOptions, listener: Parameters<RemotesOptions["spawn"]>[0]): ClientChild {
  return new ChildProcess<ClientProcessCall, never, ClientProcessNote>({
    entry: new URL("./processes/bridge-client.js", distMain), name: "bridge-client", ...listener, ...(spawnChild === undefined ? {} : { spawn: spawnChild }),
  });
}

export class Engine {
  readonly #options: EngineOptions;
  readonly #screens = new Set<Screen>();
  readonly #jobs: Jobs;
  readonly #lakeJobs: LakeJobs;
  readonly #queries: Queries;
  readonly #lock: FolderLock;
  readonly #rate = new RateMeter();
  #live: LiveSource | undefined;
  #recordingState: RecordingStatus["state"] = "off";
  #recordingFault: Fault | undefined;
  #messagesPerSecond = 0;
  readonly #captures: CapturesListing;
  #settings: Settings;
  #savingSettings: Promise<unknown> = Promise.resolve();
  readonly #remotes: Remotes;
  readonly #sharing: Sharing;
  readonly #commands: EngineCommands;
  readonly #keeping: Housekeeping;
  #timers: NodeJS.Timeout[] = [];
  #closing: Promise<void> | undefined;

  private constructor(options: EngineOptions, lock: FolderLock, settings: Settings) {
    this.#options = options;
    this.#lock = lock;
    this.#settings = settings;
    this.#captures = new CapturesListing({
      catalog: options.captures,
      recordingId: () => this.#live?.captureId,
      onChanged: () => { this.#changed("captures"); },
      onProblem: (problem) => { this.#problem(problem); },
    });
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
    this.#keeping = new Housekeeping({
      dataFolder: options.dataFolder, version: options.version, limits: options.diskLimits ?? {}, metrics: options.metrics,
      settings: () => this.#settings, saveSettings: (changes) => this.#saveSettings(changes),
      live: () => this.#live, recording: () => ({ state: this.#recordingState, fault: this.#recordingFault }),
      captures: () => this.#captures.look(), inUse: () => this.#inUse(),
      stopForDisk: (why) => this.#stopForDisk(why), restart: (reason) => this.#restartRecording(reason),
      onReport: () => { this.#changed("health"); },
      onProblem: (problem) => { this.#problem(problem); },
    });
    this.#jobs = new Jobs({
      distMain: options.distMain,
      monotonicMs: () => performance.now(),
      onChange: () => {
        this.#changed("jobs");
      },
      onDone: (result, status) => {
        if (result.captureId !== undefined && result.proof !== undefined) this.#captures.proved(result.captureId, result.proof);
        if (status.kind !== "verify" || result.proof !== undefined) this.#captures.refresh();
      },
    });
    const { distMain, dataFolder, spawnChild: spawn } = options;
    this.#lakeJobs = new LakeJobs({ distMain, dataFolder, spawn, jobs: this.#jobs, onNote: (message) => { this.#problem({ code: "lake.repaired", message }); } });
    this.#queries = new Queries({ distMain, dataFolder, spawn });
    this.#commands = this.#makeCommands();
  }

  /** Throws `log.locked` when another process writes the data folder, `settings.damaged`, `metrics.*`. Starts recording at once; a recording that cannot start is a visible state, not a failed engine. */
  static async start(options: EngineOptions): Promise<Engine> {
    const lock = await lockDataFolder(options.dataFolder);
    let engine: Engine;
    try {
      await mkdir(join(options.dataFolder, "captures"), { recursive: true });
      engine = new Engine(options, lock, await readSettings(options.dataFolder));
      await engine.#keeping.begin();
    } catch (error) {
      await lock.release();
      throw error;
    }
    engine.#timers.push(setInterval(() => { engine.#sample(); }, STATUS_EVERY_MS));
    engine.#timers.push(setInterval(() => { engine.#captures.refresh(); }, CAPTURES_EVERY_MS));
    engine.#remotes.prepare();
    await engine.#startRecording();
    await engine.#captures.look();
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

  /** Where /metrics and /health are; undefined: nowhere. */
  get metricsAddress(): string | undefined {
    return this.#keeping.metricsAddress;
  }

  // ── recording ──────────────────────────────────────────────────────────────

  async #startRecording(captureId?: string): Promise<void> {
    // A halted one is over: what it could not write is lost, and starting again recovers the rest.
    if (this.#live?.halted !== undefined) await this.#stopRecording("halted");
    if (this.#live !== undefined) return;
    this.#recordingState = "starting";
    this.#recordingFault = undefined;
    this.#changed("recording");
    try {
      await this.#keeping.refuseStart();
      this.#live = await this.#options.startRecording({
        onPositions: (positions, written) => {
          this.#onPositions(positions, written);
        },
        onStatus: () => {
          this.#changed("streams");
          this.#changed("sources");
        },
        onProblem: (problem) => {
          if (problem.code !== REFUSED) this.#recordingFault ??= problem;
          this.#problem(problem);
        },
      }, { added: this.#keeping.addedSymbols, captureId });
      this.#recordingState = "recording";
      void this.#sharing.recordingChanged();
    } catch (error) {
      this.#recordingFault = faultOf(error);
      this.#recordingState = "halted";
      this.#problem(this.#recordingFault);
    }
    this.#changed("recording");
  }

  async #stopRecording(reason: string, goesOn = false): Promise<void> {
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
    if (!goesOn) this.#tellEnded(live.captureId);
    for (const part of ["recording", "streams", "sources"] as const) this.#changed(part);
    this.#captures.refresh();
  }

  #tellEnded(captureId: string): void {
    for (const screen of this.#screens) if (screen.captureId === captureId) screen.recordingEnded();
  }

  /** In the same capture: screens that follow it go on following. */
  async #restartRecording(reason: string): Promise<void> {
    const captureId = this.#live?.captureId;
    if (captureId === undefined) return;
    await this.#stopRecording(reason, true);
    await this.#startRecording(captureId);
    if (this.recording === undefined) this.#tellEnded(captureId);
  }

  async #stopForDisk(why: Fault): Promise<void> {
    await this.#stopRecording("disk.low");
    this.#recordingFault = why;
    this.#recordingState = "halted";
    this.#problem(why);
    this.#changed("recording");
  }

  #onPositions(positions: LogPositions, written: readonly WrittenMark[]): void {
    for (const screen of this.#screens) {
      if (screen.captureId === this.#live?.captureId) screen.written(positions.written, written);
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
    const capture = this.#captures.all.find((one) => one.captureId === this.#live?.captureId);
    return {
      captureId: this.#live?.captureId, state: this.#recordingState, fault: this.#recordingFault, ...positions,
      messagesPerSecond: this.#messagesPerSecond,
      bytesPerEvent: capture?.bytesPerEvent,
      commitEveryMs: this.#options.commitEveryMs, diskFreeBytes: this.#keeping.report.disk.freeBytes, gapsOpen: this.#live?.gapsOpen ?? 0,
    };
  }

  /** What screens show and jobs work on. */
  #inUse(): ReadonlySet<string> {
    const shown = [...this.#screens].flatMap(({ captureId }) => captureId ?? []);
    return new Set([...shown, ...this.#jobs.list.flatMap(({ state, captureId }) => (state === "running" ? (captureId ?? []) : []))]);
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
        return engine.#captures.all;
      },
      captureFolder: (captureId) => this.#captureFolder(captureId),
      status: () => ({
        streams: this.#live?.streams ?? [], sources: this.#live?.sources ?? [], recording: this.#recordingStatus(),
        captures: this.#captures.all, jobs: this.#jobs.list, remotes: this.#remotes.list, share: this.#sharing.status, health: this.#keeping.report,
      }),
      logToScreen: this.#keeping.logToScreen,
      commands: { ...this.#commands, ...this.#keeping.commands },
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

  #makeCommands(): EngineCommands {
    return {
      "captures.list": () => this.#captures.look(),
      "import.start": async ({ captureId, format, venue, fold, files }) => ({
        jobId: this.#jobs.start({ kind: "import", dataFolder: this.#options.dataFolder, captureId, format, venue, fold, files }, `Import ${captureId}`),
      }),
      "verify.start": async ({ captureId }) => ({
        jobId: this.#jobs.start({ kind: "verify", captureFolder: this.#captureFolder(captureId) }, `Verify ${captureId}`),
      }),
      ...this.#lakeJobs.handlers,
      ...this.#queries.handlers,
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
    await this.#lakeJobs.close();
    await this.#queries.close();
    for (const screen of [...this.#screens]) await this.#detach(screen);
    await this.#remotes.close();
    await this.#sharing.close();
    await this.#keeping.close();
    await this.#stopRecording(reason);
    await this.#captures.close();
    await this.#lock.release();
  }
}
