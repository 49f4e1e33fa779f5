// Owns the scripted remotes: what a port's number makes of the connection, told by the time since it was asked for. For development and tests of the screen.
import { fault } from "../../../shared/base.ts";
import type { GapEntry } from "../../../shared/candles.ts";
import type { CommandInput } from "../../../shared/protocol/commands.ts";
import type { RemoteProbe, RemoteSeriesStatus, RemoteState, RemoteStatus } from "../../../shared/protocol/frames.ts";
import { INTERVAL_MS } from "../../../shared/time.ts";
import { ScriptedTape } from "./market.ts";

export type SavedRemote = CommandInput<"remote.save">["remote"];
type Series = NonNullable<CommandInput<"remote.open">["series"]>;
type Hole = RemoteSeriesStatus["holes"][number];

/** What the port decides: 5558 replays, 5559 falls silent and is lost again and again, 5560 asks for a key, 5561 has holes, any other is live. */
export type RemoteScript = "live" | "replay" | "flaky" | "refused" | "holes";

export function scriptOf(rpc: string): RemoteScript {
  const port = /:(\d+)$/.exec(rpc)?.[1];
  return port === "5558" ? "replay" : port === "5559" ? "flaky" : port === "5560" ? "refused" : port === "5561" ? "holes" : "live";
}

export interface Phase {
  readonly state: RemoteState;
  readonly detail: string;
  readonly attempts: number;
  /** Of everything there is to apply, up to this share is applied; undefined = all. */
  readonly share?: number;
}

const CONNECT_MS = 500;
const WARM_MS = 1_500;
const FLAKY_MS = 30_000;
const LOST_AT_MS = 10_000;
const BACK_AT_MS = 24_000;
const RESYNC_MS = 1_500;

function warmUp(elapsedMs: number, detail: string): Phase {
  if (elapsedMs < WARM_MS) return { state: "warming", detail, attempts: 0, share: elapsedMs / WARM_MS };
  return { state: "live", detail: "", attempts: 0 };
}

/** Where a connection stands this long after it was asked for. */
export function phaseAt(script: RemoteScript, elapsedMs: number): Phase {
  if (elapsedMs < CONNECT_MS) return { state: "connecting", detail: "", attempts: 1, share: 0.4 };
  if (script === "refused") return { state: "refused", detail: "the server does not know this machine's key: have it trusted there", attempts: 1, share: 0 };
  const sinceMs = elapsedMs - CONNECT_MS;
  if (script !== "flaky" || sinceMs < LOST_AT_MS) return warmUp(sinceMs, "backfilling what was missed");
  const turnMs = (sinceMs - LOST_AT_MS) % FLAKY_MS;
  if (turnMs < 3_000) return { state: "stale", detail: "no frame and no heartbeat for 3 s", attempts: 0 };
  if (turnMs < BACK_AT_MS - LOST_AT_MS) return { state: "reconnecting", detail: "connection refused", attempts: 1 + Math.floor(Math.log2(turnMs / 1_000)) };
  if (turnMs < BACK_AT_MS - LOST_AT_MS + RESYNC_MS) return { state: "resyncing", detail: "the server began a new history: its journal was damaged", attempts: 0, share: 0 };
  return warmUp(turnMs - (BACK_AT_MS - LOST_AT_MS + RESYNC_MS), "taking everything again");
}

const FLOWING: readonly RemoteState[] = ["live", "warming"];
const OFFERED: readonly Series[] = [
  { venue: "binance-usdm", symbol: "BTCUSDT", interval: "1m" }, { venue: "binance-usdm", symbol: "BTCUSDT", interval: "5m" },
  { venue: "binance-usdm", symbol: "ETHUSDT", interval: "1m" }, { venue: "IBKR", symbol: "ES", interval: "1m" },
];

function seriesName({ venue, symbol, interval }: Series): string {
  return `${venue}.${symbol}.${interval}`;
}

/** One saved remote with the tape that stands for its server. */
class ScriptedRemote {
  readonly saved: SavedRemote;
  readonly tape: ScriptedTape;
  #connectedMs: number | undefined;
  #watched: readonly Series[] = [];
  #heldMs: number;
  #resyncs = 0;

  constructor(saved: SavedRemote, nowMs: number) {
    this.saved = saved;
    this.tape = new ScriptedTape(nowMs, [...saved.remoteId].reduce((sum, char) => sum * 31 + char.charCodeAt(0), 7));
    this.#heldMs = nowMs;
  }

  get script(): RemoteScript {
    return scriptOf(this.saved.rpc);
  }

  get lastWatched(): Series | undefined {
    return this.#watched.at(-1);
  }

  connect(nowMs: number): void {
    this.#connectedMs ??= nowMs;
  }

  disconnect(): void {
    this.#connectedMs = undefined;
  }

  resync(nowMs: number): void {
    this.#connectedMs = nowMs;
    this.#resyncs += 1;
  }

  watch(series: Series): void {
    this.#watched = [...this.#watched.filter((other) => seriesName(other) !== seriesName(series)), series];
  }

  phase(nowMs: number): Phase {
    return this.#connectedMs === undefined ? { state: "off", detail: "", attempts: 0 } : phaseAt(this.script, nowMs - this.#connectedMs);
  }

  /** The moment up to which its trades are known here: stands still while nothing arrives. */
  knownMs(nowMs: number): number {
    const phase = this.phase(nowMs);
    if (FLOWING.includes(phase.state)) this.#heldMs = nowMs;
    const { startMs } = this.tape;
    return phase.share === undefined ? this.#heldMs : startMs + (this.#heldMs - startMs) * phase.share;
  }

