// Owns an engine inside the page, on the scripted tape: the whole protocol, for development and component tests of the screen only.
import { fault } from "../../../shared/base.ts";
import { formatDecimal } from "../../../shared/decimal.ts";
import { commandSchemas, type CommandInput, type CommandName, type PlayerCommand } from "../../../shared/protocol/commands.ts";
import type {
  BarReport, CaptureSummary, CommandOutput, EngineClient, EngineFrame, JobStatus, PlayerMode, PlayerView, Quote, RecordingStatus, SourceStatus, StreamStatus,
} from "../../../shared/protocol/frames.ts";
import { encodeCursor } from "../../../shared/cursor.ts";
import { INTERVAL_MS } from "../../../shared/time.ts";
import { healthReport, previewOf, SCRIPTED_FAULTS } from "./health.ts";
import { foldBars, PRICE_SCALE, ScriptedTape, type ScriptedTrade, type Window } from "./market.ts";
import { scriptedQuery, scriptedTables } from "./query.ts";
import { ScriptedRemotes, type SavedRemote } from "./remotes.ts";
import { inspectBar, rawPage, recomputeBar } from "./reports.ts";
import { ScriptedSharing } from "./sharing.ts";

const TICK_MS = 100;
const CAPTURE_ID = "today-sim";

type Handlers = { readonly [N in CommandName]: (input: CommandInput<N>) => CommandOutput<N> };

const JOB_SUMMARIES: Readonly<Record<JobStatus["kind"], string>> = {
  import: "60,000 messages imported", verify: "MATCH: 60,000 events, 300 candles", export: "60,000 rows in 12 files; all read back and equal", compact: "60,000 rows in 5 files; log, spool and files agree", backfill: "212 trades filled in",
};

class ScriptedEngine implements EngineClient {
  readonly #tape = new ScriptedTape(Date.now());
  readonly #listeners = new Set<(frame: EngineFrame) => Promise<void>>();
  #frame = 0;
  #epoch = 0;
  #isPainting = false;
  #mode: PlayerMode = "following";
  #speed = 1;
  #played: number;
  #playMs = 0;
  #window: Window | undefined;
  #needsReset = false;
  #sentFromMs = 0;
  #jobs: readonly JobStatus[] = [];
  #proof: CaptureSummary["proof"];
  #isRecording = true;
  #recorded: readonly string[] = [];
  #diskLeft = 212e9;
  #healthMs = 0;
  readonly #startedMs = Date.now();
  readonly #pinned = new Set<string>();
  readonly #exported = new Map<string, number>();
  readonly #compacted = new Set<string>();
  #settings: Readonly<Record<string, unknown>> = JSON.parse(localStorage.getItem("tapedeck-scripted") ?? "{}") as Record<string, unknown>;
  readonly #remotes = new ScriptedRemotes((this.#settings["remotes"] ?? []) as readonly SavedRemote[], Date.now());
  readonly #sharing = new ScriptedSharing();

