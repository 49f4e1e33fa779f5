// What a history id is made of, and how one begins anew: two pasts whose sequences differ never have one id.
import { canonicalStringify } from "../../../shared/canonical-json.ts";
import { sha256Hex } from "../../rawlog/sha256.ts";
import type { History } from "../model.ts";

export type HistoryParts = Omit<History, "historyId">;

/** sha256 (hex) of the canonical JSON of the parts. */
export function historyIdOf(parts: HistoryParts): string {
  const { mode, lineage, configDigest, canonicalizerVersion, runId } = parts;
  return sha256Hex(Buffer.from(canonicalStringify({ mode, lineage, configDigest, canonicalizerVersion, runId }), "utf8"));
}

export function historyOf(parts: HistoryParts): History {
  const { mode, lineage, configDigest, canonicalizerVersion, runId } = parts;
  return { historyId: historyIdOf(parts), mode, lineage, configDigest, canonicalizerVersion, runId };
}

/** The same past told anew after the `times`-th damage to its journals: same name every time the server starts, so that it goes on with it. */
export function historyAfterDamage(history: History, times: number): History {
  if (times === 0) return history;
  return historyOf({ ...history, runId: `${history.runId === "" ? "" : `${history.runId}.`}damaged-${times}` });
}
