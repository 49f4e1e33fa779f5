// The player's transition function: commands, facts and ticks in, next state and effects out. Pure: no clock, no I/O.
// It refuses facts of an older epoch; "live" is nothing but the mode `following`.
import { failed, type Fault, unreachable } from "../../shared/base.ts";
import type { PlayerCommand } from "../../shared/protocol/commands.ts";

export interface PlayerPoint {
  readonly seq: number;
  readonly knownNs: bigint;
}

export type SeekTarget =
  | { readonly kind: "seq"; readonly seq: number }
  | { readonly kind: "time"; readonly ms: number; readonly fit: "exact" | "clamped" }
  | { readonly kind: "cursor"; readonly cursor: string }
  | { readonly kind: "end" };

export type Operation =
  | { readonly kind: "seek"; readonly target: SeekTarget }
  /** `count` is signed: negative steps back. */
  | { readonly kind: "step"; readonly by: "event" | "bar"; readonly count: number }
  /** Up to this known time; undefined: as far as one slice of work goes. */
  | { readonly kind: "advance"; readonly untilNs: bigint | undefined };

export interface PlayerState {
  readonly mode: "opening" | "paused" | "playing" | "seeking" | "following" | "failed" | "closed";
  /** Bumped whenever the tape is redirected; a fact of an older epoch is about a place nobody waits for any more. */
  readonly epoch: number;
  /** 0 = as fast as possible. */
  readonly speed: number;
  readonly opened: boolean;
  readonly point: PlayerPoint;
  readonly end: PlayerPoint;
  readonly growing: boolean;
  /** What a seek or the opening goes on as. */
  readonly then: "paused" | "playing" | "following";
  readonly running: Operation | undefined;
  /** Steps asked for while another operation runs, merged; bounded by STEPS_QUEUED_MAX. */
  readonly queue: readonly Operation[];
  /** Known time that pacing has reached; runs ahead of the point through silence. */
  readonly playheadNs: bigint;
  readonly fault: Fault | undefined;
}

export type PlayerFact =
  | { readonly type: "opened"; readonly epoch: number; readonly point: PlayerPoint; readonly end: PlayerPoint; readonly growing: boolean }
  /** A seek or step reached its point. */
  | { readonly type: "arrived"; readonly epoch: number; readonly point: PlayerPoint }
  | { readonly type: "advanced"; readonly epoch: number; readonly point: PlayerPoint }
  /** An advance came to the last record there is now. */
  | { readonly type: "ended"; readonly epoch: number; readonly point: PlayerPoint }
  | { readonly type: "cancelled"; readonly epoch: number; readonly point: PlayerPoint }
  /** The operation was not possible and changed nothing (a cursor of another tape …). */
  | { readonly type: "refused"; readonly epoch: number; readonly fault: Fault }
  /** The tape itself cannot be read on. */
  | { readonly type: "failed"; readonly epoch: number; readonly fault: Fault }
  /** About the log, not about an operation: no epoch. */
  | { readonly type: "grew"; readonly end: PlayerPoint; readonly growing: boolean };

export type PlayerInput =
  | { readonly type: "command"; readonly command: PlayerCommand }
  | { readonly type: "fact"; readonly fact: PlayerFact }
  /** Real time passed since the tick before (ms). */
  | { readonly type: "tick"; readonly elapsedMs: number }
  | { readonly type: "close" };

export type PlayerEffect =
  /** Abort what runs, wait until it has stopped, then run this and report with this epoch. */
  | { readonly type: "run"; readonly operation: Operation; readonly epoch: number }
  /** Abort what runs; it reports `cancelled` (or its result, when that came first). */
  | { readonly type: "cancel" }
  /** Send one tick soon; replaces a scheduled one. `fresh`: the time before now does not count. */
  | { readonly type: "schedule_tick"; readonly fresh: boolean }
  | { readonly type: "refuse"; readonly fault: Fault }
  /** The screen has something new to show. */
  | { readonly type: "changed" }
  | { readonly type: "close" };

export interface PlayerStep {
  readonly state: PlayerState;
  readonly effects: readonly PlayerEffect[];
}

/** Kinds of steps (event, bar) alternate at most this often in one queue; more are refused rather than piled up. */
export const STEPS_QUEUED_MAX = 16;
/** One slow frame must not make the next one slower: real time beyond this is dropped from pacing. */
export const TICK_ELAPSED_MAX_MS = 300;

const CHANGED: PlayerEffect = { type: "changed" };
const NOWHERE: PlayerPoint = { seq: 0, knownNs: 0n };

