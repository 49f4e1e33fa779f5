// A hole in the sequence is drawn as a gap of the series on screen, once, and goes with the view that it was drawn into.
import { describe, expect, it } from "vitest";
import type { RemoteSeriesStatus, RemoteStatus } from "../../shared/protocol/frames.ts";
import { explainGap } from "../timeline/explain.ts";
import { initialView, type ViewState } from "../store/view.ts";
import { gapOfHole, withHoles } from "./holes.ts";

const btc = { venue: "IBKR", symbol: "ES", interval: "1m" } as const;
const hole = { fromSequence: 220, toSequence: 227, fromMs: 600_000, toMs: 1_080_000, why: "RETENTION_EXCEEDED" };
const series: RemoteSeriesStatus = {
  ...btc, state: "live", detail: "", appliedSequence: 300, latestSequence: 300, lagMs: 7, lastFrameMs: 1, duplicates: 0, gapsSeen: 0, backfilled: 0, holes: [hole],
};
const remote: RemoteStatus = {
  remoteId: "desk", name: "Desk", rpc: "tcp://127.0.0.1:5557", pub: undefined, serverKey: undefined, state: "live", detail: "", serverVersion: "0.1.0", mode: "live",
  historyId: undefined, attempts: 0, malformed: 0, series: [series], offered: [],
};
const view: ViewState = { ...initialView(), series: btc };

describe("a hole", () => {
  it("is a gap that could not be filled, with its sequences and its reason", () => {
    const gap = gapOfHole(series, hole);
    expect(gap && explainGap(gap)).toBe("00:10:00.000–00:18:00.000 (8 min), the remote no longer has these sequences: sequences 220–227, older than the server keeps. Could not be filled.");
  });

  it("before everything known is drawn as the bucket before the first, and without any time not at all", () => {
    expect(gapOfHole(series, { ...hole, fromMs: undefined })?.fromMs).toBe(1_020_000);
    expect(gapOfHole(series, { ...hole, fromMs: undefined, toMs: undefined })).toBeUndefined();
  });

  it("is added once, so that nothing is drawn again", () => {
    const drawn = withHoles(view, remote);
    expect(drawn.gaps.map(({ cause }) => cause)).toEqual(["remote_hole"]);
    expect(withHoles(drawn, remote)).toBe(drawn);
  });

  it("that the view tells itself is not drawn twice", () => {
    const told = { ...view, gaps: [{ ...gapOfHole(series, hole), gapId: "told" }] } as ViewState;
    expect(withHoles(told, remote)).toBe(told);
  });

  it("of another series is not drawn", () => {
    const other: ViewState = { ...view, series: { ...btc, interval: "5m" } };
    expect(withHoles(other, remote)).toBe(other);
    expect(withHoles(view, undefined)).toBe(view);
  });
});
