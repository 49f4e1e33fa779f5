// The ledger's rows: filtered, newest first, each cell a dash where nothing is known.
import { describe, expect, it } from "vitest";
import type { GapEntry } from "../../shared/candles.ts";
import { initialView } from "../store/view.ts";
import { choicesOf, effectText, idsText, ledgerRows, missingText, NO_FILTER, receivedText } from "./rows.ts";

function gap(gapId: string, fromMs: number, more: Partial<GapEntry> = {}): GapEntry {
  return { gapId, streamId: "sim:BTCUSDT:aggTrade", fromMs, toMs: fromMs + 1_000, fromId: undefined, toId: undefined, missing: undefined, cause: "disconnect", state: "open", attempts: 0, detail: "", atSeq: 1, ...more };
}

const gaps = [gap("a", 1_000), gap("b", 3_000, { state: "repaired", cause: "id_hole" }), gap("c", 2_000, { toMs: undefined, streamId: "sim:BTCUSDT:trade" })];
const idsOf = (rows: readonly GapEntry[]): string => rows.map(({ gapId }) => gapId).join("");

describe("the ledger", () => {
  it("is newest first and filtered by state, cause and stream", () => {
    expect(idsOf(ledgerRows(gaps, NO_FILTER, undefined))).toBe("bca");
    expect(idsOf(ledgerRows(gaps, { ...NO_FILTER, state: "open" }, undefined))).toBe("ca");
    expect(idsOf(ledgerRows(gaps, { ...NO_FILTER, cause: "id_hole" }, undefined))).toBe("b");
    expect(idsOf(ledgerRows(gaps, { ...NO_FILTER, streamId: "sim:BTCUSDT:trade" }, undefined))).toBe("c");
    expect(choicesOf(gaps, "state")).toEqual(["open", "repaired"]);
  });

  it("is sorted by what a person chose: what goes on lasts longest, what needs something comes first", () => {
    expect(idsOf(ledgerRows(gaps, NO_FILTER, { column: "span", direction: -1 }))[0]).toBe("c");
    expect(idsOf(ledgerRows(gaps, NO_FILTER, { column: "state", direction: 1 }))).toBe("cab");
  });

  it("says nothing where nothing is known", () => {
    const one = gap("a", 1_000);
    expect([idsText(one), missingText(one), receivedText(one), effectText(initialView(), one)]).toEqual(["–", "–", "–", "–"]);
    expect([idsText({ fromId: 7, toId: 7 }), idsText({ fromId: 7, toId: 9 }), missingText({ fromId: 7, toId: 9, missing: 1 }), missingText({ fromId: 7, toId: 9, missing: 3 })]).toEqual(["7", "7…9", "1 of 3", "3"]);
    expect(receivedText({ fromRecvNs: "1700000000123456789", toRecvNs: undefined })).toBe("22:13:20.123 – …");
  });
});