export const PLAYER_START: PlayerState = Object.freeze({
  mode: "opening", epoch: 0, speed: 1, opened: false, point: NOWHERE, end: NOWHERE, growing: false,
  then: "paused", running: undefined, queue: [], playheadNs: 0n, fault: undefined,
});

/** How much known time (ns) a tick of real time is worth. */
export function paceNs(options: { readonly elapsedMs: number; readonly speed: number }): bigint {
  const counted = Math.min(Math.max(options.elapsedMs, 0), TICK_ELAPSED_MAX_MS);
  return BigInt(Math.round(counted * options.speed * 1e6));
}

function redirect(state: PlayerState, operation: Operation, then: PlayerState["then"]): PlayerStep {
  const epoch = state.epoch + 1;
  return {
    state: { ...state, mode: "seeking", epoch, then, running: operation, queue: [], fault: undefined },
    effects: [{ type: "run", operation, epoch }, CHANGED],
  };
}

/** Nothing runs: take the next queued operation, or go on as `then`. */
function settle(state: PlayerState): PlayerStep {
  const [next, ...rest] = state.queue;
  if (next !== undefined) {
    return {
      state: { ...state, mode: "seeking", running: next, queue: rest },
      effects: [{ type: "run", operation: next, epoch: state.epoch }, CHANGED],
    };
  }
  const idle: PlayerState = { ...state, mode: state.then, running: undefined, playheadNs: state.point.knownNs };
  if (state.then === "playing") return { state: idle, effects: [{ type: "schedule_tick", fresh: true }, CHANGED] };
  if (state.then === "following") return catchUp(idle);
  return { state: idle, effects: [CHANGED] };
}

function catchUp(state: PlayerState): PlayerStep {
  if (!state.growing && state.point.seq >= state.end.seq) return { state: { ...state, mode: "paused", then: "paused" }, effects: [CHANGED] };
  if (state.running !== undefined || state.point.seq >= state.end.seq) return { state, effects: [CHANGED] };
  const operation: Operation = { kind: "advance", untilNs: undefined };
  // The screen is told when it has caught up: a frame that shows nothing new would be in the way of the one that does.
  return { state: { ...state, running: operation }, effects: [{ type: "run", operation, epoch: state.epoch }] };
}

/** An absolute seek: the latest one wins. While opening it waits; playback goes on afterwards, following does not. */
function seek(state: PlayerState, target: SeekTarget, then: PlayerState["then"]): PlayerStep {
  const operation: Operation = { kind: "seek", target };
  if (state.mode === "opening") return { state: { ...state, queue: [operation], then }, effects: [CHANGED] };
  return redirect(state, operation, then);
}

function mergeStep(queue: readonly Operation[], step: Operation & { readonly kind: "step" }): readonly Operation[] | undefined {
  const last = queue.at(-1);
  if (last?.kind === "step" && last.by === step.by) return [...queue.slice(0, -1), { ...last, count: last.count + step.count }];
  return queue.length >= STEPS_QUEUED_MAX ? undefined : [...queue, step];
}

/** Steps are relative, so they line up behind a seek or another step instead of replacing it. */
function step(state: PlayerState, operation: Operation & { readonly kind: "step" }): PlayerStep {
  if (state.mode !== "opening" && state.mode !== "seeking") return redirect(state, operation, "paused");
  const queue = mergeStep(state.queue, operation);
  if (queue === undefined) {
    const { fault } = failed("player.steps-queued", `${STEPS_QUEUED_MAX} steps are waiting already: let them finish`);
    return { state: { ...state, then: "paused" }, effects: [{ type: "refuse", fault }] };
  }
  return { state: { ...state, queue, then: "paused" }, effects: [CHANGED] };
}

function play(state: PlayerState): PlayerStep {
  if (state.mode === "playing") return { state, effects: [] };
  if (state.mode === "opening" || state.mode === "seeking") return { state: { ...state, then: "playing" }, effects: [CHANGED] };
  const effects: PlayerEffect[] = state.running === undefined ? [] : [{ type: "cancel" }];
  return {
    state: { ...state, mode: "playing", then: "playing", playheadNs: state.point.knownNs, fault: undefined },
    effects: [...effects, { type: "schedule_tick", fresh: true }, CHANGED],
  };
}

function pause(state: PlayerState): PlayerStep {
  if (state.mode === "opening" || state.mode === "seeking") return { state: { ...state, then: "paused" }, effects: [CHANGED] };
  if (state.mode === "failed") return { state, effects: [] };
  const effects: PlayerEffect[] = state.running === undefined ? [] : [{ type: "cancel" }];
  return { state: { ...state, mode: "paused", then: "paused" }, effects: [...effects, CHANGED] };
}

