// A recording as the main thread sees it: simulator, collectors, recorder and deriver threads, wired and watched.
// The main thread relays notes; no message bytes pass through it.
import { join } from "node:path";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { FaultError, type Fault } from "../../shared/base.ts";
import type { CaptureConfig } from "../../shared/control.ts";
import type { VenueId } from "../../shared/market.ts";
import type { SourceStatus, StreamStatus } from "../../shared/protocol/frames.ts";
import type { LogPositions } from "../rawlog/types.ts";
import type { Endpoints, Subscription } from "../venues/adapter.ts";
import type { DerivedWatcher } from "./derived-watch.ts";
import { RecordingVitals } from "./health-vitals.ts";
import { isClockFault, type LocalFault } from "../faults/local-faults.ts";
import { Thread, threadEntry } from "./thread.ts";
import { VenueLimits } from "./venue-limits.ts";
import type {
  CollectorCall, CollectorData, CollectorNote, CollectorNoteIn, DeriverCall, DeriverData, DeriverNote, DeriverNoteIn, DerivedSummary,
  InheritedGaps, RecorderCall, RecorderData, RecorderLatency, RecorderNote, RecorderOpened,
} from "./thread-messages.ts";

export interface RecordedVenue {
  readonly venue: VenueId;
  readonly subscriptions: readonly Subscription[];
  readonly endpoints: Endpoints;
}

export interface RecordingOptions {
  readonly distMain: URL;
  readonly captureFolder: string;
  readonly captureId: string;
  readonly commitEveryMs: number;
  readonly version: string;
  readonly config: CaptureConfig;
  readonly venues: readonly RecordedVenue[];
  /** 2: every connection twice (A/B). */
  readonly legs: 1 | 2;
}

export interface RecordingListener {
  onPositions(positions: LogPositions, written: RecorderNote["written"]): void;
  onStatus(): void;
  onDerived(note: DeriverNote): void;
  /** Something needs a hand. A halted recorder keeps what is durable; replay goes on. */
  onProblem(problem: Fault): void;
}

/** Gaps of earlier runs that one run asks a venue for; more wait for the next start. */
const INHERITED_MAX = 1_000;

const DERIVE_EVERY_MS = 200;
const NOTHING: LogPositions = { appended: 0, written: 0, durable: 0 };

type DeriverThread = Thread<DeriverCall, DeriverNoteIn, DeriverNote | InheritedGaps>;
type CollectorThread = Thread<CollectorCall, CollectorNoteIn, CollectorNote>;

