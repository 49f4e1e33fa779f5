// The player's transition table, and what must hold after any sequence of inputs.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PlayerCommand } from "../../shared/protocol/commands.ts";
import { paceNs, PLAYER_START, type PlayerEffect, type PlayerFact, type PlayerInput, type PlayerState, stepPlayer, STEPS_QUEUED_MAX, TICK_ELAPSED_MAX_MS } from "./player.ts";

const AT = { seq: 50, knownNs: 5_000n };
const END = { seq: 100, knownNs: 10_000n };
const FAULT = { code: "x.y", message: "no" };
const seek: PlayerCommand = { type: "seek_seq", seq: 7 };
const step: PlayerCommand = { type: "step", by: "event", direction: -1, count: 3 };

function command(value: PlayerCommand): PlayerInput {
  return { type: "command", command: value };
}
function fact(value: PlayerFact): PlayerInput {
  return { type: "fact", fact: value };
}
function opened(growing = false): PlayerState {
  return stepPlayer(PLAYER_START, fact({ type: "opened", epoch: 0, point: AT, end: END, growing })).state;
}
function after(state: PlayerState, ...inputs: readonly PlayerInput[]): PlayerState {
  return inputs.reduce((now, input) => stepPlayer(now, input).state, state);
}

const STATES: Readonly<Record<PlayerState["mode"], PlayerState>> = {
  opening: PLAYER_START,
  paused: opened(),
  playing: after(opened(), command({ type: "play" })),
  seeking: after(opened(), command(seek)),
  following: { ...opened(true), mode: "following", then: "following", point: END },
  failed: { ...opened(), mode: "failed", fault: FAULT },
  closed: after(opened(), { type: "close" }),
};

/** Mode after the input, the operation it starts, and whether the epoch moves on. */
const TABLE: Readonly<Record<string, { readonly input: (state: PlayerState) => PlayerInput; readonly modes: Readonly<Record<PlayerState["mode"], string>> }>> = {
  play: { input: () => command({ type: "play" }), modes: { opening: "opening", paused: "playing", playing: "playing", seeking: "seeking", following: "playing", failed: "playing", closed: "closed" } },
  pause: { input: () => command({ type: "pause" }), modes: { opening: "opening", paused: "paused", playing: "paused", seeking: "seeking", following: "paused", failed: "failed", closed: "closed" } },
  follow: { input: () => command({ type: "follow" }), modes: { opening: "opening", paused: "seeking+", playing: "seeking+", seeking: "seeking+", following: "seeking+", failed: "seeking+", closed: "closed" } },
  seek: { input: () => command(seek), modes: { opening: "opening", paused: "seeking+", playing: "seeking+", seeking: "seeking+", following: "seeking+", failed: "seeking+", closed: "closed" } },
  step: { input: () => command(step), modes: { opening: "opening", paused: "seeking+", playing: "seeking+", seeking: "seeking", following: "seeking+", failed: "seeking+", closed: "closed" } },
  speed: { input: () => command({ type: "speed", speed: 5 }), modes: { opening: "opening", paused: "paused", playing: "playing", seeking: "seeking", following: "following", failed: "failed", closed: "closed" } },
  close: { input: () => ({ type: "close" }), modes: { opening: "closed+", paused: "closed+", playing: "closed+", seeking: "closed+", following: "closed+", failed: "closed+", closed: "closed" } },
  arrived: { input: ({ epoch }) => fact({ type: "arrived", epoch, point: AT }), modes: { opening: "paused", paused: "paused", playing: "playing", seeking: "paused", following: "paused", failed: "paused", closed: "closed" } },
  failed: { input: ({ epoch }) => fact({ type: "failed", epoch, fault: FAULT }), modes: { opening: "failed", paused: "failed", playing: "failed", seeking: "failed", following: "failed", failed: "failed", closed: "closed" } },
  refused: { input: ({ epoch }) => fact({ type: "refused", epoch, fault: FAULT }), modes: { opening: "paused", paused: "paused", playing: "playing", seeking: "paused", following: "paused", failed: "paused", closed: "closed" } },
  ended: { input: ({ epoch }) => fact({ type: "ended", epoch, point: END }), modes: { opening: "opening", paused: "paused", playing: "paused", seeking: "paused", following: "following", failed: "failed", closed: "closed" } },
  stale: { input: ({ epoch }) => fact({ type: "failed", epoch: epoch - 1, fault: FAULT }), modes: { opening: "opening", paused: "paused", playing: "playing", seeking: "seeking", following: "following", failed: "failed", closed: "closed" } },
  tick: { input: () => ({ type: "tick", elapsedMs: 16 }), modes: { opening: "opening", paused: "paused", playing: "playing", seeking: "seeking", following: "following", failed: "failed", closed: "closed" } },
};

