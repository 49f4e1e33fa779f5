// What the engine does beside recording and showing: health and metrics, disk space, retention, pins, and the symbols that a person
// added. One place for it, with its commands; the engine says what happens to the recording.
import { join } from "node:path";
import { z } from "zod";
import { FaultError, fault, type Fault } from "../../shared/base.ts";
import { retentionSchema, type RetentionLimits } from "../../shared/protocol/commands.ts";
import type { CaptureSummary, RecordingStatus, RetentionPreview } from "../../shared/protocol/frames.ts";
import type { HealthReport } from "../../shared/protocol/health.ts";
import { LatencyCounter } from "../metrics/latency-totals.ts";
import { MetricsServer } from "../metrics/metrics-server.ts";
import { createMetrics } from "../metrics/registry.ts";
import { addedSymbols, withSymbol, type AddedSymbols } from "./added-symbols.ts";
import { finishRemovals, removeCapture } from "./captures-remove.ts";
import { usedCaptures } from "./captures-use.ts";
import type { CommandHandlers } from "./client-session.ts";
import { DiskWatch, diskLimitsSchema, freeBytesOf, type DiskLimits } from "./disk-watch.ts";
import type { ListenAt } from "./engine-options.ts";
import { HealthDesk } from "./health-desk.ts";
import { bytesText } from "./health-words.ts";
import type { LiveSource } from "./live-source.ts";
import { observe } from "./observe.ts";
import { pinCapture } from "./pins.ts";
import { planRetention } from "./retention.ts";
import type { Settings } from "./settings.ts";
import { faultOf } from "./thread.ts";

const RETAIN_EVERY_MS = 3_600_000;

/** Kept in the settings under `metrics`; the command line's --metrics comes before. */
const listenAtSchema = z.strictObject({ host: z.string().min(1).max(255), port: z.number().int().min(0).max(65_535) });

export interface HousekeepingOptions {
  readonly dataFolder: string;
  readonly version: string;
  /** Over the settings. */
  readonly limits: DiskLimits;
  /** Where /metrics and /health are; undefined: nowhere. */
  readonly metrics: ListenAt | undefined;
  readonly settings: () => Settings;
  saveSettings(changes: Settings): Promise<void>;
  live(): LiveSource | undefined;
  recording(): { readonly state: RecordingStatus["state"]; readonly fault: Fault | undefined };
  captures(): Promise<readonly CaptureSummary[]>;
  /** Captures that screens show or jobs work on. */
  inUse(): ReadonlySet<string>;
  /** Ends the recording in good order and says why. */
  stopForDisk(why: Fault): Promise<void>;
  /** Ends the recording and goes on in the same capture with what the settings say now. */
  restart(reason: string): Promise<void>;
  onReport(): void;
  onProblem(problem: Fault): void;
}

export type HousekeepingCommands = Pick<CommandHandlers, "capture.pin" | "retention.preview" | "record.symbol" | "settings.set">;

/** Throws `settings.damaged`, naming the key. */
function parsed<T>(settings: Settings, key: string, schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } }): T | undefined {
  if (settings[key] === undefined) return undefined;
  const result = schema.safeParse(settings[key]);
  if (!result.success) throw fault("settings.damaged", `The settings have no usable ${key} (${JSON.stringify(settings[key])}): correct or remove it in settings.json`);
  return result.data;
}

/** Those that are read here: what could not be read at the next start is refused when it is set. */
function check(settings: Settings): void {
  parsed(settings, "disk", diskLimitsSchema);
  parsed(settings, "retention", retentionSchema);
  parsed(settings, "metrics", listenAtSchema);
  addedSymbols(settings);
}

