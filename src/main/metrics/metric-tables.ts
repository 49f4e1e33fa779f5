// Every metric of Tapedeck's own: its name, its help line and where its value is read. docs/metrics.md lists the same names. Pure.
import type { LegHealth, StreamHealth, VenueHealth } from "../../shared/protocol/health.ts";
import type { ServedStream, ServerStatus } from "../bridge/server/types.ts";
import { healthOf } from "./health.ts";
import type { Observations } from "./observations.ts";

/** A value that is not known is not said. */
export type Row<Seen extends readonly unknown[]> = readonly [name: string, help: string, read: (...seen: Seen) => number | undefined];

const COLOURS = { GREEN: 0, AMBER: 1, RED: 2 } as const;
const DISK_STATES = { ok: 0, low: 1, full: 2 } as const;

const seconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms / 1_000);
const yes = (is: boolean): number => (is ? 1 : 0);

export const TOTALS: readonly Row<[Observations]>[] = [
  ["tapedeck_bridge_backfill_bytes_total", "Bytes of backfill answers sent", ({ serving }) => serving?.bridge?.backfillBytes],
  ["tapedeck_bridge_backfill_entries_total", "Entries sent in backfill answers", ({ serving }) => serving?.bridge?.backfillEntries],
  ["tapedeck_bridge_malformed_frames_total", "Request frames that could not be read", ({ serving }) => serving?.bridge?.malformed],
  ["tapedeck_bridge_oversized_frames_total", "Request frames refused unread for their size", ({ serving }) => serving?.bridge?.oversized],
  ["tapedeck_bridge_refused_requests_total", "Requests refused, most of them BUSY", ({ serving }) => serving?.bridge?.refused],
  ["tapedeck_bridge_dropped_frames_total", "Answers that a client did not take", ({ serving }) => serving?.bridge?.unsent],
  ["tapedeck_bridge_rejected_handshakes_total", "Connections turned away for their key", ({ serving }) => serving?.bridge?.rejectedHandshakes],
  ["tapedeck_recording_messages_total", "Messages recorded by this run", ({ recording }) => recording?.messages],
  ["tapedeck_recording_durable_messages_total", "Messages of this run that an fsync covers", ({ recording }) => recording?.durableMessages],
];

export const LEVELS: readonly Row<[Observations]>[] = [
  ["tapedeck_health_status", "Of everything that runs here: 0 GREEN, 1 AMBER, 2 RED, as /health says it", (seen) => COLOURS[healthOf(seen).status]],
  ["tapedeck_bridge_up", "1 while the bridge is served", ({ serving }) => serving && yes(serving.state === "serving")],
  ["tapedeck_bridge_status", "0 GREEN, 1 AMBER, 2 RED", ({ serving }) => serving?.bridge && COLOURS[serving.bridge.status]],
  ["tapedeck_bridge_clients", "Clients heard of lately", ({ serving }) => serving?.bridge?.clients.length],
  ["tapedeck_bridge_client_behind_entries", "Entries that the slowest client has not applied, by its own report", ({ serving }) => serving?.bridge?.clients.reduce((most, { behind }) => Math.max(most, behind), 0)],
  ["tapedeck_bridge_streams", "Streams served", ({ serving }) => serving?.bridge?.streams.length],
  ["tapedeck_recording_durable_seq", "Raw seq up to which the log is durable", ({ recording }) => recording?.durableSeq],
  ["tapedeck_recording_derived_seq", "Raw seq up to which candles are derived", ({ recording }) => recording?.derivedSeq],
  ["tapedeck_recording_gaps_open", "Gaps that are not repaired", ({ recording }) => recording?.gapsOpen],
  ["tapedeck_recording_halted", "1 when the recorder has stopped for good", ({ recording }) => recording && yes(recording.halted)],
  ["tapedeck_disk_free_bytes", "Free bytes where the data folder is", ({ health }) => health?.disk.freeBytes],
  ["tapedeck_disk_recording_bytes_per_hour", "What the recording took on disk in the last hour", ({ health }) => health?.disk.bytesPerHour],
  ["tapedeck_disk_full_in_seconds", "Until the disk is full at that rate", ({ health }) => health?.disk.hoursToFull === undefined ? undefined : health.disk.hoursToFull * 3_600],
  ["tapedeck_disk_state", "0 enough, 1 low, 2 too full to record", ({ health }) => health && DISK_STATES[health.disk.state]],
];

