// Both halves of the bridge under one virtual clock and one seed: capture → feed → journals on a forgetful disk → server → network →
// client → cache that keeps whole transactions, with faults drawn from the seed and every word checked as it is said.
// Fault bounds are at the top of weather.testkit.ts and network.testkit.ts. A run is a function of (seed, options) and of nothing else.
import { settle, VirtualClock } from "../../net/virtual-clock.ts";
import { SimDisk } from "../../rawlog/sim-disk.ts";
import { SeededRandom } from "../../sim/random.ts";
import { streamName, type StreamKey } from "../model.ts";
import { historyOf } from "../server/history.ts";
import type { BridgeCodec } from "../wire/codec-types.ts";
import { flatBuffersCodec } from "../wire/codec.ts";
import { Capture, drawStreams, START_MS } from "./capture.testkit.ts";
import { ClientLife } from "./client-life.testkit.ts";
import { DurableCache } from "./durable-cache.testkit.ts";
import { Life } from "./life.testkit.ts";
import { FAIR, flipBit, SimulatedNetwork, spoilHeader } from "./network.testkit.ts";
import { FoldedState, Oracle } from "./oracle.testkit.ts";
import { ServerLife } from "./server-life.testkit.ts";
import { lyingDisk, wrapCodec, wrapListener, type Sabotage } from "./sabotage.testkit.ts";
import { TokenCodec } from "./token-codec.testkit.ts";
import { drawTuning, type SessionTuning } from "./tuning.testkit.ts";
import { describeFault, drawFaults, endOf, KINDS, type BridgeFault, type ScheduledFault } from "./weather.testkit.ts";

const JOURNALS = "/data/bridge";
const SAMPLE_EVERY_MS = 250;
/** Once the faults are over: all are live and whole again within this. Backoff, timeouts and paced backfill included. */
const QUIET_MS_MAX = 240_000;
/** And stay so. */
const STAYS_MS = 4_000;
const CLOSE_MS_MAX = 20_000;
const TRACE_LINES = 80;

export interface BridgeSimulationOptions {
  readonly seed: number;
  /** In all histories and streams together. */
  readonly entries: number;
  /** Kinds of faults that may occur; [] = none; undefined = drawn from the seed. */
  readonly kinds?: readonly string[];
  /** `token` costs nothing, `wire` is the real one. Default: the real one for one seed in ten. */
  readonly codec?: "token" | "wire";
  /** A planted bug, for the canary. */
  readonly sabotage?: Sabotage;
}

export interface BridgeSimulationReport {
  readonly seed: number;
  /** Empty = everything held. */
  readonly failures: readonly string[];
  readonly trace: readonly string[];
  readonly codec: string;
  readonly kinds: string;
  readonly streams: number;
  readonly entries: number;
  /** Entries told to listeners, over all lives. */
  readonly told: number;
  readonly clients: number;
  readonly serverLives: number;
  readonly clientLives: number;
  readonly histories: number;
  readonly resets: number;
  readonly holes: number;
  readonly frames: string;
  readonly virtualMs: number;
  readonly repeat: string;
}

/** The command that repeats a run. */
export function repeatCommand(seed: number, entries: number): string {
  return `npm run bridge-seeds -- --seeds 1 --from ${seed} --entries ${entries}`;
}

export const FAULT_KINDS: readonly string[] = KINDS.map((kind) => kind.name);

