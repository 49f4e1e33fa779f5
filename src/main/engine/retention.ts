// Which captures retention removes: whole captures, oldest first, and never one that somebody still needs. Pure.
// The log is the truth and candles are derived from its start: a part of a capture is never removed.
import type { RetentionLimits } from "../../shared/protocol/commands.ts";
import type { CaptureSummary, RetentionPreview } from "../../shared/protocol/frames.ts";
import { bytesText } from "./health-words.ts";

const DAY_MS = 86_400_000;

type Candidate = Pick<CaptureSummary, "captureId" | "bytes" | "state" | "toMs" | "pinned" | "exportedMs">;
type Kept = RetentionPreview["keeps"][number];

/** What a capture is kept for whatever its age and size; undefined: it may go. */
function needed(capture: Candidate, limits: RetentionLimits, isInUse: boolean): Exclude<Kept["why"], "within limits"> | undefined {
  if (capture.state === "recording" || capture.state === "importing") return "recording";
  if (isInUse) return "in use";
  if (capture.pinned) return "pinned";
  // Nobody can say how old it is, or what would be lost with it: that is a person's to decide.
  if (capture.state === "damaged" || capture.state === "newer" || capture.toMs === undefined) return "unreadable";
  if (capture.exportedMs === undefined && !limits.unexported) return "not exported";
  return undefined;
}

function age(ms: number): string {
  return ms < 2 * DAY_MS ? `${(ms / 3_600_000).toFixed(1)} hours` : `${(ms / DAY_MS).toFixed(1)} days`;
}

/** `inUse`: captures that a screen or a server has open. Equal ages go by name. */
export function planRetention(captures: readonly Candidate[], limits: RetentionLimits, now: { readonly ms: number; readonly inUse: ReadonlySet<string> }): RetentionPreview {
  const { maxAgeDays, maxBytes } = limits;
  const oldestFirst = [...captures].sort((a, b) => (a.toMs ?? Infinity) - (b.toMs ?? Infinity) || (a.captureId < b.captureId ? -1 : 1));
  const removes: RetentionPreview["removes"][number][] = [];
  const keeps: Kept[] = [];
  let left = captures.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const capture of oldestFirst) {
    const { captureId, bytes, toMs } = capture;
    const why = needed(capture, limits, now.inUse.has(captureId));
    const tooOld = maxAgeDays !== undefined && toMs !== undefined && now.ms - toMs > maxAgeDays * DAY_MS;
    const tooMuch = maxBytes !== undefined && left > maxBytes;
    if (why !== undefined || (!tooOld && !tooMuch)) {
      keeps.push({ captureId, bytes, why: why ?? "within limits" });
      continue;
    }
    const reason = tooOld ? `its last message is ${age(now.ms - toMs)} old, the limit is ${age(maxAgeDays * DAY_MS)}` : `captures take ${bytesText(left)}, the limit is ${bytesText(maxBytes)}, and it is the oldest that may go`;
    removes.push({ captureId, bytes, why: reason });
    left -= bytes;
  }
  return { removes, keeps, bytes: removes.reduce((sum, { bytes }) => sum + bytes, 0) };
}
