// One life of a simulated recording process: collector and log writer with timers and sockets of their own, all of which
// fall silent at once when it is killed.
import type { Clock, Fault, Timers } from "../../../shared/base.ts";
import { configDigest, encodeControl, type CaptureConfig } from "../../../shared/control.ts";
import { CONTROL_CONNECTION, CONTROL_STREAM, type RawDraft } from "../../../shared/raw.ts";
import type { HttpTransport, SocketHandlers, WebSocketTransport } from "../../net/transport.ts";
import type { ProcessTable } from "../../rawlog/lock.ts";
import { openReader } from "../../rawlog/reader.ts";
import { sha256 } from "../../rawlog/sha256.ts";
import type { Disk, LogPositions, RawLogWriter } from "../../rawlog/types.ts";
import { openWriter } from "../../rawlog/writer.ts";
import type { MemoryNetwork } from "../../sim/memory-transport.ts";
import type { SeededRandom } from "../../sim/random.ts";
import { createCollector, type Collector, type ResumePoint } from "../../venues/collector.ts";
import { adapterFor, decoderLookup } from "../../venues/registry.ts";
import { lastIds } from "../last-ids.ts";

/** What was handed to the writer, with the number it was given. */
export interface Appended {
  readonly seq: number;
  readonly ingestSeq: number;
  readonly draft: RawDraft;
  readonly life: number;
}

export interface ProcessOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly captureId: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly network: MemoryNetwork;
  readonly random: SeededRandom;
  readonly config: CaptureConfig;
  /** 1 for the first life, 2 after the first restart … */
  readonly life: number;
  readonly onAppended: (appended: Appended) => void;
  readonly onPositions: (positions: LogPositions) => void;
}

const COMMIT_EVERY_MS = 40;
/** Small segments, so that sessions of minutes seal several. */
const SEGMENT_BYTES = 400_000;

