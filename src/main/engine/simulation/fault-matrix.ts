// One fault at a time, at one venue, under a virtual clock: how it shows in the log, what repairs it, and what is lost in the end.
// A row is a function of (fault, venue, seed). docs/faults.md is made of them.
import type { CaptureConfig, ControlRecord } from "../../../shared/control.ts";
import { decodeControl } from "../../../shared/control.ts";
import type { GapEntry } from "../../../shared/candles.ts";
import type { FaultInfo } from "../../../shared/faults.ts";
import { CONTROL_STREAM, type RawRecord } from "../../../shared/raw.ts";
import { msFromNs } from "../../../shared/time.ts";
import { FaultyDisk } from "../../faults/faulty-disk.ts";
import { isClockFault, LOCAL_FAULTS, localFault, type LocalFault } from "../../faults/local-faults.ts";
import { VirtualClock } from "../../net/virtual-clock.ts";
import { openReader } from "../../rawlog/reader.ts";
import { SimDisk } from "../../rawlog/sim-disk.ts";
import type { SimulatedVenueId } from "../../sim/dialects.ts";
import { FAULT_MENU, faultFromMenu } from "../../sim/faults.ts";
import { MemoryNetwork } from "../../sim/memory-transport.ts";
import { SeededRandom } from "../../sim/random.ts";
import { SimulatedVenue } from "../../sim/venue.ts";
import { adapterFor, decoderLookup } from "../../venues/registry.ts";
import { LiveTape } from "./live-tape.ts";
import { RecorderProcess } from "./recorder-process.ts";

export const MATRIX_VENUES = ["binance-usdm", "bybit-linear", "okx-swap"] as const satisfies readonly SimulatedVenueId[];
export const MATRIX_FAULTS: readonly FaultInfo[] = [...FAULT_MENU, ...LOCAL_FAULTS];

export interface MatrixRow {
  readonly fault: string;
  readonly venue: string;
  /** What the log said first, and how long after the fault (ms); undefined: the fault leaves no trace, because nothing was wrong with what came. */
  readonly detected: { readonly what: string; readonly afterMs: number } | undefined;
  /** Entries of the gap ledger by cause and last state: `disconnect repaired`. */
  readonly ledger: readonly string[];
  /** What was merely counted: doubles left out, frames that nobody asked for, bars that got a later version, commits that took long. */
  readonly counted: readonly string[];
  /** From the fault until the last gap was settled, ms; undefined: there was none. */
  readonly settledMs: number | undefined;
  /** The recording stopped, and was started again. */
  readonly restarted: boolean;
  /** Trades of the market that are nowhere in the log, and how many of them no entry of the ledger covers. */
  readonly lost: number;
  readonly unexplained: number;
  /** Every stream was live again at the end. */
  readonly live: boolean;
}

/** 40 s into a minute: the fault strikes in the first one that is recorded whole. */
const START_MS = 1_767_225_640_000;
const FOLDER = "/data/captures/matrix";
const SYMBOL = "BTCUSDT";
const OTHER = "ETHUSDT";
const CALM_MS = 35_000;
/** Silence, bans of two minutes and four attempts of a backfill fit into it. */
const AFTER_MS = 260_000;
const RESTART_AFTER_MS = 5_000;
const STEP_MS = 500;
/** Commits of a simulated recorder are 40 ms apart, and with a quiet market up to 410. */
const COMMIT_SLOW_MS = 450;

/** Faults that need another one to show: a connection must be made anew for it to strike. */
const WITH: Readonly<Record<string, string>> = { "stall-after-ack": "disconnect", "refuse-connections": "disconnect", "retired-endpoint": "disconnect", "rest-429": "drop", "rest-418": "drop", "rest-403": "drop", "rest-5xx": "drop", "rest-empty": "drop", "rest-hang": "drop" };

export async function faultRow(fault: string, venueId: SimulatedVenueId, seed: number): Promise<MatrixRow> {
  const session = new MatrixSession(fault, venueId, seed);
  await session.run();
  return session.row();
}