describe("the transition table", () => {
  for (const [name, { input, modes }] of Object.entries(TABLE)) {
    // A fact about an operation cannot come while none has begun: those cells are covered by the properties below.
    const skipped = ["arrived", "refused"].includes(name) ? ["opening", "following", "failed"] : [];
    for (const mode of Object.keys(STATES) as PlayerState["mode"][]) {
      if (skipped.includes(mode)) continue;
      it(`${name} in ${mode} gives ${modes[mode]}`, () => {
        const before = STATES[mode];
        const { state } = stepPlayer(before, input(before));
        expect(`${state.mode}${state.epoch > before.epoch ? "+" : ""}`).toBe(modes[mode]);
      });
    }
  }
});

describe("pacing", () => {
  it("is elapsed time × speed, capped so that one slow frame does not slow the next", () => {
    expect(paceNs({ elapsedMs: 16, speed: 2 })).toBe(32_000_000n);
    expect(paceNs({ elapsedMs: 5_000, speed: 1 })).toBe(BigInt(TICK_ELAPSED_MAX_MS) * 1_000_000n);
    expect(paceNs({ elapsedMs: -3, speed: 1 })).toBe(0n);
  });

  it("moves the playhead on through silence and asks for no more than is due", () => {
    const { state, effects } = stepPlayer(STATES.playing, { type: "tick", elapsedMs: 10 });
    expect(effects).toEqual([{ type: "run", operation: { kind: "advance", untilNs: 5_000n + 10_000_000n }, epoch: state.epoch }]);
    const silent = after(state, fact({ type: "advanced", epoch: state.epoch, point: AT }), { type: "tick", elapsedMs: 10 });
    expect(silent.playheadNs).toBe(5_000n + 20_000_000n);
  });
});

describe("rules over several inputs", () => {
  it("live is following: playback that reaches the edge of a growing tape follows it", () => {
    const playing = after(opened(true), command({ type: "play" }), { type: "tick", elapsedMs: 1 });
    const caughtUp = after(playing, fact({ type: "ended", epoch: playing.epoch, point: END }));
    expect(caughtUp.mode).toBe("following");
    const { effects } = stepPlayer(caughtUp, fact({ type: "grew", end: { seq: 120, knownNs: 12_000n }, growing: true }));
    expect(effects).toContainEqual({ type: "run", operation: { kind: "advance", untilNs: undefined }, epoch: caughtUp.epoch });
    expect(after(caughtUp, fact({ type: "grew", end: END, growing: false })).mode).toBe("paused");
  });

  it("goes on playing after a seek, stays paused after a step", () => {
    const seeking = after(STATES.playing, command(seek));
    expect(after(seeking, fact({ type: "arrived", epoch: seeking.epoch, point: AT })).mode).toBe("playing");
    const stepping = after(STATES.playing, command(step));
    expect(after(stepping, fact({ type: "arrived", epoch: stepping.epoch, point: AT })).mode).toBe("paused");
  });

  it("loses no step: steps line up behind a running one, merged", () => {
    const stepping = after(opened(), command(step), command(step), command(step));
    const { effects } = stepPlayer(stepping, fact({ type: "arrived", epoch: stepping.epoch, point: AT }));
    expect(effects).toContainEqual({ type: "run", operation: { kind: "step", by: "event", count: -6 }, epoch: stepping.epoch });
  });

  it("refuses steps beyond the queue's size instead of dropping one silently", () => {
    let state = after(opened(), command(step));
    const kinds = Array.from({ length: STEPS_QUEUED_MAX + 1 }, (_, index): PlayerCommand => ({ type: "step", by: index % 2 === 0 ? "bar" : "event", direction: 1, count: 1 }));
    const effects: PlayerEffect[] = [];
    for (const kind of kinds) {
      const next = stepPlayer(state, command(kind));
      state = next.state;
      effects.push(...next.effects);
    }
    expect(effects.filter(({ type }) => type === "refuse")).toHaveLength(1);
  });

  it("a tape that did not open answers commands with its reason", () => {
    const failed = after(PLAYER_START, fact({ type: "failed", epoch: 0, fault: FAULT }));
    const { state, effects } = stepPlayer(failed, command({ type: "play" }));
    expect(state.mode).toBe("failed");
    expect(effects).toMatchObject([{ type: "refuse", fault: { code: "player.not-open" } }]);
  });
});

