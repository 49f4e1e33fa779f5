// What the pointer finds in the lanes, and how it is explained.
import { describe, expect, it } from "vitest";
import type { GapEntry } from "../../shared/candles.ts";
import { timeToX, type TimeAxis } from "../chart/axis.ts";
import { initialView, type ViewState } from "../store/view.ts";
import { explainGap } from "./explain.ts";
import { itemAt, LANE_PX } from "./layout.ts";

const MINUTE = 60_000;
const axis: TimeAxis = { firstOpenMs: 0, intervalMs: MINUTE, slots: 100, originX: 4, spacing: 8, width: 800 };
const gap: GapEntry = {
  gapId: "g", streamId: "s", fromMs: 10 * MINUTE + 8_000, toMs: 10 * MINUTE + 11_000, fromId: 1, toId: 212, missing: 0, cause: "disconnect", state: "repaired", attempts: 1,
  detail: "Binance closed the socket (24 h)", atSeq: 1,
};
const view: ViewState = {
  ...initialView(), series: { venue: "sim", symbol: "BTCUSDT", interval: "1m" }, gaps: [gap],
  empty: [{ fromOpenMs: 20 * MINUTE, untilOpenMs: 25 * MINUTE, grade: "missing" }],
  revisions: [{ openMs: 30 * MINUTE, revision: 2, reason: "late_data", atSeq: 88_123 }],
};
const at = (x: number, lane: number): ReturnType<typeof itemAt> => itemAt({ view, axis, x, y: lane * LANE_PX + 5, cursorMs: undefined });

describe("the lanes", () => {
  it("explain a gap in one sentence", () => {
    expect(explainGap(gap)).toBe("00:10:08.000–00:10:11.000 (3.0 s), the connection closed: Binance closed the socket (24 h). Repaired. 212 ids affected, 0 missing.");
  });

  it("explain a remote's hole by its sequences, with or without a beginning", () => {
    const hole: GapEntry = { ...gap, fromId: 220, toId: 227, missing: 8, cause: "remote_hole", state: "GAP_UNRESOLVED", detail: "entries 220…227 were not received" };
    expect(explainGap(hole)).toBe("00:10:08.000–00:10:11.000 (3.0 s), sequences of the remote are lost: entries 220…227 were not received. Could not be filled.");
    expect(explainGap({ ...hole, fromMs: 0 })).toBe("up to 00:10:11.000, sequences of the remote are lost: entries 220…227 were not received. Could not be filled.");
  });

  it("find a gap within a few pixels, and go to its end", () => {
    expect(at(timeToX(axis, gap.fromMs) - 5, 1)?.goTo).toEqual({ kind: "time", ms: gap.toMs });
    expect(at(timeToX(axis, gap.fromMs) - 20, 1)).toBeUndefined();
  });

  it("know the grade of a bucket without bars", () => {
    expect(at(timeToX(axis, 22 * MINUTE), 0)?.text).toContain("missing: no data");
    expect(at(timeToX(axis, 40 * MINUTE), 0)).toBeUndefined();
  });

  it("lead from a revision to the message that caused it", () => {
    expect(at(timeToX(axis, 30.5 * MINUTE), 2)?.goTo).toEqual({ kind: "seq", seq: 88_123 });
  });
});