class MatrixSession {
  readonly #fault: string;
  readonly #venueId: SimulatedVenueId;
  readonly #random: SeededRandom;
  readonly #clock = new VirtualClock(START_MS);
  readonly #disk: SimDisk;
  readonly #venue: SimulatedVenue;
  readonly #network: MemoryNetwork;
  readonly #config: CaptureConfig;
  readonly #made = new Map<string, { readonly id: number; readonly timeMs: number }[]>();
  #faulty: FaultyDisk;
  #process: RecorderProcess | undefined;
  #lives = 0;
  #injectedMs = 0;
  #isLive = false;
  #duplicates = 0;
  #slowestCommitMs = 0;
  #records: RawRecord[] = [];
  readonly #tape = new LiveTape();

  constructor(fault: string, venueId: SimulatedVenueId, seed: number) {
    this.#fault = fault;
    this.#venueId = venueId;
    this.#random = new SeededRandom(seed).fork(`${fault} ${venueId}`);
    this.#disk = new SimDisk(this.#random.fork("disk"));
    this.#faulty = new FaultyDisk(this.#disk, this.#clock);
    const silent = (): void => undefined;
    this.#venue = new SimulatedVenue({
      seed, venue: venueId, startMs: START_MS, symbols: [SYMBOL, OTHER], messagesPerSecond: 60, warmMs: 60_000, historyTrades: 65_536,
      observer: {
        trade: (trade) => {
          if (!trade.isMarket) return;
          const { symbol } = trade.spec;
          const made = this.#made.get(symbol) ?? [];
          made.push({ id: trade.id, timeMs: trade.timeMs });
          this.#made.set(symbol, made);
        },
        aggTrade: silent, book: silent, mark: silent,
      },
    });
    // What was made before the start nobody could hear.
    this.#made.clear();
    this.#network = new MemoryNetwork({ venue: this.#venue, clock: this.#clock, timers: this.#clock, random: this.#random.fork("line"), tickMs: 50 });
    const adapter = adapterFor(venueId);
    const channels = [...(adapter?.defaultChannels ?? [])];
    const fold = adapter?.foldChannel ?? "trade";
    this.#config = {
      format: 1, lateness_ms: 3_000, intervals: ["1s", "1m"], folds: { [`${venueId}:${SYMBOL}`]: fold, [`${venueId}:${OTHER}`]: fold },
      symbols: [SYMBOL, OTHER].map((symbol) => ({ venue: venueId, symbol, channels })),
    };
  }

  async run(): Promise<void> {
    this.#network.start();
    await this.#start();
    await this.#clock.advance(CALM_MS);
    this.#injectedMs = START_MS + this.#clock.monotonicMs();
    this.#inject();
    let haltedMs: number | undefined;
    for (let ms = 0; ms < AFTER_MS; ms += STEP_MS) {
      await this.#clock.advance(STEP_MS);
      await this.#follow();
      if (this.#process?.halted === undefined) continue;
      haltedMs ??= this.#clock.monotonicMs();
      if (this.#clock.monotonicMs() - haltedMs < RESTART_AFTER_MS) continue;
      haltedMs = undefined;
      await this.#restart();
    }
    const status = this.#process?.collector?.status();
    this.#duplicates = status?.streams.reduce((sum, { duplicates }) => sum + duplicates, 0) ?? 0;
    this.#isLive = status !== undefined && status.streams.every(({ state }) => state === "live");
    await this.#stop();
    await this.#read();
  }

  async #start(): Promise<void> {
    this.#lives += 1;
    this.#process = await RecorderProcess.start({
      disk: this.#faulty, folder: FOLDER, captureId: "matrix", clock: this.#clock, timers: this.#clock, network: this.#network, random: this.#random.fork(`life ${this.#lives}`),
      config: this.#config, life: this.#lives, onAppended: () => undefined, onPositions: ({ durable }) => { this.#watchCommits(durable); },
    });
  }

  #durable = { seq: 0, atMs: 0 };
  /** With sixty messages a second something always waits, so the time between two advances is a commit's. */
  #watchCommits(seq: number): void {
    if (seq <= this.#durable.seq) return;
    const nowMs = this.#clock.monotonicMs();
    if (this.#durable.seq > 0) this.#slowestCommitMs = Math.max(this.#slowestCommitMs, nowMs - this.#durable.atMs);
    this.#durable = { seq, atMs: nowMs };
  }

  /** As the engine does: what is durable is derived, and the collector is told of gaps that only this shows. */
  async #follow(): Promise<void> {
    if (this.#durable.seq <= this.#tape.position) return;
    const reader = await openReader({ disk: this.#disk, folder: FOLDER });
    try {
      await this.#tape.follow(reader, Math.min(this.#durable.seq, await reader.refresh()));
    } finally {
      await reader.close();
    }
    const ranges = this.#tape.takeUnseen();
    if (ranges.length > 0) this.#process?.collector?.backfill(ranges);
  }

  /** As a person does: the disk is mended, and the recording started again. */
  async #restart(): Promise<void> {
    this.#process?.kill();
    this.#faulty = new FaultyDisk(this.#disk, this.#clock);
    await this.#start();
  }

  #inject(): void {
    const preset = MATRIX_FAULTS.find(({ name }) => name === this.#fault)?.preset;
    const local = localFault(this.#fault, preset);
    if (local !== undefined) {
      this.#injectLocal(local);
      return;
    }
    const also = WITH[this.#fault];
    const own = faultFromMenu(this.#fault);
    this.#venue.inject("channel" in own || own.name === "late-print" ? { ...own, symbol: SYMBOL } : own);
    if (also === undefined) return;
    const other = faultFromMenu(also);
    this.#venue.inject("channel" in other ? { ...other, symbol: SYMBOL } : other);
  }

  #injectLocal(wrong: LocalFault): void {
    if (!isClockFault(wrong)) this.#faulty.apply(wrong);
    else if (wrong.name === "clock-step") this.#clock.stepWall(wrong.ms);
    else this.#process?.sleep(wrong.ms);
  }

  async #stop(): Promise<void> {
    let isOver = false;
    const stopping = (this.#process?.stop() ?? Promise.resolve()).finally(() => { isOver = true; });
    for (let turn = 0; turn < 400 && !isOver; turn += 1) await this.#clock.advance(50);
    await stopping;
    this.#network.stop();
  }

  async #read(): Promise<void> {
    const reader = await openReader({ disk: this.#disk, folder: FOLDER });
    for await (const batch of reader.batches({})) this.#records.push(...batch);
    await this.#tape.follow(reader, Number.MAX_SAFE_INTEGER);
    await reader.close();
  }

  // ── what it says ───────────────────────────────────────────────────────────

  row(): MatrixRow {
    const gaps = [...this.#tape.gaps.values()].filter((gap) => !gap.detail.endsWith("; the input ended") || gap.fromMs < this.#injectedMs + AFTER_MS - 10_000);
    const { lost, unexplained } = this.#losses(gaps);
    return {
      fault: this.#fault, venue: this.#venueId, detected: this.#detected(gaps), counted: this.#counted(), ledger: [...new Set(gaps.map(({ cause, state }) => `${cause} ${state}`))].sort(),
      settledMs: this.#settledMs(gaps), restarted: this.#lives > 1, lost, unexplained, live: this.#isLive,
    };
  }

  #atMs(seq: number): number {
    const record = this.#records.find((candidate) => candidate.seq >= seq);
    return record === undefined ? Number.POSITIVE_INFINITY : msFromNs(record.recvNs);
  }

  #detected(gaps: readonly GapEntry[]): MatrixRow["detected"] {
    const found: { what: string; afterMs: number }[] = [];
    for (const record of this.#records) {
      if (record.stream.streamId !== CONTROL_STREAM.streamId || msFromNs(record.recvNs) < this.#injectedMs) continue;
      const control = decodeControl(record.payload);
      const what = control.ok ? trouble(control.value) : undefined;
      if (what !== undefined) found.push({ what, afterMs: Math.round(msFromNs(record.recvNs) - this.#injectedMs) });
    }
    for (const gap of gaps) found.push({ what: `ledger: ${gap.cause}`, afterMs: Math.round(this.#atMs(gap.atSeq) - this.#injectedMs) });
    return found.sort((a, b) => a.afterMs - b.afterMs)[0];
  }

  #counted(): readonly string[] {
    const asked = new Set(this.#config.symbols.flatMap(({ venue, symbol, channels }) => channels.map((channel) => `${venue}:${symbol}:${channel}`)));
    const isUnasked = ({ stream, source }: RawRecord): boolean => source === "ws" && stream.symbol !== "_" && !asked.has(stream.streamId);
    const unrouted = this.#records.filter((record) => isUnrouted(record) || isUnasked(record)).length;
    const revisions = [...this.#tape.history.versions.values()].flat().filter(({ reason }) => reason === "late_data").length;
    return [
      ...(this.#duplicates > 0 ? [`${this.#duplicates} doubles left out`] : []),
      ...(unrouted > 0 ? [`${unrouted} frames that nobody asked for`] : []),
      ...(revisions > 0 ? [`${revisions} bars revised by late data`] : []),
      ...(this.#slowestCommitMs > COMMIT_SLOW_MS ? [`commits of ${Math.round(this.#slowestCommitMs)} ms`] : []),
    ];
  }

  #settledMs(gaps: readonly GapEntry[]): number | undefined {
    const settled = gaps.filter(({ state }) => state === "repaired" || state === "GAP_UNRESOLVED").map(({ atSeq }) => this.#atMs(atSeq) - this.#injectedMs);
    return settled.length === 0 ? undefined : Math.round(Math.max(...settled));
  }

  #losses(gaps: readonly GapEntry[]): { readonly lost: number; readonly unexplained: number } {
    let lost = 0;
    let unexplained = 0;
    for (const [symbol, made] of this.#made) {
      const streamId = `${this.#venueId}:${symbol}:${this.#config.folds[`${this.#venueId}:${symbol}`] ?? ""}`;
      const known = this.#known(streamId);
      const isKnown = ({ id }: { readonly id: number }): boolean => known.has(this.#venue.dialect.tradeId(symbol, id));
      const first = made.findIndex(isKnown);
      const last = made.findLastIndex(isKnown);
      const own = gaps.filter((gap) => gap.streamId === streamId && gap.state !== "repaired");
      for (const one of made.slice(Math.max(first, 0), last + 1)) {
        const { timeMs } = one;
        if (isKnown(one)) continue;
        lost += 1;
        if (!own.some((gap) => gap.fromMs <= timeMs && timeMs <= (gap.toMs ?? Number.POSITIVE_INFINITY))) unexplained += 1;
      }
    }
    return { lost, unexplained };
  }

  /** Ids of single trades that the log holds, from anywhere. */
  #known(streamId: string): ReadonlySet<string> {
    const ids = new Set<string>();
    for (const record of this.#records) {
      if (record.stream.streamId !== streamId) continue;
      const outcome = decoderLookup(record.stream)?.(record.payload, { stream: record.stream, source: record.source, recvNs: record.recvNs });
      if (outcome?.kind !== "events") continue;
      for (const event of outcome.events) {
        if (event.kind !== "trade") continue;
        if (event.firstTradeId === undefined || event.lastTradeId === undefined) ids.add(event.tradeId);
        else for (let id = event.firstTradeId; id <= event.lastTradeId; id += 1) ids.add(String(id));
        for (let id = event.sequenceFromId ?? Number.POSITIVE_INFINITY; id <= (event.sequenceId ?? -1); id += 1) ids.add(String(id));
      }
    }
    return ids;
  }
}

/** A frame of the socket that is neither a stream's nor an answer. */
function isUnrouted({ stream, source, payload, recvNs }: RawRecord): boolean {
  if (stream.channel !== "unclassified" || source !== "ws") return false;
  const outcome = decoderLookup(stream)?.(payload, { stream, source, recvNs });
  return outcome?.kind === "refused" || (outcome?.kind === "ignored" && outcome.why === "unhandled");
}

/** What a control record says is wrong; undefined: all is well. */
function trouble(control: ControlRecord): string | undefined {
  switch (control.kind) {
    case "disconnect":
      return control.cause === "stopped" || control.cause === "rotated" ? undefined : `disconnect: ${control.cause}`;
    case "stale":
      return `stale: ${control.cause}`;
    case "host_slept":
      return `clock: ${control.cause}`;
    case "recovered":
      return "recovery";
    case "started":
      return control.downtime_from_ns > 0n ? "downtime" : undefined;
    case "backfill_begun":
      return "backfill";
    default:
      return undefined;
  }
}