export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #disk: DiskWatch;
  readonly #desk: HealthDesk;
  #timer: NodeJS.Timeout | undefined;
  readonly #startedMs = performance.now();
  /** Written → painted of all screens together. */
  readonly logToScreen = new LatencyCounter();
  #metrics: MetricsServer | undefined;
  #retaining: Promise<void> = Promise.resolve();
  #stopping: Promise<void> | undefined;
  #changing: Promise<unknown> = Promise.resolve();

  /** Throws `settings.damaged`. Nothing runs before `begin`. */
  constructor(options: HousekeepingOptions) {
    check(options.settings());
    const limits = { ...parsed(options.settings(), "disk", diskLimitsSchema), ...options.limits };
    this.#options = options;
    this.#disk = new DiskWatch({ folder: options.dataFolder, limits, freeBytes: () => freeBytesOf(options.dataFolder) });
    this.#desk = new HealthDesk({
      disk: this.#disk, live: options.live, recording: options.recording, lakeFault: () => options.live()?.lakeFault, logToScreen: () => undefined,
      onReport: options.onReport, onProblem: options.onProblem, onDiskLow: options.onProblem,
      onDiskFull: (why) => { this.#stopping ??= options.stopForDisk(why).finally(() => { this.#stopping = undefined; }); },
    });
  }

  /** Ends removals that a crash interrupted, before anybody lists captures. Throws `metrics.*` and the disk's faults, and then nothing runs. */
  async begin(): Promise<void> {
    await finishRemovals(this.#options.dataFolder);
    await this.#serveMetrics();
    this.#desk.start();
    this.#timer = setInterval(() => { this.retain(); }, RETAIN_EVERY_MS);
    this.retain();
  }

  async #serveMetrics(): Promise<void> {
    const { version, live } = this.#options;
    const metrics = this.#options.metrics ?? parsed(this.#options.settings(), "metrics", listenAtSchema);
    if (metrics === undefined) return;
    this.#metrics = await MetricsServer.listen({
      ...metrics, metrics: createMetrics({ processMetrics: true }),
      observe: () => ({
        version, uptimeMs: performance.now() - this.#startedMs, serving: undefined,
        ...observe({ live: live(), health: this.report, logToScreen: this.logToScreen.totals }),
      }),
    });
  }

  get report(): HealthReport {
    return this.#desk.report;
  }
  /** As bound; undefined: no metrics are served. */
  get metricsAddress(): string | undefined {
    return this.#metrics?.address;
  }

  /** Before a recording starts. Throws `disk.low`. */
  refuseStart(): Promise<void> {
    return this.#disk.refuseStart();
  }

  /** What persons added to the sources that the command line names. */
  get addedSymbols(): AddedSymbols {
    return addedSymbols(this.#options.settings());
  }

  // ── retention ──────────────────────────────────────────────────────────────

  /** Removes what the settings' limits let go; one run after the other. Trouble is told, and what is left is tried again in an hour. */
  retain(): void {
    this.#retaining = this.#retaining.then(() => this.#retain()).catch((error: unknown) => { this.#options.onProblem(faultOf(error)); });
  }

  async #retain(): Promise<void> {
    const { settings, dataFolder, onProblem } = this.#options;
    const limits = parsed(settings(), "retention", retentionSchema);
    if (limits === undefined || (limits.maxAgeDays === undefined && limits.maxBytes === undefined)) return;
    const { removes } = await this.#plan(limits);
    for (const { captureId, bytes, why } of removes) {
      // Somebody may have opened it since the plan was made.
      if (this.#options.inUse().has(captureId)) continue;
      try {
        await removeCapture(dataFolder, { captureId, bytes, why, atMs: Date.now() });
        onProblem({ code: "retention.removed", message: `Capture ${captureId} (${bytesText(bytes)}) was removed: ${why}` });
      } catch (error) {
        // The others are none the worse for it; this one is tried again in an hour.
        onProblem(faultOf(error));
      }
    }
    if (removes.length > 0) await this.#options.captures();
  }

  async #plan(limits: RetentionLimits): Promise<RetentionPreview> {
    const captures = await this.#options.captures();
    const used = await usedCaptures(this.#options.dataFolder, captures.map(({ captureId }) => captureId));
    return planRetention(captures, limits, { ms: Date.now(), inUse: new Set([...used, ...this.#options.inUse()]) });
  }

  // ── commands ───────────────────────────────────────────────────────────────

  get commands(): HousekeepingCommands {
    return {
      "capture.pin": async ({ captureId, pinned }) => {
        await pinCapture(join(this.#options.dataFolder, "captures", captureId), captureId, pinned);
        await this.#options.captures();
      },
      "settings.set": async ({ settings }) => {
        check(settings as Settings);
        await this.#options.saveSettings(settings as Settings);
        // What a person has just confirmed counts at once.
        if ("retention" in settings) this.retain();
      },
      "retention.preview": ({ limits }) => this.#plan(limits),
      "record.symbol": ({ venue, symbol }) => this.#inTurn(() => this.#addSymbol(venue, symbol)),
    };
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const next = this.#changing.then(run);
    this.#changing = next.catch(() => undefined); // whoever asked is told; the next one only waits
    return next;
  }

  async #addSymbol(venue: CaptureSummary["instruments"][number]["venue"], symbol: string): Promise<void> {
    const { live, settings, saveSettings, restart } = this.#options;
    const source = live();
    if (source === undefined) throw fault("recording.off", "A symbol can be added only while something is being recorded");
    if (!source.sources.some((one) => one.venue === venue)) throw fault("record.unknown-venue", `${venue} is not being recorded: its symbols cannot be added`);
    if (source.streams.some((stream) => stream.venue === venue && stream.symbol === symbol)) throw fault("record.known-symbol", `${symbol} of ${venue} is being recorded already`);
    await saveSettings({ recordSymbols: withSymbol(addedSymbols(settings()), venue, symbol) });
    await restart(`symbol ${symbol} of ${venue} added`);
    const { state, fault: problem } = this.#options.recording();
    if (state === "halted" && problem !== undefined) throw new FaultError(problem);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#desk.close();
    await this.#stopping;
    await this.#changing;
    await this.#retaining;
    await this.#metrics?.close();
  }
}