  constructor() {
    this.#played = this.#tape.trades.length;
    setInterval(() => this.#tick(), TICK_MS);
  }

  async call<N extends CommandName>(name: N, input: CommandInput<N>): Promise<CommandOutput<N>> {
    const parsed = commandSchemas[name].safeParse(input);
    if (!parsed.success) throw fault("protocol.bad-input", `${name}: ${parsed.error.message}`);
    const handlers: Handlers = this.#handlers;
    const output = handlers[name](input);
    void this.#send();
    return Promise.resolve(output);
  }

  onFrame(listener: (frame: EngineFrame) => Promise<void>): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onLink(listener: (link: "connected" | "lost") => void): () => void {
    listener("connected");
    return () => undefined;
  }

  readonly #handlers: Handlers = {
    "hello": () => ({ protocol: 1, version: "0.1.0", shell: "browser", dataFolder: "(scripted)", simulated: true, settings: this.#settings, firstSeries: { venue: "sim", symbol: "BTCUSDT", interval: "1m" } }),
    "view.set": (input) => {
      this.#window = { interval: input.interval, bars: input.bars, untilOpenMs: input.untilOpenMs };
      const { shown } = this.#remotes;
      if (shown !== undefined) this.#remotes.open({ remoteId: shown.remote.saved.remoteId, series: { venue: input.venue, symbol: input.symbol, interval: input.interval } }, Date.now());
      this.#reset();
    },
    "tape.open": () => {
      this.#remotes.leave();
      this.#reset();
    },
    "player": (command) => this.#player(command),
    "bar.inspect": (input) => this.#inspect(input.key),
    "bar.recompute": (input) => recomputeBar(this.#tape, this.#played, input.key),
    "raw.read": (input) => rawPage(this.#tape, input),
    "captures.list": () => this.#captures(),
    "import.start": () => this.#job("import", "Import capture"),
    "verify.start": () => this.#job("verify", `Verify ${CAPTURE_ID}`),
    "job.cancel": ({ jobId }) => { this.#jobs = this.#jobs.map((job) => (job.jobId === jobId ? { ...job, state: "cancelled", summary: "Cancelled" } : job)); },
    "job.dismiss": ({ jobId }) => { this.#jobs = this.#jobs.filter((job) => job.jobId !== jobId); },
    "record.start": () => { this.#isRecording = true; },
    "record.stop": () => { this.#isRecording = false; },
    "fault.list": () => SCRIPTED_FAULTS,
    "fault.inject": ({ name, amount }) => this.#injectFault(name, amount),
    "compact.start": ({ captureId }) => this.#job("compact", `Compact ${captureId}`, captureId),
    "export.start": ({ captureId, to }) => this.#job("export", `Export ${captureId} to ${to}`, captureId),
    "query.tables": ({ captureId }) => scriptedTables(this.#compacted.has(captureId) ? this.#tape.trades.length : 0),
    "query.run": (input) => {
      if (!this.#compacted.has(input.captureId)) throw fault("query.not-compacted", `${input.captureId} has no Parquet yet, so trade is empty: compact it first`);
      return scriptedQuery(this.#tape, input);
    },
    "query.cancel": () => undefined,
    "capture.pin": ({ captureId, pinned }) => {
      if (pinned) this.#pinned.add(captureId);
      else this.#pinned.delete(captureId);
    },
    "retention.preview": ({ limits }) => previewOf(this.#captures(), limits, Date.now()),
    "record.symbol": ({ venue, symbol }) => { this.#recorded = [...this.#recorded, `${venue}:${symbol}`]; },
    "stream.reopen": () => undefined,
    "files.list": () => ({ folder: "/captures", parent: undefined, entries: [{ name: "ws_BTCUSDT_20240808T2354.txt.gz", path: "/captures/ws_BTCUSDT_20240808T2354.txt.gz", folder: false, bytes: 4_200_000 }] }),
    "settings.get": () => this.#settings,
    "settings.set": ({ settings }) => {
      this.#keep(settings);
    },
    "remote.save": ({ remote }) => this.#keepRemotes(() => this.#remotes.save(remote, Date.now())),
    "remote.forget": ({ remoteId }) => this.#keepRemotes(() => this.#remotes.forget(remoteId)),
    "remote.test": (input) => this.#remotes.test(input),
    "remote.open": (input) => {
      this.#remotes.open(input, Date.now());
      this.#window = { interval: this.#remotes.shown?.series.interval ?? "1m", bars: this.#window?.bars ?? 1_500, untilOpenMs: undefined };
      this.#reset();
    },
    "remote.disconnect": ({ remoteId }) => this.#remotes.disconnect(remoteId),
    "remote.resync": ({ remoteId }) => {
      this.#remotes.resync(remoteId, Date.now());
      this.#reset();
    },
    "share.start": (input) => this.#sharing.start(input, Date.now()),
    "share.stop": () => this.#sharing.stop(),
    "keys.list": () => this.#sharing.keys(),
    "keys.trust": (input) => this.#sharing.trust(input, Date.now()),
    "keys.revoke": ({ publicKey }) => this.#sharing.revoke(publicKey),
  };

  #keep(settings: Readonly<Record<string, unknown>>): void {
    this.#settings = { ...this.#settings, ...settings };
    localStorage.setItem("tapedeck-scripted", JSON.stringify(this.#settings));
  }

  #keepRemotes(change: () => void): void {
    change();
    this.#keep({ remotes: this.#remotes.saved });
  }

  /** What is on screen: this machine's tape up to the cursor, or a remote's up to what has been applied. */
  #shownTape(): { readonly tape: ScriptedTape; readonly played: number } {
    const shown = this.#remotes.shown;
    if (shown === undefined) return { tape: this.#tape, played: this.#played };
    const { tape } = shown.remote;
    return { tape, played: tape.countUntil(shown.remote.knownMs(Date.now())) };
  }

  #inspect(key: CommandInput<"bar.inspect">["key"]): BarReport {
    const { tape, played } = this.#shownTape();
    const report = inspectBar(tape, played, key);
    return this.#remotes.shown === undefined ? report : { ...report, provenance: [], sources: [], excluded: { count: 0, seqs: [] } };
  }

  /** The disk faults show what the screen makes of little room; the others only answer. */
  #injectFault(name: string, amount: number | undefined): { readonly applied: string } {
    const info = SCRIPTED_FAULTS.find((one) => one.name === name);
    if (info === undefined) throw fault("faults.unknown", `There is no fault ${name} here`);
    if (name === "disk-full") this.#diskLeft = this.#diskLeft > 10e9 ? 6e9 : 1e9;
    if (this.#diskLeft < 2e9) this.#isRecording = false;
    return { applied: `${info.summary} (${amount ?? info.preset} ${info.amount})` };
  }

  #health(nowMs: number): EngineFrame["health"] {
    if (nowMs - this.#healthMs < 1_000) return undefined;
    this.#healthMs = nowMs;
    return healthReport(nowMs, { recorded: this.#recorded, diskLeft: this.#diskLeft, startedMs: this.#startedMs });
  }

  #job(kind: JobStatus["kind"], title: string, captureId = CAPTURE_ID): { readonly jobId: string } {
    const jobId = `job-${this.#jobs.length + 1}`;
    this.#jobs = [...this.#jobs, {
      jobId, kind, title, state: "running", doneUnits: 0, totalUnits: 60_000, unit: "events", unitsPerSecond: 30_000, secondsLeft: 2, summary: "", fault: undefined, captureId,
    }];
    return { jobId };
  }

  #player(command: PlayerCommand): void {
    const { trades } = this.#tape;
    const jump = (played: number): void => {
      this.#played = Math.min(Math.max(0, played), trades.length);
      this.#mode = "paused";
      this.#reset();
    };
    switch (command.type) {
      case "play":
        this.#mode = "playing";
        this.#playMs = this.#cursorMs();
        return;
      case "pause":
        this.#mode = "paused";
        return;
      case "follow":
        this.#played = trades.length;
        this.#mode = "following";
        this.#reset();
        return;
      case "speed":
        this.#speed = command.speed;
        return;
      case "step":
        return jump(command.by === "event" ? this.#played + command.direction * command.count : this.#barStep(command.direction * command.count));
      case "seek_time":
        if (command.fit === "exact" && (command.ms < this.#tape.startMs || command.ms > (trades.at(-1)?.ms ?? 0))) throw fault("player.outside-tape", "That time lies outside this tape.");
        return jump(this.#tape.countUntil(command.ms));
      case "seek_seq":
        return jump(command.seq);
      case "seek_cursor":
        return jump(this.#played);
    }
  }

  #barStep(bars: number): number {
    const intervalMs = INTERVAL_MS[this.#window?.interval ?? "1m"];
    const openMs = Math.floor(this.#cursorMs() / intervalMs) * intervalMs;
    return this.#tape.countUntil(openMs + bars * intervalMs);
  }

  #cursorMs(): number {
    return this.#tape.trades[this.#played - 1]?.ms ?? this.#tape.startMs;
  }

  #reset(): void {
    this.#epoch += 1;
    this.#needsReset = true;
  }

  #tick(): void {
    this.#tape.extendTo(Date.now());
    this.#remotes.shown?.remote.tape.extendTo(Date.now());
    if (this.#mode === "following") this.#played = this.#tape.trades.length;
    if (this.#mode === "playing") {
      this.#playMs += TICK_MS * (this.#speed === 0 ? 600 : this.#speed);
      this.#played = this.#tape.countUntil(this.#playMs);
      if (this.#played === this.#tape.trades.length) this.#mode = "following";
    }
    this.#jobs = this.#jobs.map((job) => this.#advance(job));
    void this.#send();
  }

  #advance(job: JobStatus): JobStatus {
    if (job.state !== "running") return job;
    const doneUnits = job.doneUnits + 3_000;
    const isDone = doneUnits >= (job.totalUnits ?? 0);
    const captureId = job.captureId ?? CAPTURE_ID;
    if (isDone && job.kind === "verify") this.#proof = "MATCH";
    if (isDone && job.kind === "compact") this.#compacted.add(captureId);
    if (isDone && job.kind === "export") this.#exported.set(captureId, Date.now());
    return { ...job, doneUnits, secondsLeft: ((job.totalUnits ?? 0) - doneUnits) / 30_000, ...(isDone && { state: "done", summary: JOB_SUMMARIES[job.kind] }) };
  }

  async #send(): Promise<void> {
    if (this.#isPainting || this.#listeners.size === 0) return;
    this.#isPainting = true;
    const frame = this.#makeFrame();
    await Promise.all([...this.#listeners].map(async (listener) => listener(frame)));
    this.#isPainting = false;
    if (this.#needsReset) void this.#send();
  }

  #makeFrame(): EngineFrame {
    this.#frame += 1;
    const nowMs = Date.now();
    const { shown } = this.#remotes;
    const { tape, played } = this.#shownTape();
    const trade = tape.trades[played - 1];
    const view = this.#view(tape, played);
    const health = this.#health(nowMs);
    const remotes = this.#remotes.status(nowMs);
    const status = remotes.find(({ remoteId }) => remoteId === shown?.remote.saved.remoteId);
    return {
      frame: this.#frame, epoch: this.#epoch, remotes, share: this.#sharing.status(nowMs), ...(view !== undefined && { view }),
      ...(shown === undefined
        ? { mode: { simulated: true, replay: this.#mode !== "following" }, tape: { kind: "capture", captureId: CAPTURE_ID }, player: this.#playerView(), ...(trade !== undefined && { quote: fullQuote(trade) }) }
        : {
            mode: { simulated: status?.mode === "simulated", replay: status?.mode === "replay", remote: shown.remote.saved.name },
            tape: { kind: "remote", remoteId: shown.remote.saved.remoteId, name: shown.remote.saved.name }, quote: trade === undefined ? {} : { lastPrice: priceText(trade.price), lastSide: trade.side },
          }),
      streams: this.#streams(), sources: SOURCES, recording: this.#recording(), captures: this.#captures(), jobs: this.#jobs,
      ...(health !== undefined && { health }),
      newestRecvMs: trade?.ms ?? 0, madeMs: (trade?.ms ?? 0) + 7,
    };
  }

  #view(tape: ScriptedTape, played: number): EngineFrame["view"] {
    const window = this.#window;
    if (window === undefined) return undefined;
    const kind = this.#needsReset ? "reset" : "changes";
    this.#needsReset = false;
    if (kind === "changes" && window.untilOpenMs !== undefined) return undefined;
    const intervalMs = INTERVAL_MS[window.interval];
    const folded = foldBars(tape, played, window, kind === "reset" ? -Infinity : this.#sentFromMs);
    const cursorMs = tape.trades[played - 1]?.ms ?? tape.startMs;
    this.#sentFromMs = Math.floor(cursorMs / intervalMs) * intervalMs;
    const series = this.#remotes.shown?.series ?? { venue: "sim", symbol: "BTCUSDT" };
    return {
      kind, venue: series.venue, symbol: series.symbol, interval: window.interval, bars: folded.bars, empty: folded.empty, revisions: folded.revisions,
      gaps: [...tape.gaps, ...(this.#remotes.shown?.remote.holeGaps(intervalMs) ?? [])].filter((gap) => gap.fromMs <= cursorMs), events: tape.events.filter((event) => event.atMs <= cursorMs), moreBefore: folded.hasMore,
    };
  }

  #playerView(): PlayerView {
    const { trades, startMs } = this.#tape;
    const knownMs = this.#cursorMs();
    return {
      captureId: CAPTURE_ID, mode: this.#mode, speed: this.#speed,
      point: {
        seq: this.#played, position: 0, knownMs, eventMs: knownMs, streamId: "sim:BTCUSDT:aggTrade",
        cursor: this.#played === 0 ? undefined : encodeCursor({ tsEventNs: BigInt(knownMs) * 1_000_000n, seq: BigInt(this.#played) * 65_536n }),
      },
      range: { fromMs: startMs, toMs: trades.at(-1)?.ms ?? startMs, fromSeq: 1, toSeq: trades.length }, indexedSeq: trades.length, growing: true, digest: undefined, fault: undefined,
    };
  }

  #streams(): readonly StreamStatus[] {
    const row = (symbol: string, channel: string, state: StreamStatus["state"], rate: number, gapsOpen = 0): StreamStatus => ({
      streamId: `sim:${symbol}:${channel}`, venue: "sim", symbol, channel, state, detail: "", lastFrameMs: this.#cursorMs(), messages: this.#played, rate, duplicates: 0, gapsOpen, latencyMs: 7,
    });
    return [
      row("BTCUSDT", "aggTrade", "live", 41.2), row("BTCUSDT", "bookTicker", "live", 388), row("BTCUSDT", "markPrice", "live", 1),
      row("ETHUSDT", "aggTrade", "gap", 22, 1), row("ETHUSDT", "bookTicker", "live", 201), row("SOLUSDT", "aggTrade", "stale", 0), row("MATICUSDT", "aggTrade", "dead_symbol", 0),
    ];
  }

  #recording(): RecordingStatus {
    const appended = this.#tape.trades.length;
    return {
      captureId: CAPTURE_ID, state: this.#isRecording ? "recording" : this.#diskLeft < 2e9 ? "halted" : "off", fault: undefined, appended, written: appended, durable: Math.max(0, appended - 3), messagesPerSecond: 4_112,
      bytesPerEvent: 18.2, commitEveryMs: 10, diskFreeBytes: this.#diskLeft, gapsOpen: 1,
    };
  }

  #captures(): readonly CaptureSummary[] {
    const { trades, startMs } = this.#tape;
    const instruments = [{ venue: "sim" as const, symbol: "BTCUSDT" }];
    const deeds = (captureId: string): Pick<CaptureSummary, "pinned" | "exportedMs"> => ({ pinned: this.#pinned.has(captureId), exportedMs: this.#exported.get(captureId) });
    return [
      { ...deeds(CAPTURE_ID), captureId: CAPTURE_ID, venues: ["sim"], symbols: ["BTCUSDT"], streams: 7, fromMs: startMs, toMs: trades.at(-1)?.ms, events: trades.length, bytes: trades.length * 18, bytesPerEvent: 18.2, state: "recording", simulated: true, proof: this.#proof, instruments },
      { ...deeds("binance-20240808T2354"), captureId: "binance-20240808T2354", venues: ["binance-usdm"], symbols: ["BTCUSDT"], streams: 3, fromMs: 1_723_161_240_000, toMs: 1_723_161_540_000, events: 87_402, bytes: 1_900_000, bytesPerEvent: 18.8, state: "complete", simulated: false, proof: "MATCH", instruments: [{ venue: "binance-usdm", symbol: "BTCUSDT" }] },
    ];
  }
}

function priceText(mantissa: number): string {
  return formatDecimal({ mantissa, scale: PRICE_SCALE });
}

function fullQuote(trade: ScriptedTrade): Quote {
  return {
    lastPrice: priceText(trade.price), lastSide: trade.side, bidPrice: priceText(trade.price - 10), bidQty: "1.204", askPrice: priceText(trade.price + 10), askQty: "0.873",
    markPrice: priceText(trade.price + 121), fundingRate: "0.00010000", nextFundingMs: Math.ceil(trade.ms / 28_800_000) * 28_800_000, openInterest: "81234.567",
  };
}

const SOURCES: readonly SourceStatus[] = [
  { venue: "sim", simulated: true, state: "live", detail: "Built-in simulator", offsetMs: 0, offsetErrorMs: 1, weightUsed: 20, weightLimit: 2_400 },
  { venue: "binance-usdm", simulated: false, state: "off", detail: "Not configured", offsetMs: undefined, offsetErrorMs: undefined, weightUsed: undefined, weightLimit: undefined },
];

export function scriptedEngine(): EngineClient {
  return new ScriptedEngine();
}