export async function simulateBridge(options: BridgeSimulationOptions): Promise<BridgeSimulationReport> {
  const session = new Session(options);
  const onRejection = (reason: unknown): void => session.fail(`a promise was rejected and nobody listened: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`);
  process.on("unhandledRejection", onRejection);
  try {
    await session.run();
    await settle();
  } catch (error) {
    session.fail(`crashed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  } finally {
    process.removeListener("unhandledRejection", onRejection);
  }
  return session.report();
}

interface Seat {
  readonly name: string;
  readonly cache: DurableCache;
  readonly watched: Set<StreamKey>;
  current: ClientLife | undefined;
  lives: number;
  told: number;
  resets: number;
  holes: number;
}

class Session {
  readonly failures: string[] = [];
  readonly trace: string[] = [];
  readonly #options: BridgeSimulationOptions;
  readonly #random: SeededRandom;
  readonly #clock = new VirtualClock(START_MS);
  readonly #tuning: SessionTuning;
  readonly #streams: readonly StreamKey[];
  readonly #captures: readonly Capture[];
  readonly #oracle = new Oracle();
  readonly #disk: SimDisk;
  readonly #codec: BridgeCodec;
  readonly #network: SimulatedNetwork;
  readonly #schedule: readonly ScheduledFault[];
  readonly #seats: readonly Seat[];
  /** Highest sequence that was ever published, by history and stream. */
  readonly #published = new Map<string, number>();
  #capture: Capture;
  #server: ServerLife | undefined;
  #serverLife: Life | undefined;
  #serverLives = 0;
  #isServerBusy = false;
  #isOver = false;

  constructor(options: BridgeSimulationOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed).fork("bridge");
    const random = this.#random;
    this.#tuning = drawTuning(random.fork("tuning"), options.codec);
    const { activeMs, clients, streams, codec } = this.#tuning;
    this.#streams = drawStreams(random.fork("streams"), streams);
    this.#schedule = drawFaults(random.fork("faults"), { clients, streams, untilMs: activeMs, only: options.kinds });
    this.#captures = this.#drawCaptures();
    this.#capture = this.#captures[0] as Capture;
    this.#disk = new SimDisk(random.fork("disk"));
    this.#codec = wrapCodec(codec === "wire" ? flatBuffersCodec : new TokenCodec(), (publication) => this.#notePublished(publication));
    this.#network = new SimulatedNetwork({ clock: this.#clock, random: random.fork("network"), corrupt: codec === "wire" ? spoilHeader : flipBit, tellsRefusal: random.chance(0.7), note: (line) => this.note(line) });
    this.#seats = Array.from({ length: clients }, (_, index) => this.#seat(index));
  }

  #drawCaptures(): readonly Capture[] {
    const { activeMs, mode } = this.#tuning;
    const hasOther = this.#schedule.some(({ fault }) => "then" in fault && fault.then === "other");
    const count = hasOther ? 2 : 1;
    return Array.from({ length: count }, (_, index) => {
      const history = historyOf({ mode, lineage: `capture ${index}`, configDigest: "c".repeat(64), canonicalizerVersion: "1", runId: mode === "replay" ? "run" : "" });
      return new Capture(this.#random.fork(`capture ${index}`), {
        label: String.fromCharCode(65 + index), streams: this.#streams, entries: Math.ceil(this.#options.entries / count), fromMs: this.#tuning.headStartMs, untilMs: activeMs, history,
      });
    });
  }

  #seat(index: number): Seat {
    const random = this.#random.fork(`seat ${index}`);
    const watched = this.#streams.filter(() => random.chance(0.8));
    return {
      name: `client ${index}`, cache: new DurableCache({ oracle: this.#oracle, random: random.fork("cache"), sabotage: this.#options.sabotage === "cursor-before-entries" ? "cursor-before-entries" : undefined }),
      watched: new Set(watched.length > 0 ? watched : this.#streams), current: undefined, lives: 0, told: 0, resets: 0, holes: 0,
    };
  }

  note(line: string): void {
    this.trace.push(`${(this.#clock.monotonicMs() / 1_000).toFixed(3)} s ${line}`);
    if (this.trace.length > TRACE_LINES) this.trace.shift();
  }

  fail(line: string): void {
    if (this.failures.length < 12) this.failures.push(`${(this.#clock.monotonicMs() / 1_000).toFixed(3)} s: ${line}`);
    this.note(`FAILED ${line}`);
  }

  async run(): Promise<void> {
    this.#startServer();
    for (const seat of this.#seats) this.#clock.after(this.#random.below(1_000), () => this.#startClient(seat));
    for (const { atMs, fault } of this.#schedule) this.#clock.after(atMs, () => this.#inject(fault));
    const overMs = Math.max(this.#tuning.activeMs, ...this.#schedule.map(endOf));
    while (this.#clock.monotonicMs() < overMs) await this.#sample();
    this.#disk.faults.syncsBeforeError = this.#disk.faults.syncsBeforeError < 0 ? -1 : Infinity;
    this.#serverLife?.killAfterSteps(Infinity);
    this.#death = undefined;
    this.note("the faults are over");
    await this.#converge();
    await this.#finish();
  }

  async #sample(): Promise<void> {
    await this.#clock.advance(SAMPLE_EVERY_MS);
    this.#server?.noteFirsts();
    for (const seat of this.#seats) {
      seat.cache.check("while running");
      seat.current?.checkUnwritten();
    }
  }

  // ── the server's lives ─────────────────────────────────────────────────────

  #startServer(): void {
    this.#serverLives += 1;
    const number = this.#serverLives;
    const life = new Life({ name: `server ${number}`, clock: this.#clock, onKilled: () => this.#onServerKilled() });
    this.#serverLife = life;
    this.note(`server ${number} starts with ${this.#capture.history.lineage}`);
    const { sabotage } = this.#options;
    ServerLife.start({
      life, disk: sabotage === "publish-before-sync" ? lyingDisk(this.#disk) : this.#disk, folder: JOURNALS, capture: this.#capture, network: this.#network, codec: this.#codec,
      clock: this.#clock, random: this.#random.fork(`server ${number}`), oracle: this.#oracle, tuning: this.#tuning.server,
      onProblem: (problem) => {
        this.note(`server ${number}: ${problem.code}: ${problem.message}`);
        // Found while serving: it is put right where journals are opened, so whoever runs the server starts it again.
        if (problem.code === "bridge.journal-damaged" && this.#server !== undefined) this.#clock.after(500, () => void this.#restartServer(100, "same"));
      },
      onFailed: (reason) => {
        this.note(`server ${number}: ${reason}`);
        if (this.#disk.faults.syncsBeforeError >= 0) return this.fail(`server ${number}: ${reason}`);
        this.#death ??= { power: false, downMs: 500, then: "same" };
        life.kill();
      },
    }).then(
      (server) => {
        if (!life.isAlive) return;
        this.#server = server;
        this.#checkDurable(server);
      },
      (error: unknown) => {
        if (this.#disk.faults.syncsBeforeError >= 0) return this.fail(`server ${number} did not start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
        this.note(`server ${number} did not start: ${String(error)}`);
        this.#death ??= { power: false, downMs: 500, then: "same" };
        life.kill();
      },
    );
  }

  /** What was published is there, whatever happened since. */
  #checkDurable(server: ServerLife): void {
    for (const name of this.#streams.map(streamName)) {
      const published = this.#published.get(`${server.historyId} ${name}`) ?? 0;
      const latest = server.latestSequence(name);
      if (latest < published) this.fail(`durability: ${name} was published up to ${published}, and the journal ends at ${latest} after a restart`);
    }
  }

  #notePublished(publication: Parameters<BridgeCodec["encodePublication"]>[0]): void {
    if (publication.type !== "batch") return;
    const key = `${publication.historyId} ${streamName(publication.key)}`;
    this.#published.set(key, Math.max(this.#published.get(key) ?? 0, publication.entries.at(-1)?.sequence ?? 0));
  }

  #death: { power: boolean; downMs: number; then: "same" | "other" | "damaged" } | undefined;

  #killServer(fault: BridgeFault & { name: "kill-server" }): void {
    const life = this.#serverLife;
    if (life?.isAlive !== true || this.#isServerBusy || this.#death !== undefined) return;
    this.#death = fault;
    if (fault.afterSteps === undefined) life.kill();
    else life.killAfterSteps(fault.afterSteps);
  }

  #onServerKilled(): void {
    const death = this.#death;
    if (death === undefined) return;
    this.#death = undefined;
    this.#server?.noteFirsts();
    this.#server = undefined;
    this.#serverLife = undefined;
    if (death.power) this.#disk.crash();
    else this.#disk.kill();
    this.#network.loseServer(death.power);
    this.note(`server ${this.#serverLives} is dead`);
    this.#clock.after(death.downMs, () => void this.#reviveServer(death.then));
  }

  async #reviveServer(then: "same" | "other" | "damaged"): Promise<void> {
    // What the dead process had in hand runs into the dead disk first.
    await settle();
    this.#disk.restart();
    this.#disk.faults.syncsBeforeError = Infinity;
    if (then === "damaged") this.#damage();
    if (then === "other") this.#switchCapture();
    this.#startServer();
  }

  #switchCapture(): void {
    this.#capture = this.#captures[(this.#captures.indexOf(this.#capture) + 1) % this.#captures.length] as Capture;
  }

  /** Flips a bit of a file of the journals, wherever it is: the past may end there, and then begins anew under another name. */
  #damage(): void {
    const files = [...this.#disk.snapshot()].filter(([path, bytes]) => path.startsWith(JOURNALS) && bytes.length > 0);
    if (files.length === 0) return;
    const [path, bytes] = this.#random.pick(files);
    const offset = this.#random.below(bytes.length);
    this.#disk.flip(path, offset, 1 << this.#random.below(8));
    this.note(`a bit of ${path} at ${offset} of ${bytes.length} flips`);
    // A damaged tail is a torn one: what it held comes again from the feed, with the same numbers.
    this.#published.clear();
  }

  async #restartServer(downMs: number, then: "same" | "other"): Promise<void> {
    const server = this.#server;
    if (server === undefined || this.#isServerBusy || this.#death !== undefined) return;
    this.#isServerBusy = true;
    await this.#within(server.close(), "the server did not close");
    server.noteFirsts();
    if (server.life.pending > 0) this.fail(`the server left ${server.life.pending} timers behind`);
    this.#server = undefined;
    this.#serverLife = undefined;
    this.#clock.after(downMs, () => {
      this.#isServerBusy = false;
      this.#disk.faults.syncsBeforeError = Infinity;
      if (then === "other") this.#switchCapture();
      this.#startServer();
    });
  }

  /** Told of a promise that takes longer than it may, by the virtual clock. */
  async #within(promise: Promise<void>, complaint: string): Promise<void> {
    let isOver = false;
    const cancel = this.#clock.after(CLOSE_MS_MAX, () => { if (!isOver) this.fail(`${complaint} within ${CLOSE_MS_MAX} ms`); });
    await promise;
    isOver = true;
    cancel();
  }

  // ── the clients' lives ─────────────────────────────────────────────────────

  #startClient(seat: Seat): void {
    if (seat.current !== undefined || this.#isOver) return;
    seat.lives += 1;
    const name = `${seat.name} (life ${seat.lives})`;
    const life = new Life({ name, clock: this.#clock, onKilled: () => this.note(`${name} is dead`) });
    this.note(`${name} starts`);
    seat.cache.check("at a start");
    const { client, sabotage } = { client: this.#tuning.client, sabotage: this.#options.sabotage };
    seat.current = new ClientLife({
      name: seat.name, life, oracle: this.#oracle, cache: seat.cache, isSlow: client.isSlow, network: this.#network, codec: this.#codec, clock: this.#clock,
      random: this.#random.fork(name), watched: [...seat.watched], timing: client.timing, noteFirsts: () => this.#server?.noteFirsts(),
      note: (line) => this.note(line), fail: (line) => this.fail(`${name}: ${line}`), wrap: (listener) => wrapListener(listener, sabotage),
    });
  }

  #leaveSeat(seat: Seat): void {
    const { witness } = seat.current ?? {};
    if (witness !== undefined) {
      seat.told += witness.entries;
      seat.resets += witness.resets;
      seat.holes += witness.holes;
    }
    seat.current = undefined;
  }

  #killClient(fault: BridgeFault & { name: "kill-client" }): void {
    const seat = this.#seats[fault.client];
    const life = seat?.current?.life;
    if (seat === undefined || life?.isAlive !== true) return;
    if (fault.afterSteps === undefined) life.kill();
    else life.killAfterSteps(fault.afterSteps);
    const buried = (): void => {
      if (seat.current?.life !== life) return;
      // Nothing may have happened for so long that it still lives: then it dies now.
      life.kill();
      this.#network.loseClient(seat.name, fault.quiet);
      this.#leaveSeat(seat);
      seat.cache.check("after a kill");
      this.#startClient(seat);
    };
    this.#clock.after(fault.downMs, buried);
  }

  async #restartClient(seat: Seat, downMs: number): Promise<void> {
    const { current } = seat;
    if (current?.life.isAlive !== true) return;
    await this.#closeClient(seat, current);
    if (seat.current === current) this.#leaveSeat(seat);
    this.#clock.after(downMs, () => this.#startClient(seat));
  }

  async #closeClient(seat: Seat, current: ClientLife): Promise<void> {
    let isOver = false;
    const wasFailing = seat.cache.isFailing;
    const closing = current.close().then(() => { isOver = true; });
    await Promise.race([this.#within(closing, `${seat.name} did not close`), until(() => !current.life.isAlive, this.#clock)]);
    if (!isOver) return; // Killed while it closed.
    if (current.life.pending > 0) this.fail(`${seat.name} left ${current.life.pending} timers behind`);
    const corrupted = this.#network.corruptedOf(seat.name);
    if (current.client.status.malformed < corrupted) this.fail(`${seat.name} was given ${corrupted} spoilt frames and counted ${current.client.status.malformed}`);
    const cached = new Map(seat.cache.streams().map((stream) => [streamName(stream.key), stream.appliedSequence]));
    for (const key of seat.watched) {
      const { position } = current.witness.shown(streamName(key));
      const written = cached.get(streamName(key)) ?? 0;
      if (written !== position && !wasFailing) this.fail(`${seat.name} closed with ${streamName(key)} told up to ${position} and written up to ${written}`);
    }
  }

  // ── faults ─────────────────────────────────────────────────────────────────

  #inject(fault: BridgeFault): void {
    this.note(describeFault(fault));
    switch (fault.name) {
      case "weather":
        return this.#change(fault.client, fault.forMs, (weather) => {
          weather[fault.what] = fault.value;
          return () => { weather[fault.what] = FAIR[fault.what]; };
        });
      case "full":
        return this.#change(fault.client, fault.forMs, (weather) => {
          weather.isFull = true;
          return () => { weather.isFull = false; };
        });
      case "cut":
        for (const seat of this.#seatsOf(fault.client)) this.#network.cut(seat.name);
        return this.#change(fault.client, fault.forMs, (weather) => () => { weather.isCut = false; });
      case "half-open":
        for (const seat of this.#seatsOf(fault.client)) this.#network.silence(seat.name, fault.sockets);
        return;
      case "kill-server":
        return this.#killServer(fault);
      case "restart-server":
        return void this.#restartServer(fault.downMs, fault.then);
      case "kill-client":
        return this.#killClient(fault);
      case "restart-client":
        return void this.#seatsOf(fault.client).forEach((seat) => void this.#restartClient(seat, fault.downMs));
      case "clock-step":
        return this.#clock.stepWall(fault.ms);
      case "cache-fails":
        for (const { cache } of this.#seatsOf(fault.client)) {
          cache.isFailing = true;
          this.#clock.after(fault.forMs, () => { cache.isFailing = false; });
        }
        return;
      case "disk-fails":
        if (this.#server !== undefined) this.#disk.faults.syncsBeforeError = fault.afterSyncs;
        return;
      default:
        return this.#person(fault);
    }
  }

  #person(fault: BridgeFault & { name: "resync" | "look-away" }): void {
    const seat = this.#seats[fault.client];
    const key = this.#streams[fault.stream];
    const current = seat?.current;
    if (current?.life.isAlive !== true || key === undefined || seat?.watched.has(key) !== true) return;
    if (fault.name === "resync") return current.client.resync(key, "a person asked for it");
    current.client.unwatch(key);
    this.#clock.after(fault.forMs, () => {
      if (seat.current === current && current.life.isAlive) current.client.watch(key);
    });
  }

  #seatsOf(client: number | undefined): readonly Seat[] {
    return this.#seats.filter((_, index) => client === undefined || index === client);
  }

  #change(client: number | undefined, forMs: number, apply: (weather: ReturnType<SimulatedNetwork["weather"]>) => () => void): void {
    for (const seat of this.#seatsOf(client)) this.#clock.after(forMs, apply(this.#network.weather(seat.name)));
  }

  // ── at the end ─────────────────────────────────────────────────────────────

  #lacking(): string | undefined {
    const server = this.#server;
    if (server === undefined) return "the server is not there";
    for (const key of this.#streams) {
      const name = streamName(key);
      const length = this.#capture.entriesOf(name).length;
      if (server.latestSequence(name) !== length) return `the server holds ${server.latestSequence(name)} of ${length} entries of ${name}`;
      for (const seat of this.#seats) {
        if (!seat.watched.has(key)) continue;
        if (!this.#network.isJoined(seat.name)) return `${seat.name} is not connected, or has not noticed that it is not`;
        if (seat.current === undefined) return `${seat.name} is not there`;
        const status = seat.current.client.status.streams.find((stream) => streamName(stream.key) === name);
        const cached = seat.cache.streams().find((stream) => streamName(stream.key) === name);
        const { position } = seat.current.witness.shown(name);
        if (position !== length || (length > 0 && cached?.appliedSequence !== length) || status?.phase !== "live") {
          return `${seat.name} has ${name} told up to ${position}, written up to ${String(cached?.appliedSequence)} of ${length}, and calls it ${status?.phase ?? "unwatched"} (${status?.detail ?? ""})`;
        }
      }
    }
    return undefined;
  }

  async #converge(): Promise<void> {
    const untilMs = this.#clock.monotonicMs() + QUIET_MS_MAX;
    let lacking = this.#lacking();
    while (lacking !== undefined && this.#clock.monotonicMs() < untilMs) {
      await this.#sample();
      lacking = this.#lacking();
    }
    if (lacking !== undefined) return this.fail(`liveness: ${QUIET_MS_MAX / 1_000} s after the last fault, ${lacking}`);
    this.note("all are live and whole");
    for (let ms = 0; ms < STAYS_MS; ms += SAMPLE_EVERY_MS) await this.#sample();
    lacking = this.#lacking();
    if (lacking !== undefined) this.fail(`liveness: all were whole, and then, without a fault, ${lacking}`);
  }

  async #finish(): Promise<void> {
    this.#isOver = true;
    let isOver = false;
    const finishing = this.#closeAll().finally(() => { isOver = true; });
    const untilMs = this.#clock.monotonicMs() + 3 * CLOSE_MS_MAX;
    while (!isOver && this.#clock.monotonicMs() < untilMs) await this.#clock.advance(20);
    if (!isOver) this.fail("the session did not end");
    else await finishing;
    for (const seat of this.#seats) {
      seat.cache.check("at the end");
      for (const failure of seat.cache.failures) this.fail(`${seat.name}: ${failure}`);
    }
  }

  async #closeAll(): Promise<void> {
    for (const seat of this.#seats) {
      const { current } = seat;
      if (current?.life.isAlive !== true) continue;
      const historyId = this.#server?.historyId;
      await this.#closeClient(seat, current);
      if (historyId !== undefined && this.failures.length === 0) this.#compare(seat, current, historyId);
      this.#leaveSeat(seat);
    }
    const server = this.#server;
    if (server === undefined) return;
    await this.#within(server.close(), "the server did not close");
    if (server.life.pending > 0) this.fail(`the server left ${server.life.pending} timers behind`);
  }

  /** The client's state is the server's, but for what lies under announced holes. */
  #compare(seat: Seat, current: ClientLife, historyId: string): void {
    for (const key of seat.watched) {
      const name = streamName(key);
      const cached = seat.cache.streams().find((stream) => streamName(stream.key) === name);
      const holes = cached?.holes ?? [];
      if (cached !== undefined && cached.history.historyId !== historyId) this.fail(`${seat.name}: ${name} is held under ${cached.history.historyId}, served is ${historyId}`);
      const truth = new FoldedState();
      this.#capture.entriesOf(name).forEach((entry, index) => {
        if (!holes.some((hole) => hole.fromSequence <= index + 1 && index + 1 <= hole.toSequence)) truth.apply(entry);
      });
      const written = seat.cache.folded(name).difference(truth);
      if (written !== undefined) this.fail(`${seat.name}: ${name} in the cache is not the server's: ${written}`);
      const shown = current.witness.shown(name).state.difference(truth);
      if (shown !== undefined) this.fail(`${seat.name}: ${name} as told is not the server's: ${shown}`);
    }
  }

  report(): BridgeSimulationReport {
    const sum = (pick: (seat: Seat) => number): number => this.#seats.reduce((total, seat) => total + pick(seat), 0);
    const { counts } = this.#network;
    return {
      seed: this.#options.seed, failures: this.failures, trace: this.trace, codec: this.#tuning.codec,
      kinds: [...new Set(this.#schedule.map(({ fault }) => (fault.name === "weather" ? fault.what : fault.name)))].join(" ") || "none",
      streams: this.#streams.length, entries: this.#captures.reduce((total, capture) => total + capture.length, 0), told: sum((seat) => seat.told), clients: this.#seats.length,
      serverLives: this.#serverLives, clientLives: sum((seat) => seat.lives), histories: this.#oracle.histories.length, resets: sum((seat) => seat.resets), holes: sum((seat) => seat.holes),
      frames: `${counts.delivered} delivered, ${counts.lost} lost, ${counts.doubled} doubled, ${counts.corrupted} corrupted`, virtualMs: Math.round(this.#clock.monotonicMs()),
      repeat: repeatCommand(this.#options.seed, this.#options.entries),
    };
  }
}

/** Polls by the virtual clock: for the rare moments in which one thing must not outlive another. */
function until(condition: () => boolean, clock: VirtualClock): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (condition()) resolve();
      else if (clock.monotonicMs() < 10_000_000) clock.after(50, look);
    };
    look();
  });
}
