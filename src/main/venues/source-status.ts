// One line for the screen about a venue: live, degraded, banned … and why.
import type { Fault } from "../../shared/base.ts";
import type { VenueId } from "../../shared/market.ts";
import type { SourceStatus, StreamStatus } from "../../shared/protocol/frames.ts";
import type { ClockOffset } from "./clock-offset.ts";
import type { ConnectionEnd } from "./connection.ts";
import type { RateBudget } from "./rate-budget.ts";

export interface SourceFacts {
  readonly venue: VenueId;
  readonly state: "new" | "running" | "stopped";
  readonly halted: Fault | undefined;
  readonly streams: readonly StreamStatus[];
  readonly budget: RateBudget;
  readonly offset: ClockOffset | undefined;
  readonly anyOpen: boolean;
  readonly lastEnd: ConnectionEnd | undefined;
  /** Something that a person should know although data flows. */
  readonly notice: string | undefined;
}

function isFine({ state }: StreamStatus): boolean {
  return state === "live";
}

function stateOf(facts: SourceFacts): Pick<SourceStatus, "state" | "detail"> {
  const { budget, streams, lastEnd } = facts;
  if (facts.halted !== undefined) return { state: "down", detail: facts.halted.message };
  if (facts.state !== "running") return { state: "off", detail: "" };
  const block = budget.block;
  if (block !== undefined) {
    const seconds = Math.ceil(block.forMs / 1_000);
    const what = block.kind === "banned" ? "banned from REST" : "REST limit reached";
    return { state: block.kind === "banned" ? "banned" : "degraded", detail: `${what}, ${seconds} s left (${block.detail})` };
  }
  if (!facts.anyOpen) {
    return lastEnd === undefined ? { state: "connecting", detail: "" } : { state: "down", detail: `${lastEnd.cause}${lastEnd.detail === "" ? "" : `: ${lastEnd.detail}`}` };
  }
  const troubled = streams.filter((stream) => !isFine(stream));
  if (troubled.length === 0) return { state: "live", detail: facts.notice ?? "" };
  if (troubled.every(({ state }) => state === "connecting" || state === "acknowledged")) return { state: "connecting", detail: `${troubled.length} streams without data yet` };
  return { state: "degraded", detail: `${troubled.length} of ${streams.length} streams are not live` };
}

export function sourceStatus(facts: SourceFacts): SourceStatus {
  return {
    venue: facts.venue, simulated: facts.venue === "sim", ...stateOf(facts),
    offsetMs: facts.offset === undefined ? undefined : Number(facts.offset.offsetNs) / 1e6,
    offsetErrorMs: facts.offset === undefined ? undefined : Number(facts.offset.errorNs) / 1e6,
    weightUsed: facts.budget.used, weightLimit: facts.budget.limit,
  };
}
