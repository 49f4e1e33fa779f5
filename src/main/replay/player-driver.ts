// Runs the player's effects against a tape: one operation at a time, ticks from the injected timers, and notes to the
// screen of which at most one is outstanding. Owns the tape from its construction to `close`.
import { type Clock, type Fault, FaultError, type StopSignal, type Timers, unreachable } from "../../shared/base.ts";
import type { PlayerCommand } from "../../shared/protocol/commands.ts";
import type { EngineFrame, PlayerView, Quote } from "../../shared/protocol/frames.ts";
import { type Operation, PLAYER_START, type PlayerEffect, type PlayerFact, type PlayerInput, type PlayerPoint, type PlayerState, stepPlayer } from "./player.ts";
import { msFromKnownNs, type Reached, type Tape } from "./tape.ts";
import { TapeView, type ViewWindow } from "./view.ts";

export interface PlayerDriverOptions {
  readonly tape: Tape;
  readonly captureId: string;
  /** True while the capture is being recorded. */
  readonly growing: boolean;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Something can be taken; not called again before `takeFrame`. */
  readonly onChange: () => void;
}

export type DriverFrame = Pick<EngineFrame, "epoch"> & Partial<Pick<EngineFrame, "player" | "view" | "quote" | "newestRecvMs">>;

/** A frame's worth of playing. */
const TICK_MS = 16;
/** Work per slice when playing as fast as possible, or catching up: the screen sees progress several times a second. */
const SLICE_MS = 40;
/** Indexing ahead of everyone goes in pieces, so that a seek can get its turn between them. */
const INDEX_PIECE = 65_536;

export class PlayerDriver {
  readonly #options: PlayerDriverOptions;
  readonly #tape: Tape;
  #state: PlayerState = PLAYER_START;
  #view: TapeView | undefined;
  /** Of frames: bumped by every reset of the view. */
  #frameEpoch = 0;
  #reset = true;
  #notified = false;
  #told: { player: string; quote: string; newestNs: bigint } = { player: "", quote: "", newestNs: 0n };
  #digest: { readonly ordinal: number; readonly seq: number; readonly text: string } | undefined;
  #controller = new AbortController();
  #running: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();
  #indexing: Promise<void> | undefined;
  #cancelTick: (() => void) | undefined;
  #lastTickMs = 0;
  #growing: boolean;
  #closed: Promise<void> | undefined;

  constructor(options: PlayerDriverOptions) {
    this.#options = options;
    this.#tape = options.tape;
    this.#growing = options.growing;
    this.#send({ type: "fact", fact: { type: "opened", epoch: 0, point: this.#point(), end: this.#end(), growing: options.growing } });
    this.#indexAhead();
  }

  get state(): PlayerState {
    return this.#state;
  }

  /** Resolves when no operation runs. For tests and for orderly shutdown. */
  idle(): Promise<void> {
    return this.#running;
  }

  command(command: PlayerCommand): void {
    this.#send({ type: "command", command });
  }

  /** Another window: the next frame tells it whole. */
  setView(window: ViewWindow): void {
    this.#view = new TapeView(this.#tape, window);
    this.#reset = true;
    this.#notify();
  }