const anyCommand: fc.Arbitrary<PlayerCommand> = fc.oneof(
  fc.constantFrom<PlayerCommand>({ type: "play" }, { type: "pause" }, { type: "follow" }, seek, step, { type: "seek_cursor", cursor: "x" }),
  fc.record({ type: fc.constant("speed" as const), speed: fc.constantFrom(0, 1, 10) }),
  fc.record({ type: fc.constant("seek_time" as const), ms: fc.nat(), fit: fc.constantFrom("exact" as const, "clamped" as const) }),
);

/** Answers what runs until nothing does, as a tape would; ticks and growth are left out. */
function settle(start: PlayerState): PlayerState {
  let state = start;
  for (let turn = 0; turn < 50 && state.running !== undefined; turn += 1) {
    const { epoch, running } = state;
    const end = running.kind === "seek" && running.target.kind === "end";
    state = after(state, fact(running.kind === "advance" ? { type: "ended", epoch, point: END } : { type: "arrived", epoch, point: end ? END : AT }));
  }
  return state;
}

describe("for any sequence of commands, facts and ticks", () => {
  const noise = fc.constantFrom("tick", "stale", "advance", "grew", "settle");
  const inputs = fc.array(fc.oneof(anyCommand, noise), { maxLength: 40 });

  function play(start: PlayerState, sequence: readonly (PlayerCommand | string)[]): PlayerState {
    return sequence.reduce<PlayerState>((state, entry) => {
      if (typeof entry !== "string") return after(state, command(entry));
      if (entry === "tick") return after(state, { type: "tick", elapsedMs: 16 });
      if (entry === "stale") return after(state, fact({ type: "arrived", epoch: state.epoch - 1, point: AT }));
      if (entry === "grew") return after(state, fact({ type: "grew", end: END, growing: state.growing }));
      if (entry === "settle") return settle(state);
      return state.running?.kind === "advance" ? after(state, fact({ type: "advanced", epoch: state.epoch, point: AT })) : state;
    }, start);
  }

  it("the machine ends as its last command says", () => {
    fc.assert(fc.property(inputs, anyCommand, fc.boolean(), (sequence, last, growing) => {
      const before = play(opened(growing), sequence);
      const state = settle(after(before, command(last)));
      expect(state.running).toBeUndefined();
      if (last.type === "pause" || last.type === "step") expect(state.mode).toBe("paused");
      if (last.type === "follow") expect(state.mode).toBe(growing ? "following" : "paused");
      if (last.type === "play") expect(["playing", "following", "paused"]).toContain(state.mode);
      if (last.type === "speed") expect(state.speed).toBe(last.speed);
      if (last.type.startsWith("seek")) expect(["paused", "playing"]).toContain(state.mode);
    }));
  });

  it("the epoch never falls, close wins, and a closed player stays closed and silent", () => {
    fc.assert(fc.property(inputs, inputs, (before, later) => {
      const open = play(opened(), before);
      expect(open.epoch).toBeGreaterThanOrEqual(0);
      const closed = after(open, { type: "close" });
      expect(play(closed, later)).toEqual(closed);
      expect(stepPlayer(closed, command({ type: "play" })).effects).toEqual([]);
    }));
  });

  it("at most one operation is wanted at a time", () => {
    fc.assert(fc.property(inputs, anyCommand, (sequence, last) => {
      const { effects } = stepPlayer(play(opened(), sequence), command(last));
      expect(effects.filter(({ type }) => type === "run").length).toBeLessThanOrEqual(1);
    }));
  });
});
