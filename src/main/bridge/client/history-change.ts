// Says for people why sequences begin anew: what differs between the past that was followed and the one that is served now.
import type { BridgeMode, History } from "../model.ts";
import type { Refusal } from "../wire/messages.ts";

const MODES: Readonly<Record<BridgeMode, string>> = { live: "live data", replay: "a replay", simulated: "simulated data" };

/** One line. Both histories must have different ids. */
export function historyChange(before: History, after: History): string {
  const changes: string[] = [];
  if (before.mode !== after.mode) changes.push(`it serves ${MODES[after.mode]} now, before ${MODES[before.mode]}`);
  if (before.lineage !== after.lineage) changes.push(`another capture (${after.lineage}, before ${before.lineage})`);
  if (before.configDigest !== after.configDigest) changes.push("another configuration");
  if (before.canonicalizerVersion !== after.canonicalizerVersion) {
    changes.push(`another canonicalizer version (${before.canonicalizerVersion} → ${after.canonicalizerVersion})`);
  }
  if (changes.length === 0) {
    changes.push(before.runId === after.runId ? `another history (${shortId(before)} → ${shortId(after)})` : runChange(after));
  }
  return `the server tells another history: ${changes.join(", ")}`;
}

function runChange(after: History): string {
  return after.mode === "replay" ? "another run of the replay" : "its journal was begun anew";
}

function shortId({ historyId }: History): string {
  return historyId.slice(0, 12);
}

/** Why what was applied up to `after` cannot be gone on from; undefined when it can. */
export function reasonToBegin(
  known: History | undefined, ack: { readonly history: History; readonly latestSequence: number; readonly refusal: Refusal | undefined }, after: number,
): string | undefined {
  if (known === undefined) return undefined;
  if (known.historyId !== ack.history.historyId) return historyChange(known, ack.history);
  if (ack.refusal?.code !== "BEYOND_LATEST" && ack.latestSequence >= after) return undefined;
  return `the server's journal was begun anew: it ends at ${ack.latestSequence}, ${after} were applied here`;
}