  /** The log was written up to this seq (or further); `growing` false when the recording ended. */
  async grew(writtenSeq: number, growing: boolean): Promise<void> {
    this.#growing = growing;
    if (this.#closing.signal.aborted) return;
    try {
      if (writtenSeq > this.#tape.endSeq || !growing) await this.#tape.grow();
    } catch (error) {
      this.#send({ type: "fact", fact: { type: "failed", epoch: this.#state.epoch, fault: faultOf(error) } });
      return;
    }
    this.#send({ type: "fact", fact: { type: "grew", end: this.#end(), growing: this.#growing } });
    this.#indexAhead();
  }

  /** What changed since the last take. While a seek is under way only the player is told: places passed are not shown. */
  takeFrame(): DriverFrame {
    this.#notified = false;
    const moving = this.#state.mode === "opening" || (this.#state.mode === "seeking" && this.#state.running?.kind !== "advance");
    const player = this.#playerView(moving);
    const playerText = JSON.stringify(player);
    const changedPlayer = playerText !== this.#told.player;
    this.#told.player = playerText;
    const base = { ...(changedPlayer && { player }) };
    if (moving) return { epoch: this.#frameEpoch, ...base };
    const view = this.#view?.next({ reset: this.#reset });
    if (this.#view !== undefined) this.#reset = false;
    if (view?.kind === "reset") this.#frameEpoch += 1;
    return { epoch: this.#frameEpoch, ...base, ...(view && { view }), ...this.#quoteParts() };
  }

  #quoteParts(): { quote?: Quote; newestRecvMs?: number } {
    const quote = this.#tape.quote();
    const text = JSON.stringify(quote);
    const { knownNs } = this.#tape.head;
    const parts = {
      ...(text !== this.#told.quote && { quote }),
      ...(knownNs !== this.#told.newestNs && { newestRecvMs: msFromKnownNs(knownNs) }),
    };
    this.#told.quote = text;
    this.#told.newestNs = knownNs;
    return parts;
  }

  /** Stops everything and closes the tape's reader. Idempotent. */
  close(): Promise<void> {
    this.#send({ type: "close" });
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  async #finish(): Promise<void> {
    this.#closing.abort();
    this.#controller.abort();
    this.#cancelTick?.();
    await this.#running;
    await this.#indexing;
    await this.#tape.close();
  }

  #send(input: PlayerInput): void {
    const { state, effects } = stepPlayer(this.#state, input);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: PlayerEffect): void {
    switch (effect.type) {
      case "run":
        this.#run(effect.operation, effect.epoch);
        return;
      case "cancel":
        this.#controller.abort();
        return;
      case "schedule_tick":
        this.#schedule(effect.fresh);
        return;
      case "refuse":
        this.#state = { ...this.#state, fault: effect.fault };
        this.#notify();
        return;
      case "changed":
        this.#notify();
        return;
      case "close":
        return;
      default:
        unreachable(effect);
    }
  }

  /** Aborts what runs, waits for its end, then runs the operation and reports. */
  #run(operation: Operation, epoch: number): void {
    this.#controller.abort();
    const controller = new AbortController();
    this.#controller = controller;
    this.#running = this.#running.then(async () => {
      const fact = await this.#operate(operation, epoch, controller.signal);
      this.#send({ type: "fact", fact });
    });
  }

  async #operate(operation: Operation, epoch: number, signal: StopSignal): Promise<PlayerFact> {
    try {
      if (signal.aborted) return { type: "cancelled", epoch, point: this.#point() };
      if (operation.kind !== "advance") this.#reset = true;
      const reached = await this.#reach(operation, signal);
      return { type: factOf(operation, reached), epoch, point: this.#point() };
    } catch (error) {
      const fault = faultOf(error);
      return { type: REFUSALS.test(fault.code) ? "refused" : "failed", epoch, fault };
    }
  }

  #reach(operation: Operation, signal: StopSignal): Promise<Reached> {
    switch (operation.kind) {
      case "step":
        return operation.by === "event" ? this.#tape.stepEvents(operation.count, signal) : this.#stepBars(operation.count, signal);
      case "advance":
        return this.#tape.advanceTo({ ...(operation.untilNs !== undefined && { knownNs: operation.untilNs }), budgetMs: SLICE_MS }, signal);
      case "seek":
        return this.#seek(operation, signal);
      default:
        return unreachable(operation);
    }
  }

  #seek({ target }: Operation & { readonly kind: "seek" }, signal: StopSignal): Promise<Reached> {
    switch (target.kind) {
      case "seq":
        return this.#tape.seekSeq(target.seq, undefined, signal);
      case "time":
        return this.#tape.seekTime({ ms: target.ms, fit: target.fit }, signal);
      case "cursor":
        return this.#tape.seekCursor(target.cursor, signal);
      case "end":
        return this.#tape.seekSeq(this.#tape.endSeq, undefined, signal);
      default:
        return unreachable(target);
    }
  }

  /** Bars of the interval on screen; before any view is set, minutes. */
  #stepBars(count: number, signal: StopSignal): Promise<Reached> {
    return this.#tape.stepBars(count, this.#view?.window.interval ?? "1m", signal);
  }

  #schedule(fresh: boolean): void {
    this.#cancelTick?.();
    if (fresh) this.#lastTickMs = this.#options.clock.monotonicMs();
    this.#cancelTick = this.#options.timers.after(this.#state.speed === 0 ? 0 : TICK_MS, () => {
      const nowMs = this.#options.clock.monotonicMs();
      const elapsedMs = nowMs - this.#lastTickMs;
      this.#lastTickMs = nowMs;
      this.#send({ type: "tick", elapsedMs });
    });
  }

  /** Indexes to the end in the background, beside whatever the cursor does. */
  #indexAhead(): void {
    this.#indexing ??= this.#indexAll().finally(() => {
      this.#indexing = undefined;
    });
  }

  async #indexAll(): Promise<void> {
    const { signal } = this.#closing;
    try {
      while (this.#tape.indexedSeq < this.#tape.endSeq && !signal.aborted) {
        await this.#tape.index(this.#tape.indexedSeq + INDEX_PIECE, signal);
        this.#notify();
      }
    } catch (error) {
      this.#send({ type: "fact", fact: { type: "failed", epoch: this.#state.epoch, fault: faultOf(error) } });
    }
  }

  #notify(): void {
    if (this.#notified || this.#closing.signal.aborted) return;
    this.#notified = true;
    this.#options.onChange();
  }

  #point(): PlayerPoint {
    const { seq, knownNs } = this.#tape.head;
    // At the end, what follows the last watched record is passed too.
    return { seq: this.#tape.atEnd ? this.#tape.endSeq : seq, knownNs };
  }

  #end(): PlayerPoint {
    return { seq: this.#tape.endSeq, knownNs: this.#tape.range.toNs };
  }

  #playerView(moving: boolean): PlayerView {
    const state = this.#state;
    const { seq, position, knownNs, eventMs, streamId, cursor, ordinal } = this.#tape.point;
    const { fromNs, toNs, fromSeq, toSeq } = this.#tape.range;
    const paused = !moving && state.mode === "paused" && state.running === undefined;
    if (paused && (this.#digest?.seq !== seq || this.#digest.ordinal !== ordinal)) this.#digest = { seq, ordinal, text: this.#tape.digest() };
    return {
      captureId: this.#options.captureId,
      mode: state.mode === "closed" ? "paused" : state.mode,
      speed: state.speed,
      point: { seq, position, knownMs: msFromKnownNs(knownNs), eventMs, streamId, cursor },
      range: { fromMs: msFromKnownNs(fromNs), toMs: msFromKnownNs(toNs), fromSeq, toSeq },
      indexedSeq: this.#tape.indexedSeq,
      growing: this.#growing,
      digest: paused ? this.#digest?.text : undefined,
      fault: state.fault,
    };
  }
}

/** Faults that say "not possible" about one request and leave the tape usable. */
const REFUSALS = /^(cursor\.|replay\.(beyond-end|time-outside|cursor-|cancelled))/;

function faultOf(error: unknown): Fault {
  if (error instanceof FaultError) return error.fault;
  return { code: "replay.internal", message: error instanceof Error ? error.message : String(error) };
}

function factOf(operation: Operation, reached: Reached): "arrived" | "advanced" | "ended" | "cancelled" {
  if (reached === "stopped") return "cancelled";
  if (operation.kind !== "advance") return "arrived";
  return reached === "end" ? "ended" : "advanced";
}
