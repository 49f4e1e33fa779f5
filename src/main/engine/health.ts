// The health report: everything known of a recording, judged by one table of rules. A pure function of what was observed.
import type { Fault } from "../../shared/base.ts";
import type { SourceStatus, StreamStatus, RecordingStatus } from "../../shared/protocol/frames.ts";
import type { DiskHealth, HealthReport, LatencyPercentiles, StreamHealth, VenueHealth } from "../../shared/protocol/health.ts";
import { HEALTH_RULES, type Findable } from "./health-rules.ts";
import type { RecordingVitals } from "./health-vitals.ts";

export interface HealthObservation {
  /** Wall clock of this machine, epoch ms. */
  readonly nowMs: number;
  readonly recording: { readonly state: RecordingStatus["state"]; readonly fault: Fault | undefined };
  /** Undefined when nothing is recorded. */
  readonly live: { readonly streams: readonly StreamStatus[]; readonly sources: readonly SourceStatus[]; readonly vitals: RecordingVitals } | undefined;
  readonly disk: DiskHealth;
  readonly lakeFault: Fault | undefined;
  readonly logToScreen: LatencyPercentiles | undefined;
}

type Live = NonNullable<HealthObservation["live"]>;

function streamHealth(status: StreamStatus, { vitals, sources }: Live, nowMs: number): StreamHealth {
  const { streamId, venue, symbol, channel, state, detail, lastFrameMs, messages, rate } = status;
  const facts = vitals.collectorOf(venue)?.streams.find((stream) => stream.streamId === streamId);
  const latency = vitals.latencyOf(streamId);
  const fold = vitals.foldOf(streamId);
  const offsetMs = sources.find((source) => source.venue === venue)?.offsetMs ?? 0;
  return {
    streamId, venue, symbol, channel, state, detail, lastFrameMs, messages, rate,
    exchangeToHere: latency?.exchangeToHere, hereToLog: latency?.hereToLog,
    duplicates: facts?.duplicates ?? status.duplicates, conflicts: facts?.conflicts ?? 0,
    // The ledger also knows what earlier runs left; the collector knows it a moment sooner.
    gapsOpen: Math.max(facts?.gapsOpen ?? status.gapsOpen, fold?.gapsOpen ?? 0), gapsUnresolved: facts?.gapsUnresolved ?? 0,
    watermarkMs: fold?.sealedMs, watermarkAgeMs: fold?.sealedMs === undefined ? undefined : nowMs + offsetMs - fold.sealedMs,
    renamedTo: facts?.renamedTo,
  };
}

const NO_BACKFILL: VenueHealth["backfill"] = { waiting: 0, done: 0, unresolved: 0 };

function venueHealth(source: SourceStatus, { vitals }: Live): VenueHealth {
  const { venue, state, detail, weightUsed, weightLimit, offsetMs, offsetErrorMs } = source;
  const known = vitals.collectorOf(venue);
  return {
    venue, state, detail, weightUsed: known?.weightUsed ?? weightUsed, weightLimit: known?.weightLimit ?? weightLimit, banLeftMs: known?.banLeftMs,
    offsetMs, offsetErrorMs, legs: known?.legs ?? [], backfill: known?.backfill ?? NO_BACKFILL,
  };
}

export function healthReport(seen: HealthObservation): HealthReport {
  const { live, nowMs, disk, logToScreen } = seen;
  const streams = live === undefined ? [] : live.streams.map((stream) => streamHealth(stream, live, nowMs));
  const venues = live === undefined ? [] : live.sources.map((source) => venueHealth(source, live));
  const findable: Findable = {
    recording: seen.recording, dead: live?.vitals.dead ?? [], derivingFailed: live?.vitals.derivingFailed, lakeFault: seen.lakeFault, streams, venues, disk,
  };
  const reasons = (["RED", "AMBER"] as const).flatMap((colour) =>
    HEALTH_RULES.filter((rule) => rule.colour === colour).flatMap((rule) => rule.find(findable).map((text) => ({ colour, text }))));
  return { status: reasons[0]?.colour ?? "GREEN", reasons, streams, venues, disk, logToScreen };
}
