// The engine: one recording, any number of screens, jobs and settings. Commands come in, frames go out; it knows no transport
// and no window. Started by a shell, closed by the same shell.
import { mkdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import { fault, type Fault } from "../../shared/base.ts";
import type { VenueId } from "../../shared/market.ts";
import { PROTOCOL_VERSION, type CaptureSummary, type RecordingStatus } from "../../shared/protocol/frames.ts";
import type { LogPositions } from "../rawlog/types.ts";
import type { FolderLock } from "../rawlog/lock.ts";
import { ClientSession, type CommandHandlers, type StatusPart, type TapeSource } from "./client-session.ts";
import type { ClientPort } from "./client-port.ts";
import { lockDataFolder } from "./data-lock.ts";
import { REFUSED } from "./deriver-loop.ts";
import { listFiles } from "./file-listing.ts";
import { Jobs } from "./jobs.ts";
import type { LiveListener, LiveSource } from "./live-source.ts";
import { PlayerLink } from "./player-link.ts";
import { RateMeter } from "./rate-meter.ts";
import { readSettings, writeSettings, type Settings } from "./settings.ts";
import { faultOf } from "./thread.ts";
import type { PlayerAnswer, PlayerCall, PlayerView } from "./thread-messages.ts";

const STATUS_EVERY_MS = 250;
const CAPTURES_EVERY_MS = 5_000;
const CLIENTS_MAX = 8;

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
  startRecording(listener: LiveListener): Promise<LiveSource>;
  listCaptures(recordingId: string | undefined): Promise<readonly CaptureSummary[]>;
}

interface Client {
  readonly session: ClientSession;
  readonly player: PlayerLink;
  captureId: string | undefined;
  view: PlayerView;
}

export class Engine {
  readonly #options: EngineOptions;
  readonly #clients = new Set<Client>();
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
  #settings: Settings = {};
  #timers: NodeJS.Timeout[] = [];
  #listing: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: EngineOptions, lock: FolderLock) {
    this.#options = options;
    this.#lock = lock;
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
    const engine = new Engine(options, lock);
    try {
      await mkdir(join(options.dataFolder, "captures"), { recursive: true });
      engine.#settings = await readSettings(options.dataFolder);
    } catch (error) {
      await lock.release();
      throw error;
    }
    engine.#timers.push(setInterval(() => { engine.#sample(); }, STATUS_EVERY_MS));
    engine.#timers.push(setInterval(() => { engine.#refreshCaptures(); }, CAPTURES_EVERY_MS));
    await engine.#startRecording();
    await engine.#loadCaptures();
    return engine;
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
    for (const client of this.#clients) if (client.captureId === live.captureId) client.player.ended();
    for (const part of ["recording", "streams", "sources"] as const) this.#changed(part);
    this.#refreshCaptures();
  }

