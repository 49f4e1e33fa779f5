// The whole path under one virtual clock and one seed: market → wire → line → collector → writer on a forgetful disk →
// reader → decoder → canonicalizer, with faults drawn from the seed, and checkers at the end.
// Fault bounds are at the top of fault-schedule.ts. A run is a function of (seed, options) and of nothing else.
import type { CaptureConfig } from "../../../shared/control.ts";
import type { Interval } from "../../../shared/time.ts";
import type { RawRecord } from "../../../shared/raw.ts";
import { settle, VirtualClock } from "../../net/virtual-clock.ts";
import { openReader } from "../../rawlog/reader.ts";
import { SimDisk } from "../../rawlog/sim-disk.ts";
import { SimulatedVenue } from "../../sim/venue.ts";
import { MemoryNetwork } from "../../sim/memory-transport.ts";
import { SeededRandom } from "../../sim/random.ts";
import { checkDurability, checkGapReasons, checkGrades, checkLatePrints, checkMissing, checkOracle, checkOrder, isEndOfRecording, type SymbolEvidence } from "./checkers.ts";
import { drawSchedule, KINDS, type ScheduledFault, type SimulatedFault } from "./fault-schedule.ts";
import { LiveTape, type Sabotage } from "./live-tape.ts";
import { MarketTap, receive, type Received } from "./market-tap.ts";
import { RecorderProcess, type Appended } from "./recorder-process.ts";

const START_MS = 1_767_225_600_000;
const CAPTURE = "simulated";
const FOLDER = `/data/captures/${CAPTURE}`;
const INTERVALS: readonly Interval[] = ["1s", "5s", "1m"];
/** After the last fault: long enough for silence to be noticed, connections to come back, four backfill attempts and sealing. */
const QUIET_MS = 75_000;
const FOLLOW_EVERY_MS = 500;

export interface SimulationOptions {
  readonly seed: number;
  /** Kinds of faults that may occur; [] = none; undefined = drawn from the seed. */
  readonly kinds?: readonly string[];
  /** Length of the part with faults, ms. Default drawn from the seed: 40 to 90 s. */
  readonly activeMs?: number;
  /** A planted bug, for the canary. */
  readonly sabotage?: Sabotage;
}

export interface SimulationReport {
  readonly seed: number;
  /** Empty = everything held. */
  readonly failures: readonly string[];
  readonly schedule: readonly ScheduledFault[];
  readonly records: number;
  readonly bars: number;
  readonly revisions: number;
  readonly gaps: number;
  readonly lives: number;
  /** State and outputs at the end, the same in every run of the seed. */
  readonly digest: string;
}

/** Faults that may break a connection or a subscription: after them gaps need not be about ids. */
const SESSION_FAULTS: ReadonlySet<string> = new Set(["disconnect", "abrupt-disconnect", "half-open", "stall-after-ack", "refuse-connections", "line-cut", "crash", "clock-step", "malformed", "wrong-type", "oversized", "unknown-stream"]);

