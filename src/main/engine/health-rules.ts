// What makes a recording GREEN, AMBER or RED: one table of rules with their thresholds. docs/metrics.md lists it. Pure.
import type { Fault } from "../../shared/base.ts";
import type { DiskHealth, HealthColour, StreamHealth, VenueHealth } from "../../shared/protocol/health.ts";
import type { RecordingStatus } from "../../shared/protocol/frames.ts";
import type { Column } from "./health-words.ts";
import { bytesText, counted, listed, secondsText } from "./health-words.ts";

export const HEALTH_THRESHOLDS = {
  /** Received → written, 99th percentile of a stream over the last minute. */
  hereToLogP99Ms: 250,
  /** Our clock against the venue's. */
  offsetMs: 500,
  /** Half the round trip of the measurement: what of the offset is not known. */
  offsetErrorMs: 250,
  /** How far candles may be behind the venue's time: lateness is 3 s, deriving runs every 0.2 s. */
  watermarkAgeMs: 60_000,
  /** Of a venue's REST budget. */
  weightShare: 0.9,
} as const;

/** What the rules look at. */
export interface Findable {
  readonly recording: { readonly state: RecordingStatus["state"]; readonly fault: Fault | undefined };
  /** Threads of the recording that ended without being asked to. */
  readonly dead: readonly string[];
  /** Why no candles are made any more. */
  readonly derivingFailed: string | undefined;
  /** What writing Parquet fails with; the log is not affected. */
  readonly lakeFault: Fault | undefined;
  readonly streams: readonly StreamHealth[];
  readonly venues: readonly VenueHealth[];
  readonly disk: DiskHealth;
}

export interface HealthRule {
  readonly id: string;
  readonly colour: Exclude<HealthColour, "GREEN">;
  /** For the documentation: when it holds. */
  readonly when: string;
  /** One line for a person per finding. */
  find(seen: Findable): readonly string[];
}

const GONE: ReadonlySet<string> = new Set(["stale", "down", "rejected", "dead_symbol", "failed_closed"]);

function ofVenue(seen: Findable, venue: string): readonly StreamHealth[] {
  return seen.streams.filter((stream) => stream.venue === venue);
}

function isVenueGone(seen: Findable, venue: string): boolean {
  const streams = ofVenue(seen, venue);
  return streams.length > 0 && streams.every(({ state }) => GONE.has(state));
}

/** One line per venue for the streams that fit, naming the first few. */
function perVenue(seen: Findable, fits: (stream: StreamHealth) => boolean, say: (names: string, streams: readonly StreamHealth[]) => string): readonly string[] {
  return seen.venues.flatMap(({ venue }) => {
    const streams = ofVenue(seen, venue).filter(fits);
    return streams.length === 0 ? [] : [`${venue}: ${say(listed(streams.map(({ symbol, channel }) => `${symbol} ${channel}`)), streams)}`];
  });
}

function total(streams: readonly StreamHealth[], column: Column): number {
  return streams.reduce((sum, stream) => sum + stream[column], 0);
}

const isAre = (streams: readonly unknown[]): string => (streams.length === 1 ? "is" : "are");

