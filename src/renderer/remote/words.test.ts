// What a remote's state is called, and the one line over the chart: nothing while all is well, the reason when it is not.
import { describe, expect, it } from "vitest";
import type { RemoteSeriesStatus, RemoteState, RemoteStatus } from "../../shared/protocol/frames.ts";
import { bannerOf, explainHoles, isBehind, missingIn, REMOTE_STATES, seriesOf, standingOf, stateWords } from "./words.ts";

const btc = { venue: "sim", symbol: "BTCUSDT", interval: "1m" } as const;

function series(state: RemoteState, more: Partial<RemoteSeriesStatus> = {}): RemoteSeriesStatus {
  return { ...btc, state, detail: "", appliedSequence: 1_200, latestSequence: 1_200, lagMs: 7, lastFrameMs: 1, duplicates: 0, gapsSeen: 0, backfilled: 0, lastResync: undefined, holes: [], ...more };
}
function remote(state: RemoteState, more: Partial<RemoteStatus> = {}): RemoteStatus {
  return {
    remoteId: "desk", name: "Desk", rpc: "tcp://127.0.0.1:5557", pub: undefined, serverKey: undefined, state, detail: "", serverVersion: "0.1.0", mode: "live",
    historyId: undefined, attempts: 0, malformed: 0, series: [], offered: [], ...more,
  };
}

describe("a remote's state", () => {
  it("has a shape of its own, so that colour alone tells nothing", () => {
    const glyphs = Object.values(REMOTE_STATES).map(({ glyph }) => glyph);
    expect(new Set(glyphs).size).toBe(glyphs.length);
  });

  it("of a replay is never called live", () => {
    expect([stateWords("live", "live"), stateWords("live", "replay"), stateWords("live", "simulated"), stateWords("stale", "replay")]).toEqual(["live", "up to date", "up to date", "stale"]);
  });

  it("of the connection counts before that of a series, since without one nothing comes", () => {
    expect(standingOf(remote("reconnecting", { detail: "refused" }), series("live"))).toEqual({ state: "reconnecting", detail: "refused" });
    expect(standingOf(remote("connected"), series("warming"))).toEqual({ state: "warming", detail: "" });
    expect(standingOf(undefined, undefined).state).toBe("off");
  });

  it("is behind unless candles come", () => {
    expect((Object.keys(REMOTE_STATES) as RemoteState[]).filter((state) => !isBehind(state))).toEqual(["connected", "warming", "live"]);
  });
});

describe("the banner", () => {
  it.each([
    [remote("connected"), series("live"), undefined],
    [remote("reconnecting", { attempts: 4, detail: "connection refused" }), series("live"), "Reconnecting to Desk: attempt 4 · connection refused"],
    [remote("connecting", { attempts: 1 }), undefined, "Connecting to Desk"],
    [remote("connected"), series("warming", { appliedSequence: 412, latestSequence: 1_400 }), "Warming up from Desk: 412 of 1,400"],
    [remote("connected"), series("warming"), undefined],
    [remote("connected"), series("resyncing", { detail: "another history" }), "Resyncing with Desk · another history"],
    [remote("connected"), series("stale"), "Nothing comes from Desk"],
    [remote("off"), series("live"), "Not connected to Desk: these bars are the last that came"],
  ] as const)("of case %# is right", (one, two, text) => {
    expect(bannerOf("Desk", one, two)).toBe(text);
  });
});

describe("holes", () => {
  const holes = [{ fromSequence: 10, toSequence: 19, fromMs: 1, toMs: 2, why: "RETENTION_EXCEEDED" }, { fromSequence: 30, toSequence: 30, fromMs: 3, toMs: 4, why: "server_history" }];

  it("count sequences, not ranges, and say why", () => {
    expect(missingIn(holes)).toBe(11);
    expect(explainHoles(holes)).toBe("Sequences that can no longer be had:\n10–19: older than the server keeps\n30–30: missing in the server's own history");
  });

  it("belong to their series alone", () => {
    const one = remote("connected", { series: [series("live")] });
    expect(seriesOf(one, btc)?.symbol).toBe("BTCUSDT");
    expect(seriesOf(one, { ...btc, interval: "5m" })).toBeUndefined();
  });
});