export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  const session = new Session(options);
  try {
    await session.run();
  } catch (error) {
    session.failures.push(`crashed at ${session.clock.monotonicMs().toFixed(0)} ms: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  return session.report();
}

/** The command that repeats a run. */
export function repeatCommand(seed: number): string {
  return `npm run simulate -- --seeds 1 --from ${seed}`;
}

class Session {
  readonly clock = new VirtualClock(START_MS);
  readonly failures: string[] = [];
  readonly #options: SimulationOptions;
  readonly #random: SeededRandom;
  readonly #symbols: readonly string[];
  readonly #disk: SimDisk;
  readonly #tap = new MarketTap();
  readonly #network: MemoryNetwork;
  readonly #config: CaptureConfig;
  readonly #tape: LiveTape;
  readonly #activeMs: number;
  readonly #schedule: readonly ScheduledFault[];
  readonly #appended = new Map<number, Appended>();
  readonly #reused: number[] = [];
  #durable = 0;
  readonly #durableOf = new Map<number, number>();
  #process: RecorderProcess | undefined;
  #lives = 0;
  #records: readonly RawRecord[] = [];
  #digest = "";

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed).fork("session");
    const random = this.#random;
    this.#symbols = random.chance(0.5) ? ["BTCUSDT", "ETHUSDT"] : ["BTCUSDT"];
    this.#activeMs = options.activeMs ?? random.between(40_000, 90_000);
    this.#schedule = drawSchedule(random.fork("faults"), { symbols: this.#symbols, untilMs: this.#activeMs, only: options.kinds });
    this.#disk = new SimDisk(random.fork("disk"));
    this.#tape = new LiveTape(options.sabotage);
    const venue = new SimulatedVenue({
      seed: options.seed, startMs: START_MS + random.between(-2_000, 2_000), symbols: this.#symbols, messagesPerSecond: random.between(12, 40), warmMs: 120_000,
      historyTrades: 32_768, observer: this.#tap,
    });
    this.#network = new MemoryNetwork({
      venue, clock: this.clock, timers: this.clock, random: random.fork("line"), latencyMs: random.between(1, 80), jitterMs: random.between(0, 120), tickMs: 50,
    });
    this.#config = {
      format: 1, lateness_ms: 3_000, intervals: [...INTERVALS], folds: Object.fromEntries(this.#symbols.map((symbol) => [`sim:${symbol}`, "aggTrade"])),
      symbols: this.#symbols.map((symbol) => ({ venue: "sim", symbol, channels: ["aggTrade", "bookTicker", "markPrice"] })),
    };
  }

  async run(): Promise<void> {
    this.#network.start();
    await this.#startProcess();
    for (const { atMs, faults } of this.#schedule) {
      this.clock.after(atMs, () => { for (const fault of faults) this.#inject(fault); });
    }
    const endMs = this.#activeMs + QUIET_MS;
    while (this.clock.monotonicMs() < endMs) {
      await this.clock.advance(FOLLOW_EVERY_MS);
      await this.#follow();
    }
    this.#checkLiveness();
    await this.#stop();
    await this.#check();
  }

  // ── life of the recording process ──────────────────────────────────────────

  async #startProcess(): Promise<void> {
    this.#lives += 1;
    const life = this.#lives;
    this.#process = await RecorderProcess.start({
      disk: this.#disk, folder: FOLDER, captureId: CAPTURE, clock: this.clock, timers: this.clock, network: this.#network,
      random: this.#random.fork(`collector ${life}`), config: this.#config, life,
      onAppended: (appended) => {
        if (this.#appended.has(appended.seq)) this.#reused.push(appended.seq);
        this.#appended.set(appended.seq, appended);
      },
      onPositions: (positions) => {
        this.#durable = Math.max(this.#durable, positions.durable);
        this.#durableOf.set(life, positions.durable);
      },
    });
  }

  #crash(power: boolean, downMs: number): void {
    const process = this.#process;
    if (process === undefined) return; // Already down: one crash at a time.
    this.#process = undefined;
    process.kill();
    if (power) this.#disk.crash();
    else this.#disk.kill();
    this.clock.after(downMs, () => {
      void this.#restart();
    });
    // A deriver that restarts goes on from its checkpoint.
    this.#tape.restart();
  }

  async #restart(): Promise<void> {
    // What the dead process had in hand runs into the dead disk first.
    await settle();
    this.#disk.restart();
    try {
      await this.#startProcess();
    } catch (error) {
      this.failures.push(`restart: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }

  #inject(fault: SimulatedFault): void {
    switch (fault.name) {
      case "line-cut":
        this.#network.cut = true;
        this.clock.after(fault.forMs, () => { this.#network.cut = false; });
        return;
      case "crash":
        this.#crash(fault.power, fault.downMs);
        return;
      case "clock-step":
        this.clock.stepWall(fault.ms);
        return;
      default:
        this.#network.venue.inject(fault);
    }
  }

  async #follow(): Promise<void> {
    if (this.#process === undefined) return;
    const reader = await openReader({ disk: this.#disk, folder: FOLDER });
    try {
      await this.#tape.follow(reader, Math.min(this.#durable, await reader.refresh()));
    } finally {
      await reader.close();
    }
  }

  /** Once faults have stopped, everything is live again. */
  #checkLiveness(): void {
    const status = this.#process?.collector?.status();
    // A ban without an end to it is waited out for minutes: that gap is rightly still open.
    const isBanned = status?.source.state === "banned";
    for (const stream of status?.streams ?? []) {
      // Of a quiet market this is said truly; it ends with the next trade.
      if (stream.state === "stale" && stream.detail.startsWith("trades-silent")) continue;
      if (stream.state !== "live" && !(isBanned && stream.state === "gap")) this.failures.push(`liveness: ${stream.streamId} is ${stream.state} (${stream.detail}) ${QUIET_MS} ms after the last fault`);
    }
    if (this.#process === undefined) this.failures.push("liveness: the recorder did not come back");
  }

  async #stop(): Promise<void> {
    let isOver = false;
    const stopping = (this.#process?.stop() ?? Promise.resolve()).finally(() => { isOver = true; });
    // Closing sockets and the last commit need the clock.
    for (let turn = 0; turn < 400 && !isOver; turn += 1) await this.clock.advance(50);
    if (!isOver) this.failures.push("liveness: the recorder did not stop within 20 s");
    else await stopping;
    this.#network.stop();
    await settle();
  }

  // ── at the end ─────────────────────────────────────────────────────────────

  async #check(): Promise<void> {
    const reader = await openReader({ disk: this.#disk, folder: FOLDER });
    const records: RawRecord[] = [];
    for await (const batch of reader.batches({})) records.push(...batch);
    this.#records = records;
    await this.#tape.follow(reader, Number.MAX_SAFE_INTEGER);
    const again = new LiveTape();
    await again.follow(reader, Number.MAX_SAFE_INTEGER);
    await reader.close();
    this.failures.push(...checkOrder(records, this.#appended, this.#reused), ...checkDurability(records, this.#appended, this.#durableOf));
    this.#digest = `${this.#tape.canonicalizer.digest()} ${this.#tape.outputs.hex()}`;
    const replayed = `${again.canonicalizer.digest()} ${again.outputs.hex()}`;
    if (replayed !== this.#digest) this.failures.push(`replay: the log replayed gives ${replayed}, live it was ${this.#digest}`);
    for (const symbol of this.#symbols) this.#checkSymbol(symbol);
  }

  #checkSymbol(symbol: string): void {
    const streamId = `sim:${symbol}:aggTrade`;
    const received: Received = { seqOf: new Map(), overSocket: new Map(), altered: new Map() };
    const truth = this.#tap.aggregates(symbol);
    for (const record of this.#records) if (record.stream.streamId === streamId) receive(received, record, truth);
    const evidence: SymbolEvidence = { symbol, streamId, received, tap: this.#tap, tape: this.#tape, intervals: INTERVALS };
    const isCalm = this.#schedule.length === 0;
    const injected = this.#schedule.flatMap(({ faults }) => faults.map((fault) => fault.name));
    this.failures.push(
      ...checkOracle(evidence),
      ...checkGrades(evidence, isCalm, this.#latePrints(symbol)),
      ...checkMissing(evidence),
      ...checkGapReasons(evidence, injected.some((name) => SESSION_FAULTS.has(name))),
      ...checkLatePrints(evidence, this.#network.venue.ledger.entries),
    );
    const gaps = [...this.#tape.gaps.values()].filter((gap) => gap.streamId === streamId && !isEndOfRecording(gap));
    if (isCalm && gaps.length > 0) this.failures.push(`gap reasons: a session without faults has ${gaps.length} gaps of ${streamId}`);
  }

  #latePrints(symbol: string): ReadonlySet<number> {
    const late = this.#network.venue.ledger.entries.filter((entry) => entry.what === "late-print" && entry.symbol === symbol);
    return new Set(late.map((entry) => entry.fromId ?? 0));
  }

  report(): SimulationReport {
    const versions = [...this.#tape.history.versions.values()];
    return {
      seed: this.#options.seed, failures: this.failures, schedule: this.#schedule, records: this.#records.length, bars: versions.length,
      revisions: versions.reduce((sum, list) => sum + list.length - 1, 0), gaps: this.#tape.gaps.size, lives: this.#lives, digest: this.#digest,
    };
  }
}

export const FAULT_KINDS: readonly string[] = KINDS.map((kind) => kind.name);