export class RecorderProcess {
  #alive = true;
  #isAsleep = false;
  #sleptMs = 0;
  /** What came while the machine slept, in order. */
  readonly #deferred: (() => void)[] = [];
  readonly #clock: Clock = {
    wallNs: () => this.#options.clock.wallNs(),
    monotonicMs: () => this.#options.clock.monotonicMs() - this.#sleptMs,
  };
  readonly #options: ProcessOptions;
  readonly #sockets = new Set<{ close(): void }>();
  #writer: RawLogWriter | undefined;
  #collector: Collector | undefined;

  private constructor(options: ProcessOptions) {
    this.#options = options;
  }

  static async start(options: ProcessOptions): Promise<RecorderProcess> {
    const life = new RecorderProcess(options);
    await life.#open();
    return life;
  }

  get collector(): Collector | undefined {
    return this.#collector;
  }

  async #open(): Promise<void> {
    const { disk, folder, captureId, config } = this.#options;
    const clock = this.#clock;
    const writer = await openWriter({
      disk, folder, captureId, session: "record", version: "simulation", clock, timers: this.#timers(), processes: this.#processes(),
      pause: () => Promise.resolve(), options: { commitEveryMs: COMMIT_EVERY_MS, segmentBytes: SEGMENT_BYTES },
    });
    this.#writer = writer;
    writer.onPositions((positions) => {
      if (this.#alive) this.#options.onPositions(positions);
    });
    this.#options.onPositions(writer.positions);
    const resumeFrom = await this.#resumePoints();
    this.#append({
      stream: CONTROL_STREAM, source: "control", connection: CONTROL_CONNECTION, recvNs: clock.wallNs(), eventNs: 0n,
      payload: encodeControl({ kind: "config", config, digest: configDigest(config, sha256) }),
    });
    this.#startCollector(resumeFrom);
  }

  async #resumePoints(): Promise<ReadonlyMap<string, ResumePoint>> {
    const { disk, folder, config } = this.#options;
    const reader = await openReader({ disk, folder });
    const streams = config.symbols.flatMap(({ venue, symbol }) => [`${venue}:${symbol}:${adapterFor(venue)?.foldChannel ?? "trade"}`]);
    const ids = await lastIds(reader, decoderLookup, streams);
    await reader.close();
    return new Map(Object.entries(ids));
  }

  #startCollector(resumeFrom: ReadonlyMap<string, ResumePoint>): void {
    const { config, network, random, life } = this.#options;
    const clock = this.#clock;
    const { venue } = network.venue;
    const adapter = adapterFor(venue);
    if (adapter === undefined) throw new Error(`Invariant: ${venue} has an adapter`);
    this.#collector = createCollector({
      adapter, clock, random, resumeFrom, timers: this.#timers(), name: `${venue}.r${life}`, endpoints: network.endpoints,
      subscriptions: config.symbols, websocket: this.#webSocket(), http: this.#http(), sink: { append: (drafts) => this.#take(drafts) },
      settings: { batchMs: 20, offsetEveryMs: 20_000, staleRetryMinMs: 20_000 },
    });
    this.#collector.start();
  }

  #append(draft: RawDraft): void {
    const writer = this.#writer;
    if (writer === undefined) throw new Error("Invariant: the writer is open");
    this.#options.onAppended({ ...writer.append(draft), draft, life: this.#options.life });
  }

  #take(drafts: readonly RawDraft[], from = 0): Promise<void> | undefined {
    const writer = this.#writer;
    if (!this.#alive || writer === undefined) return undefined;
    for (let index = from; index < drafts.length; index += 1) {
      const draft = drafts[index];
      if (draft === undefined) break;
      if (!writer.hasRoom) return writer.room().then(() => this.#take(drafts, index));
      this.#append(draft);
    }
    return undefined;
  }

  // ── what dies with the process ─────────────────────────────────────────────

  #timers(): Timers {
    return { after: (delayMs, run) => this.#options.timers.after(delayMs, () => { this.#run(run); }) };
  }

  /** Nothing of a dead process runs; what is due while the machine sleeps runs when it wakes. */
  #run(work: () => void): void {
    if (!this.#alive) return;
    if (this.#isAsleep) this.#deferred.push(work);
    else work();
  }

  /** The machine sleeps: its monotonic clock stands still, its sockets fill, the world goes on. */
  sleep(ms: number): void {
    this.#isAsleep = true;
    const fellAsleepMs = this.#options.clock.monotonicMs();
    this.#options.timers.after(ms, () => {
      this.#isAsleep = false;
      this.#sleptMs += this.#options.clock.monotonicMs() - fellAsleepMs;
      for (const work of this.#deferred.splice(0)) work();
    });
  }

  /** Set once the disk failed: nothing more is written. */
  get halted(): Fault | undefined {
    return this.#writer?.halted;
  }

  #webSocket(): WebSocketTransport {
    return {
      connect: (url, handlers) => {
        const guarded: SocketHandlers = {
          opened: () => { this.#run(() => { handlers.opened(); }); },
          message: (bytes) => { this.#run(() => { handlers.message(bytes); }); },
          closed: (close) => { this.#run(() => { handlers.closed(close); }); },
        };
        const socket = this.#options.network.webSocket.connect(url, guarded);
        this.#sockets.add(socket);
        return socket;
      },
    };
  }

  #http(): HttpTransport {
    // A dead process never hears an answer.
    return { get: (url, options) => this.#options.network.http.get(url, options).then((result) => (this.#alive ? result : new Promise(() => undefined))) };
  }

  #processes(): ProcessTable {
    const { life } = this.#options;
    return { self: () => ({ pid: life, startedAt: String(life), bootId: "simulated" }), isAlive: (owner) => owner.pid === life };
  }

  /** As kill -9: nothing is closed, flushed or said. */
  kill(): void {
    this.#alive = false;
    for (const socket of this.#sockets) socket.close();
  }

  async stop(): Promise<void> {
    await this.#collector?.stop();
    await this.#writer?.close("end of simulation");
  }
}