/** Labels: venue. */
type VenueSeen = [VenueHealth, readonly StreamHealth[]];
export const VENUE_TOTALS: readonly Row<VenueSeen>[] = [
  ["tapedeck_venue_backfills_done_total", "Gaps backfilled since the start", ({ backfill }) => backfill.done],
  ["tapedeck_venue_backfills_unresolved_total", "Gaps given up since the start", ({ backfill }) => backfill.unresolved],
];
export const VENUE_LEVELS: readonly Row<VenueSeen>[] = [
  ["tapedeck_venue_streams_live", "Streams that deliver", ({ venue }, streams) => streams.filter((stream) => stream.venue === venue && (stream.state === "live" || stream.state === "gap")).length],
  ["tapedeck_venue_streams", "Streams subscribed", ({ venue }, streams) => streams.filter((stream) => stream.venue === venue).length],
  ["tapedeck_venue_rest_weight_used", "REST weight used in the venue's current window", ({ weightUsed }) => weightUsed],
  ["tapedeck_venue_rest_weight_limit", "REST weight that the venue allows per window", ({ weightLimit }) => weightLimit],
  ["tapedeck_venue_ban_seconds", "REST is stopped for so long; 0 when it is not", ({ banLeftMs }) => (banLeftMs ?? 0) / 1_000],
  ["tapedeck_venue_clock_offset_seconds", "The venue's clock minus ours", ({ offsetMs }) => seconds(offsetMs)],
  ["tapedeck_venue_clock_error_seconds", "What of that offset is not known, plus or minus", ({ offsetErrorMs }) => seconds(offsetErrorMs)],
  ["tapedeck_venue_backfills_waiting", "Gaps that are being or wait to be backfilled", ({ backfill }) => backfill.waiting],
];

/** Labels: venue, leg. */
export const LEG_TOTALS: readonly Row<[LegHealth]>[] = [
  ["tapedeck_leg_messages_total", "Messages that this leg of an A/B pair brought", ({ messages }) => messages],
  ["tapedeck_leg_missed_total", "Messages that only the other leg brought", ({ missed }) => missed],
];
export const LEG_LEVELS: readonly Row<[LegHealth]>[] = [
  ["tapedeck_leg_open", "1 while the leg's socket is open", ({ open }) => yes(open)],
];

/** Labels: venue, symbol, channel. */
export const STREAM_TOTALS: readonly Row<[StreamHealth]>[] = [
  ["tapedeck_stream_messages_total", "Messages received", ({ messages }) => messages],
  ["tapedeck_stream_duplicates_total", "Messages with an id that was there already", ({ duplicates }) => duplicates],
  ["tapedeck_stream_conflicts_total", "Messages with an id that was there already, and other contents", ({ conflicts }) => conflicts],
  ["tapedeck_stream_gaps_unresolved_total", "Gaps given up since the start", ({ gapsUnresolved }) => gapsUnresolved],
];
export const STREAM_LEVELS: readonly Row<[StreamHealth]>[] = [
  ["tapedeck_stream_live", "1 while the stream delivers", ({ state }) => yes(state === "live" || state === "gap")],
  ["tapedeck_stream_last_message_timestamp_seconds", "When the last message was received", ({ lastFrameMs }) => seconds(lastFrameMs)],
  ["tapedeck_stream_gaps_open", "Gaps that may still be repaired", ({ gapsOpen }) => gapsOpen],
  ["tapedeck_stream_watermark_age_seconds", "How far sealed candles are behind the venue's time; streams that make candles only", ({ watermarkAgeMs }) => seconds(watermarkAgeMs)],
];

/** Labels: stream, as the bridge names it. */
export const SERVED_TOTALS: readonly Row<[ServedStream, ServerStatus]>[] = [
  ["tapedeck_bridge_published_entries_total", "Entries published", ({ published }) => published],
  ["tapedeck_bridge_conflated_total", "Open bars replaced by newer ones before they were sent", ({ conflated }) => conflated],
];
export const SERVED_LEVELS: readonly Row<[ServedStream, ServerStatus]>[] = [
  ["tapedeck_bridge_latest_sequence", "Last sequence given", ({ latestSequence }) => latestSequence],
  ["tapedeck_bridge_rate", "Entries per second over the last seconds", ({ rate }) => rate],
  // What is told again was received long ago: that distance is no lag.
  ["tapedeck_bridge_lag_seconds", "From the receiving of what made an entry to its publishing; not of replays", ({ lagMs }, { mode }) => (lagMs === undefined || mode === "replay" ? undefined : lagMs / 1_000)],
];

export const LATENCIES = {
  exchangeToHere: ["tapedeck_exchange_to_here_seconds", "Exchange time to received here, over two clocks; websocket messages only. Negative values count in the smallest bucket"],
  hereToLog: ["tapedeck_here_to_log_seconds", "Received here to written in the log"],
  logToScreen: ["tapedeck_log_to_screen_seconds", "Written in the log to painted, on screens that follow the recording"],
} as const;
