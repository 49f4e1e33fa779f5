// What a view update does to the view: reset replaces, changes merge by key.
import { describe, expect, it } from "vitest";
import type { GapEntry } from "../../shared/candles.ts";
import type { EngineFrame, PlayerView, ViewUpdate } from "../../shared/protocol/frames.ts";
import { changesOf, isStale } from "./engine-state.ts";
import { applyView, initialView, mergeByKey } from "./view.ts";

const none = new Float64Array(0);
function update(kind: ViewUpdate["kind"], more: Partial<ViewUpdate> = {}): ViewUpdate {
  return {
    kind, venue: "sim", symbol: "BTCUSDT", interval: "1m", empty: [], gaps: [], revisions: [], events: [], moreBefore: false,
    bars: {
      length: 0, priceScale: 0, volumeScale: 0, quoteScale: 0, openMs: none, open: none, high: none, low: none, close: none, volume: none, quoteVolume: none,
      takerBuyVolume: none, tradeCount: none, atSeq: none, revision: new Uint16Array(0), grade: new Uint8Array(0), flags: new Uint8Array(0),
    },
    ...more,
  };
}
function gap(gapId: string, state: GapEntry["state"]): GapEntry {
  return { gapId, streamId: "s", fromMs: 1, toMs: 2, fromId: undefined, toId: undefined, missing: undefined, cause: "silent", state, attempts: 0, detail: "", atSeq: 1 };
}

describe("a view", () => {
  it("replaces a gap by its later state and keeps the others", () => {
    const opened = applyView(initialView(), update("reset", { gaps: [gap("a", "open"), gap("b", "open")] }));
    const repaired = applyView(opened, update("changes", { gaps: [gap("a", "repaired"), gap("c", "open")] }));
    expect(repaired.gaps.map((one) => `${one.gapId} ${one.state}`)).toEqual(["a repaired", "b open", "c open"]);
  });

  it("forgets everything on a reset and counts it", () => {
    const opened = applyView(initialView(), update("reset", { gaps: [gap("a", "open")] }));
    const reset = applyView(opened, update("reset"));
    expect([reset.gaps, reset.resets, reset.version]).toEqual([[], 2, 2]);
  });

  it("keeps the same list when nothing came, so that nothing renders again", () => {
    const list = [1, 2];
    expect(mergeByKey(list, [], String)).toBe(list);
  });
});

describe("a frame", () => {
  const frame: EngineFrame = { frame: 1, epoch: 4, mode: { simulated: true, replay: false } };

  it("of an older epoch is stale", () => {
    expect([isStale(frame, 4), isStale(frame, 5)]).toEqual([false, true]);
  });

  it("changes only what it holds", () => {
    const before = { tape: undefined, heldPlayer: undefined };
    expect(Object.keys(changesOf(frame, before))).toEqual(["epoch", "mode"]);
    expect(changesOf({ ...frame, newestRecvMs: 10, madeMs: 17 }, before).lagMs).toBe(7);
  });

  it("of a remote has no player, and the way back finds the one before", () => {
    const player = { captureId: "a" } as PlayerView;
    const capture = { kind: "capture", captureId: "a" } as const;
    const before = { tape: capture, heldPlayer: player };
    const away = changesOf({ ...frame, tape: { kind: "remote", remoteId: "desk", name: "Desk" } }, before);
    expect([away.tape?.kind, away.player, away.heldPlayer]).toEqual(["remote", undefined, player]);
    const back = changesOf({ ...frame, tape: capture }, { tape: away.tape, heldPlayer: away.heldPlayer });
    expect([back.tape?.kind, back.player]).toEqual(["capture", player]);
  });
});