export const HEALTH_RULES: readonly HealthRule[] = [
  {
    id: "recording.halted", colour: "RED", when: "the recorder stopped for good: disk full, disk failing, a dead thread",
    find: ({ recording: { state, fault }, disk }) => (state === "halted" && disk.state !== "full" ? [`recording stopped: ${fault?.message ?? "see the log"}`] : []),
  },
  {
    id: "disk.full", colour: "RED", when: "free space is below the stop threshold; the recording was stopped in good order",
    find: ({ disk }) => (disk.state === "full" ? [`the disk is too full to record: ${bytesText(disk.freeBytes)} free; free some space, then start the recording again`] : []),
  },
  {
    id: "thread.dead", colour: "RED", when: "a thread of the recording ended without being asked to",
    find: ({ dead, recording }) => (recording.state === "halted" ? [] : dead),
  },
  {
    id: "deriver.dead", colour: "RED", when: "no candles are made any more in this run; the log goes on",
    find: ({ derivingFailed }) => (derivingFailed === undefined ? [] : [`candles are not derived any more: ${derivingFailed}`]),
  },
  {
    id: "venue.down", colour: "RED", when: "every stream of a venue is stale, down, rejected, dead or failed closed",
    find: (seen) => seen.venues.filter(({ venue }) => isVenueGone(seen, venue)).map(({ venue, detail }) => `${venue}: no stream delivers${detail === "" ? "" : ` (${detail})`}`),
  },
  {
    id: "stream.gone", colour: "AMBER", when: "a stream is stale, down, rejected or failed closed, while others of its venue deliver",
    find: (seen) => perVenue(seen, ({ state, venue }) => GONE.has(state) && state !== "dead_symbol" && !isVenueGone(seen, venue),
      (names, streams) => `${names} ${isAre(streams)} ${[...new Set(streams.map(({ state }) => state.replaceAll("_", " ")))].join(", ")}`),
  },
  {
    id: "stream.dead-symbol", colour: "AMBER", when: "the venue does not know a symbol any more, or renamed it",
    find: (seen) => perVenue(seen, ({ state, venue }) => state === "dead_symbol" && !isVenueGone(seen, venue), (_names, streams) => {
      const names = [...new Set(streams.map(({ symbol, renamedTo }) => (renamedTo === undefined ? symbol : `${symbol} (now ${renamedTo})`)))];
      return `${listed(names)} ${isAre(names)} no longer traded under that name`;
    }),
  },
  {
    id: "stream.waiting", colour: "AMBER", when: "a stream is connecting or has no data yet",
    find: (seen) => perVenue(seen, ({ state }) => state === "connecting" || state === "acknowledged", (_names, streams) => `${counted(streams.length, "stream")} without data yet`),
  },
  {
    id: "gaps.open", colour: "AMBER", when: "something is missing and may still be repaired",
    find: (seen) => perVenue(seen, ({ gapsOpen }) => gapsOpen > 0, (names, streams) => `${counted(total(streams, "gapsOpen"), "gap")} open in ${names}`),
  },
  {
    id: "gaps.unresolved", colour: "AMBER", when: "a gap was given up since the recording started",
    find: (seen) => perVenue(seen, ({ gapsUnresolved }) => gapsUnresolved > 0, (names, streams) => `${counted(total(streams, "gapsUnresolved"), "gap")} unresolved in ${names}`),
  },
  {
    id: "stream.conflicts", colour: "AMBER", when: "one trade id came with two different contents since the recording started",
    find: (seen) => perVenue(seen, ({ conflicts }) => conflicts > 0, (names, streams) => `${counted(total(streams, "conflicts"), "conflicting message")} in ${names}`),
  },
  {
    id: "candles.behind", colour: "AMBER", when: `candles of a live stream are more than ${HEALTH_THRESHOLDS.watermarkAgeMs / 1_000} s behind the venue's time`,
    find: (seen) => perVenue(seen, ({ state, watermarkAgeMs }) => state === "live" && (watermarkAgeMs ?? 0) > HEALTH_THRESHOLDS.watermarkAgeMs,
      (names, streams) => `candles of ${names} are ${secondsText(Math.max(...streams.map(({ watermarkAgeMs }) => watermarkAgeMs ?? 0)))} behind`),
  },
  {
    id: "log.slow", colour: "AMBER", when: `received → written takes more than ${HEALTH_THRESHOLDS.hereToLogP99Ms} ms (p99 of the last minute)`,
    find: (seen) => perVenue(seen, ({ hereToLog }) => (hereToLog?.p99 ?? 0) > HEALTH_THRESHOLDS.hereToLogP99Ms,
      (names, streams) => `writing takes ${Math.round(Math.max(...streams.map(({ hereToLog }) => hereToLog?.p99 ?? 0)))} ms (p99) for ${names}: the disk or the machine is too slow`),
  },
  {
    id: "venue.banned", colour: "AMBER", when: "REST of a venue is stopped: banned, or its limit was reached",
    find: ({ venues }) => venues.flatMap(({ venue, banLeftMs }) => (banLeftMs === undefined ? [] : [`${venue}: REST is stopped for ${secondsText(banLeftMs)} more: gaps wait`])),
  },
  {
    id: "venue.weight", colour: "AMBER", when: `more than ${HEALTH_THRESHOLDS.weightShare * 100} % of a venue's REST budget is used`,
    find: ({ venues }) => venues.flatMap(({ venue, weightUsed, weightLimit }) =>
      (weightUsed !== undefined && weightLimit !== undefined && weightUsed > weightLimit * HEALTH_THRESHOLDS.weightShare ? [`${venue}: ${weightUsed} of ${weightLimit} REST weight used`] : [])),
  },
  {
    id: "clock.offset", colour: "AMBER", when: `this machine's clock is more than ${HEALTH_THRESHOLDS.offsetMs} ms off a venue's`,
    find: ({ venues }) => venues.flatMap(({ venue, offsetMs }) => (Math.abs(offsetMs ?? 0) > HEALTH_THRESHOLDS.offsetMs ? [`this clock is ${Math.round(Math.abs(offsetMs ?? 0))} ms ${(offsetMs ?? 0) > 0 ? "behind" : "ahead of"} ${venue}: check the time service`] : [])),
  },
  {
    id: "clock.error", colour: "AMBER", when: `the offset to a venue's clock is known only to ±${HEALTH_THRESHOLDS.offsetErrorMs} ms or worse`,
    find: ({ venues }) => venues.flatMap(({ venue, offsetErrorMs }) => ((offsetErrorMs ?? 0) > HEALTH_THRESHOLDS.offsetErrorMs ? [`the clock of ${venue} is known only to ±${Math.round(offsetErrorMs ?? 0)} ms`] : [])),
  },
  {
    id: "disk.low", colour: "AMBER", when: "free space is below the warning threshold",
    find: ({ disk }) => (disk.state === "low" ? [`the disk is getting full: ${bytesText(disk.freeBytes)} free${disk.hoursToFull === undefined ? "" : `, ${disk.hoursToFull.toFixed(1)} h of recording`}`] : []),
  },
  {
    id: "lake.failing", colour: "AMBER", when: "Parquet cannot be written; the log is not affected",
    find: ({ lakeFault }) => (lakeFault === undefined ? [] : [`Parquet is not written: ${lakeFault.message}`]),
  },
  {
    id: "recording.off", colour: "AMBER", when: "nothing is being recorded, by a person's choice",
    find: ({ recording: { state } }) => (state === "off" ? ["nothing is being recorded"] : []),
  },
];