function onCommand(state: PlayerState, command: PlayerCommand): PlayerStep {
  if (state.mode === "failed" && !state.opened) {
    const { fault } = failed("player.not-open", `the tape did not open (${state.fault?.message ?? "no reason given"}): open another one`);
    return { state, effects: [{ type: "refuse", fault }] };
  }
  const after = state.then === "playing" && state.mode !== "failed" ? "playing" : "paused";
  switch (command.type) {
    case "play":
      return play(state);
    case "pause":
      return pause(state);
    case "follow":
      return seek(state, { kind: "end" }, "following");
    case "speed":
      return { state: { ...state, speed: command.speed, playheadNs: state.point.knownNs }, effects: [CHANGED] };
    case "step":
      return step(state, { kind: "step", by: command.by, count: command.count * command.direction });
    case "seek_time":
      return seek(state, { kind: "time", ms: command.ms, fit: command.fit }, after);
    case "seek_cursor":
      return seek(state, { kind: "cursor", cursor: command.cursor }, after);
    case "seek_seq":
      return seek(state, { kind: "seq", seq: command.seq }, after);
    default:
      return unreachable(command);
  }
}

/** A slice of reading ended, one way or another: go on as the mode says. */
function onSlice(state: PlayerState, point: PlayerPoint, ended: boolean): PlayerStep {
  const next: PlayerState = { ...state, running: undefined, point };
  if (next.mode === "seeking") return settle(next);
  if (next.mode === "following") return ended ? catchUp({ ...next, end: later(next.end, point) }) : catchUp(next);
  if (next.mode !== "playing") return { state: next, effects: [CHANGED] };
  if (!ended) return { state: next, effects: [{ type: "schedule_tick", fresh: false }, CHANGED] };
  // Playback that reaches the edge of a growing tape has caught up with the present.
  return next.growing
    ? catchUp({ ...next, mode: "following", then: "following" })
    : { state: { ...next, mode: "paused", then: "paused" }, effects: [CHANGED] };
}

function later(a: PlayerPoint, b: PlayerPoint): PlayerPoint {
  return a.seq >= b.seq ? a : b;
}

function onFact(state: PlayerState, fact: PlayerFact): PlayerStep {
  if (fact.type === "grew") {
    const next = { ...state, end: fact.end, growing: fact.growing };
    return next.mode === "following" ? catchUp(next) : { state: next, effects: [CHANGED] };
  }
  if (fact.epoch !== state.epoch) return { state, effects: [] };
  switch (fact.type) {
    case "opened":
      if (state.mode !== "opening") return { state, effects: [] };
      return settle({ ...state, opened: true, point: fact.point, end: later(state.end, fact.end), growing: fact.growing });
    case "arrived":
      return settle({ ...state, running: undefined, point: fact.point });
    case "advanced":
    case "cancelled":
      return onSlice(state, fact.point, false);
    case "ended":
      return onSlice(state, fact.point, true);
    case "refused":
      return settle({ ...state, running: undefined, queue: [], then: state.then === "following" ? "paused" : state.then, fault: fact.fault });
    case "failed":
      return { state: { ...state, mode: "failed", then: "paused", running: undefined, queue: [], fault: fact.fault }, effects: [CHANGED] };
    default:
      return unreachable(fact);
  }
}

function onTick(state: PlayerState, elapsedMs: number): PlayerStep {
  if (state.mode !== "playing") return { state, effects: [] };
  if (state.running !== undefined) return { state, effects: [{ type: "schedule_tick", fresh: false }] };
  const playheadNs = state.playheadNs + paceNs({ elapsedMs, speed: state.speed });
  const operation: Operation = { kind: "advance", untilNs: state.speed === 0 ? undefined : playheadNs };
  return { state: { ...state, playheadNs, running: operation }, effects: [{ type: "run", operation, epoch: state.epoch }] };
}

/** One step of the machine. Closing wins over everything; a closed player answers nothing. */
export function stepPlayer(state: PlayerState, input: PlayerInput): PlayerStep {
  if (state.mode === "closed") return { state, effects: [] };
  switch (input.type) {
    case "close":
      return {
        state: { ...state, mode: "closed", epoch: state.epoch + 1, running: undefined, queue: [], then: "paused" },
        effects: [{ type: "cancel" }, { type: "close" }],
      };
    case "command":
      return onCommand(state, input.command);
    case "fact":
      return onFact(state, input.fact);
    case "tick":
      return onTick(state, input.elapsedMs);
    default:
      return unreachable(input);
  }
}