/** A running recording. `close` stops the sockets first, then seals the log, then lets the deriver finish. */
export class Recording {
  readonly #options: RecordingOptions;
  readonly #listener: RecordingListener;
  readonly #limits: VenueLimits;
  readonly #recorder: Thread<RecorderCall, never, RecorderNote | RecorderLatency>;
  readonly #deriver: DeriverThread;
  readonly #collectors = new Map<VenueId, CollectorThread>();
  readonly #statuses = new Map<VenueId, CollectorNote>();
  readonly #watchers = new Set<DerivedWatcher>();
  readonly vitals = new RecordingVitals();
  #positions = NOTHING;
  #firstAppended = 0;
  #halted: Fault | undefined;
  #derived: DeriverNote | undefined;
  #summary: DerivedSummary | undefined;
  #deriverWake: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: RecordingOptions, listener: RecordingListener, limits: VenueLimits) {
    this.#options = options;
    this.#limits = limits;
    this.#listener = listener;
    const die = (problem: Fault): void => {
      this.#halted ??= problem;
      this.vitals.threadDied(problem);
      listener.onProblem(problem);
      listener.onStatus();
    };
    this.#recorder = new Thread({
      entry: threadEntry(options.distMain, "recorder"),
      name: "recorder",
      data: {
        captureFolder: options.captureFolder, captureId: options.captureId, commitEveryMs: options.commitEveryMs, config: options.config, version: options.version,
      } satisfies RecorderData,
      onNote: (note) => {
        if (note.type === "latency") this.vitals.latency(note.report);
        else this.#onPositions(note);
      },
      onDeath: die,
    });
    this.#deriver = new Thread({
      entry: threadEntry(options.distMain, "deriver"),
      name: "deriver",
      data: { captureFolder: options.captureFolder } satisfies DeriverData,
      onNote: (note: DeriverNote | InheritedGaps) => {
        if (note.type === "inherited_gaps") this.#passOn(note);
        else this.#onDerived(note);
      },
      onDeath: die,
    });
    for (const venue of options.venues) this.#collectors.set(venue.venue, this.#spawnCollector(venue));
  }

  /** Opens the log (recovering first), then starts deriving and collecting. Rejects with the fault that prevents it. */
  static async start(options: RecordingOptions, listener: RecordingListener): Promise<Recording> {
    const recording = new Recording(options, listener, await VenueLimits.open(join(options.captureFolder, "..", "..")));
    try {
      const opened = await recording.#recorder.call<RecorderOpened>({ type: "open" });
      recording.#positions = opened.positions;
      recording.#firstAppended = opened.positions.appended;
      // Sockets first: every moment without them is a gap, while deriving only has to catch up.
      for (const [venue, collector] of recording.#collectors) await recording.#startCollector(venue, collector, opened.lastIds);
      await recording.#deriver.call({ type: "open", startSeq: opened.positions.durable });
      recording.#deriver.note({ type: "durable", seq: recording.#positions.durable });
    } catch (error) {
      for (const collector of recording.#collectors.values()) await collector.terminate();
      await recording.#recorder.terminate();
      await recording.#deriver.terminate();
      throw error;
    }
    return recording;
  }

  #spawnCollector({ venue, subscriptions, endpoints }: RecordedVenue): CollectorThread {
    return new Thread({
      entry: threadEntry(this.#options.distMain, "collector"),
      name: `collector-${venue}`,
      data: { venue, subscriptions, endpoints, legs: this.#options.legs, limits: this.#limits.of(venue, endpoints) } satisfies CollectorData,
      onNote: (note: CollectorNote) => {
        this.#statuses.set(venue, note);
        this.vitals.collector(venue, note.health);
        const { banLeftMs } = note.health;
        if (note.source.state === "banned" && banLeftMs !== undefined) this.#limits.banned(venue, endpoints, banLeftMs, note.source.detail);
        this.#listener.onStatus();
      },
      onDeath: (problem) => {
        this.vitals.threadDied(problem);
        this.#listener.onProblem(problem);
        this.#listener.onStatus();
      },
    });
  }

  async #startCollector(venue: VenueId, collector: CollectorThread, lastIds: RecorderOpened["lastIds"]): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    await this.#recorder.call({ type: "attach", port: port1 }, [port1 as MessagePort]);
    // The position at which this run began tells its connections from those of every other run.
    const name = `${venue}.r${this.#firstAppended}`;
    const resumeFrom = Object.fromEntries(Object.entries(lastIds).filter(([streamId]) => streamId.startsWith(`${venue}:`)));
    await collector.call({ type: "start", port: port2, name, resumeFrom }, [port2 as MessagePort]);
  }

  #onDerived(note: DeriverNote): void {
    this.#derived = note;
    this.vitals.derived(note);
    for (const problem of note.problems) this.#listener.onProblem(problem);
    this.#listener.onDerived(note);
    for (const watcher of this.#watchers) {
      watcher.derived(note.position);
      if (note.forming.length > 0) watcher.forming(note.forming);
    }
  }

  /** Tells how far deriving is, now and from here on, and the open bars. The returned function ends it. */
  watchDerived(watcher: DerivedWatcher): () => void {
    this.#watchers.add(watcher);
    if (this.#derived !== undefined) watcher.derived(this.#derived.position);
    this.#deriver.note({ type: "watch", on: true });
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size === 0) this.#deriver.note({ type: "watch", on: false });
    };
  }

  /** What earlier runs did not come to: a recorder that is killed again before its backfill leaves gaps that no last id tells of. */
  #passOn({ ranges }: InheritedGaps): void {
    for (const [venue, collector] of this.#collectors) {
      const own = ranges.filter(({ stream }) => stream.venue === venue);
      if (own.length > INHERITED_MAX) {
        const message = `${own.length} gaps of ${venue} are left from earlier runs: the oldest ${INHERITED_MAX} are backfilled now, the rest after the next start`;
        this.#listener.onProblem({ code: "gaps.waiting", message });
      }
      if (own.length > 0) collector.note({ type: "backfill", ranges: own.slice(0, INHERITED_MAX) });
    }
  }

  #onPositions(note: RecorderNote): void {
    const { durable } = this.#positions;
    this.#positions = note.positions;
    if (note.halted !== undefined && this.#halted === undefined) {
      this.#halted = note.halted;
      this.#listener.onProblem(note.halted);
      this.#listener.onStatus();
    }
    if (note.positions.durable > durable) this.#wakeDeriver();
    this.#listener.onPositions(note.positions, note.written);
  }

  /** Deriving in few large passes costs a fraction of many small ones, and bars wait for lateness anyway. */
  #wakeDeriver(): void {
    this.#deriverWake ??= setTimeout(() => {
      this.#deriverWake = undefined;
      this.#deriver.note({ type: "durable", seq: this.#positions.durable });
    }, DERIVE_EVERY_MS);
  }

  get captureId(): string {
    return this.#options.captureId;
  }
  get captureFolder(): string {
    return this.#options.captureFolder;
  }
  get positions(): LogPositions {
    return this.#positions;
  }
  /** Messages appended by this run. */
  get messages(): number {
    return this.#positions.appended - this.#firstAppended;
  }
  get halted(): Fault | undefined {
    return this.#halted;
  }
  get gapsOpen(): number {
    return this.#derived?.gapsOpen ?? 0;
  }
  get derivedSeq(): number {
    return this.#derived?.position ?? 0;
  }
  get sources(): readonly SourceStatus[] {
    return [...this.#statuses.values()].map((note) => note.source);
  }
  get streams(): readonly StreamStatus[] {
    return [...this.#statuses.values()].flatMap((note) => note.streams);
  }

  /** What the whole capture holds; known once closed, undefined when deriving failed. */
  get summary(): DerivedSummary | undefined {
    return this.#summary;
  }

  /** A fault of this machine (fault lab): a sleep stops every collector, a step every clock, the rest is the recorder's disk. */
  async fault(wrong: LocalFault): Promise<void> {
    if (isClockFault(wrong)) for (const collector of this.#collectors.values()) collector.note({ type: "fault", fault: wrong });
    await this.#recorder.call({ type: "fault", fault: wrong });
  }

  /** A person's decision to reopen a stream that failed closed: a control record, so that replay reopens it too. */
  async reopen(streamId: string, reason: string): Promise<void> {
    await this.#recorder.call({ type: "reopen", streamId, reason });
  }

  /** Idempotent. */
  close(reason: string): Promise<void> {
    this.#closing ??= this.#close(reason);
    return this.#closing;
  }

  async #close(reason: string): Promise<void> {
    clearTimeout(this.#deriverWake);
    const troubles: unknown[] = [];
    const attempt = async (step: Promise<unknown>): Promise<void> => {
      try {
        await step;
      } catch (error) {
        troubles.push(error);
      }
    };
    for (const collector of this.#collectors.values()) await attempt(collector.close({ type: "close" }));
    await attempt(this.#limits.close());
    await attempt(this.#recorder.close({ type: "close", reason }, 60_000));
    this.#deriver.note({ type: "durable", seq: this.#positions.durable });
    await attempt(this.#deriver.close<DerivedSummary>({ type: "close" }, 120_000).then((summary) => {
      this.#summary = summary;
    }));
    for (const watcher of this.#watchers) watcher.ended();
    const [first] = troubles;
    if (first !== undefined && this.#halted === undefined) throw first instanceof Error ? first : new FaultError({ code: "engine.bug", message: String(first) });
  }
}