  #onPositions(positions: LogPositions): void {
    for (const client of this.#clients) {
      if (client.captureId === this.#live?.captureId) client.player.written(positions.written);
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

  async #loadCaptures(): Promise<void> {
    const captures = await this.#options.listCaptures(this.#live?.captureId);
    this.#captures = captures.map((capture) => ({ ...capture, proof: this.#proofs.get(capture.captureId) }));
    const space = await statfs(this.#options.dataFolder);
    this.#diskFreeBytes = space.bavail * space.bsize;
    this.#changed("captures");
  }

  #captureFolder(captureId: string): string {
    return join(this.#options.dataFolder, "captures", captureId);
  }

  // ── clients ────────────────────────────────────────────────────────────────

  /** Serves a screen until its port closes. */
  attach(port: ClientPort): void {
    if (this.#clients.size >= CLIENTS_MAX || this.#closing !== undefined) {
      port.close();
      return;
    }
    const player = new PlayerLink({
      distMain: this.#options.distMain,
      onDirty: () => {
        session.tapeChanged();
      },
      onDeath: (problem) => {
        session.problem(problem);
      },
    });
    const session = new ClientSession({
      port,
      handlers: this.#handlers(() => client),
      status: () => ({
        streams: this.#live?.streams ?? [], sources: this.#live?.sources ?? [], recording: this.#recordingStatus(),
        captures: this.#captures, jobs: this.#jobs.list,
      }),
      source: () => this.#sourceOf(client),
    });
    const client: Client = { session, player, captureId: undefined, view: this.#options.firstView };
    this.#clients.add(client);
    port.onClose(() => {
      void this.#detach(client);
    });
  }

  async #detach(client: Client): Promise<void> {
    if (!this.#clients.delete(client)) return;
    client.session.close();
    await client.player.close().catch((error: unknown) => {
      this.#problem(faultOf(error));
    });
  }

  #sourceOf(client: Client): TapeSource {
    const live = client.captureId !== undefined && client.captureId === this.#live?.captureId;
    const capture = this.#captures.find((one) => one.captureId === client.captureId);
    return { simulated: capture?.simulated ?? this.#options.simulated, live };
  }

  #changed(part: StatusPart): void {
    for (const client of this.#clients) client.session.statusChanged(part);
  }

  #problem(problem: Fault): void {
    for (const client of this.#clients) client.session.problem(problem);
  }

  async #openTape(client: Client, captureId: string): Promise<void> {
    const live = this.#live?.captureId === captureId ? this.#live : undefined;
    const capture = this.#captures.find((one) => one.captureId === captureId);
    if (live === undefined && capture === undefined) throw fault("captures.unknown", `There is no capture ${captureId} in ${this.#options.dataFolder}`);
    const shown = capture?.instruments.some((one) => one.venue === client.view.venue && one.symbol === client.view.symbol);
    const [first] = capture?.instruments ?? [];
    if (shown === false && first !== undefined) client.view = { ...client.view, venue: first.venue, symbol: first.symbol, untilOpenMs: undefined };
    client.captureId = captureId;
    await client.player.call({
      type: "open", captureFolder: this.#captureFolder(captureId), captureId, growing: live !== undefined,
      writtenSeq: live?.positions.written ?? 0, view: client.view,
    });
    client.session.setTape(client.player);
  }

  #handlers(clientOf: () => Client): CommandHandlers {
    const player = <T extends PlayerAnswer>(call: PlayerCall): Promise<T> => clientOf().player.call<T>(call);
    return {
      "hello": async () => {
        const client = clientOf();
        const captureId = this.#live?.captureId ?? this.#captures[0]?.captureId;
        if (captureId !== undefined && client.captureId === undefined) await this.#openTape(client, captureId);
        return {
          protocol: PROTOCOL_VERSION, version: this.#options.version, shell: this.#options.shell, dataFolder: this.#options.dataFolder,
          simulated: this.#options.simulated, settings: this.#settings,
          firstSeries: { venue: this.#options.firstView.venue, symbol: this.#options.firstView.symbol, interval: this.#options.firstView.interval },
        };
      },
      "view.set": async ({ venue, symbol, interval, bars, untilOpenMs }) => {
        const client = clientOf();
        client.view = { venue: venue as VenueId, symbol, interval, bars, untilOpenMs };
        await player({ type: "view", view: client.view });
      },
      "tape.open": ({ captureId }) => this.#openTape(clientOf(), captureId),
      "player": async (command) => {
        const client = clientOf();
        if (command.type === "follow" && this.#live !== undefined && client.captureId !== this.#live.captureId) {
          await this.#openTape(client, this.#live.captureId);
        }
        await player({ type: "command", command });
      },
      "bar.inspect": ({ key, revision }) => player({ type: "inspect", key, revision }),
      "bar.recompute": ({ key }) => player({ type: "recompute", key }),
      "raw.read": async ({ captureId, fromSeq, limit, streamId }) => {
        if (captureId !== clientOf().captureId) throw fault("raw.other-tape", `Capture ${captureId} is not the open tape: open it first`);
        return player({ type: "raw", fromSeq, limit, streamId });
      },
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
      "sim.fault": async ({ name, amount }) => {
        const inject = this.#live?.fault;
        if (inject === undefined) throw fault("sim.not-simulated", "Faults can be injected only while the built-in simulator is the source");
        return inject(name, amount);
      },
      "stream.reopen": async ({ streamId, reason }) => {
        if (this.#live === undefined) throw fault("recording.off", "A stream can be reopened only while its capture is being recorded");
        await this.#live.reopen(streamId, reason);
      },
      "files.list": ({ folder }) => listFiles(folder),
      "settings.get": async () => this.#settings,
      "settings.set": async ({ settings }) => {
        this.#settings = await writeSettings(this.#options.dataFolder, { ...this.#settings, ...settings });
      },
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
    for (const client of [...this.#clients]) await this.#detach(client);
    await this.#listing;
    await this.#stopRecording(reason);
    await this.#lock.release();
  }
}