  holes(intervalMs: number): readonly Hole[] {
    if (this.script !== "holes") return [];
    const fromMs = this.tape.startMs + 220 * 60_000;
    const fromSequence = Math.round((fromMs - this.tape.startMs) / intervalMs);
    return [{ fromSequence, toSequence: fromSequence + Math.round(420_000 / intervalMs), fromMs, toMs: fromMs + 420_000, why: "RETENTION_EXCEEDED" }];
  }

  /** Holes as the engine tells them with the view: gaps that can no longer be filled. */
  holeGaps(intervalMs: number): readonly GapEntry[] {
    return this.holes(intervalMs).map(({ fromSequence, toSequence, fromMs, toMs }): GapEntry => ({
      gapId: `remote-hole-${fromSequence}`, streamId: this.saved.remoteId, fromMs: fromMs ?? 0, toMs, fromId: fromSequence, toId: toSequence, missing: toSequence - fromSequence + 1,
      cause: "remote_hole", state: "GAP_UNRESOLVED", attempts: 1, detail: `entries ${fromSequence}…${toSequence} were not received, and the server no longer keeps them`, atSeq: 0,
    }));
  }

  status(nowMs: number): RemoteStatus {
    const phase = this.phase(nowMs);
    const isKnown = phase.state !== "off" && phase.state !== "refused" && phase.state !== "connecting";
    return {
      ...this.saved, pub: this.saved.pub, serverKey: this.saved.serverKey, state: phase.state, detail: phase.detail, attempts: phase.attempts,
      serverVersion: isKnown ? "0.1.0" : undefined, mode: isKnown ? (this.script === "replay" ? "replay" : this.script === "holes" ? "simulated" : "live") : undefined,
      historyId: isKnown ? "b0f3".repeat(16) : undefined, malformed: this.script === "flaky" ? 3 : 0,
      series: this.#watched.map((series) => this.#seriesStatus(series, phase, nowMs)), offered: isKnown ? OFFERED : [],
    };
  }

  #seriesStatus(series: Series, phase: Phase, nowMs: number): RemoteSeriesStatus {
    const intervalMs = INTERVAL_MS[series.interval];
    const sequenceAt = (ms: number): number => Math.max(0, Math.floor((ms - this.tape.startMs) / intervalMs));
    const isFlowing = FLOWING.includes(phase.state);
    return {
      ...series, state: phase.state, detail: phase.detail, appliedSequence: sequenceAt(this.knownMs(nowMs)), latestSequence: sequenceAt(Math.max(this.#heldMs, this.knownMs(nowMs))),
      lagMs: isFlowing ? 6 + 4 * Math.sin(nowMs / 3_000) + (Math.floor(nowMs / 7_000) % 5 === 0 ? 18 : 0) : undefined,
      lastFrameMs: phase.state === "connecting" ? undefined : this.#heldMs, duplicates: 12 * this.#resyncs, gapsSeen: this.script === "flaky" ? 2 : 0, backfilled: this.script === "flaky" ? 41 : 0,
      lastResync: this.#resyncs > 0 ? "a person asked for it" : undefined, holes: this.holes(intervalMs),
    };
  }
}

export class ScriptedRemotes {
  readonly #remotes = new Map<string, ScriptedRemote>();
  #shown: { readonly remote: ScriptedRemote; readonly series: Series } | undefined;

  constructor(saved: readonly SavedRemote[], nowMs: number) {
    for (const one of saved) this.#remotes.set(one.remoteId, new ScriptedRemote(one, nowMs));
  }

  /** What the chart shows of a remote; undefined while it shows a tape of this machine. */
  get shown(): { readonly remote: ScriptedRemote; readonly series: Series } | undefined {
    return this.#shown;
  }

  get saved(): readonly SavedRemote[] {
    return [...this.#remotes.values()].map(({ saved }) => saved);
  }

  save(saved: SavedRemote, nowMs: number): void {
    this.#remotes.set(saved.remoteId, new ScriptedRemote(saved, nowMs));
    if (this.#shown?.remote.saved.remoteId === saved.remoteId) this.open({ remoteId: saved.remoteId, series: this.#shown.series }, nowMs);
  }

  forget(remoteId: string): void {
    this.#remotes.delete(remoteId);
  }

  test(address: CommandInput<"remote.test">): RemoteProbe {
    if (scriptOf(address.rpc) === "refused") throw fault("remote.refused", `${address.rpc} answers only to trusted keys: have this machine's public key trusted there`);
    return { serverVersion: "0.1.0", mode: scriptOf(address.rpc) === "replay" ? "replay" : "live", roundTripMs: 0.8, clockOffsetMs: -3.2, streams: OFFERED.length, symbols: ["BTCUSDT", "ETHUSDT", "ES"] };
  }

  open({ remoteId, series }: CommandInput<"remote.open">, nowMs: number): void {
    const remote = this.#named(remoteId);
    const wanted = series ?? remote.lastWatched ?? OFFERED[0];
    if (wanted === undefined) throw fault("remote.nothing-offered", `${remote.saved.name} offers no series`);
    remote.connect(nowMs);
    remote.watch(wanted);
    this.#shown = { remote, series: wanted };
  }

  leave(): void {
    this.#shown = undefined;
  }

  disconnect(remoteId: string): void {
    this.#named(remoteId).disconnect();
  }

  resync(remoteId: string, nowMs: number): void {
    this.#named(remoteId).resync(nowMs);
  }

  status(nowMs: number): readonly RemoteStatus[] {
    return [...this.#remotes.values()].map((remote) => remote.status(nowMs));
  }

  #named(remoteId: string): ScriptedRemote {
    const remote = this.#remotes.get(remoteId);
    if (remote === undefined) throw fault("remote.unknown", `There is no remote ${remoteId}: add it again`);
    return remote;
  }
}
