// Metrics in the words of Prometheus. Values are taken from what is observed when somebody scrapes: no counters of our own to drift.
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { ServedStream, ServerStatus } from "../bridge/server/types.ts";
import type { Observations } from "./observations.ts";

/** Streams with labels of their own, by name; what is beyond is only counted. A label costs a scraper memory for ever. */
export const LABELLED_STREAMS_MAX = 500;

export interface Metrics {
  readonly contentType: string;
  text(observations: Observations): Promise<string>;
}

function nameOf({ key }: ServedStream): string {
  return `${key.sourceId}.${key.symbol}.${key.interval}`;
}

type Read = (observations: Observations) => number | undefined;
type ReadStream = (stream: ServedStream, bridge: ServerStatus) => number | undefined;

const TOTALS: readonly (readonly [name: string, help: string, read: Read])[] = [
  ["tapedeck_bridge_backfill_bytes_total", "Bytes of backfill answers sent", ({ bridge }) => bridge?.backfillBytes],
  ["tapedeck_bridge_backfill_entries_total", "Entries sent in backfill answers", ({ bridge }) => bridge?.backfillEntries],
  ["tapedeck_bridge_malformed_frames_total", "Request frames that could not be read", ({ bridge }) => bridge?.malformed],
  ["tapedeck_bridge_oversized_frames_total", "Request frames refused unread for their size", ({ bridge }) => bridge?.oversized],
  ["tapedeck_bridge_refused_requests_total", "Requests refused, most of them BUSY", ({ bridge }) => bridge?.refused],
  ["tapedeck_bridge_dropped_frames_total", "Answers that a client did not take", ({ bridge }) => bridge?.unsent],
  ["tapedeck_bridge_rejected_handshakes_total", "Connections turned away for their key", ({ bridge }) => bridge?.rejectedHandshakes],
  ["tapedeck_recording_messages_total", "Messages recorded by this run", ({ recording }) => recording?.messages],
  ["tapedeck_recording_durable_messages_total", "Messages of this run that an fsync covers", ({ recording }) => recording?.durableMessages],
];

const COLOURS = { GREEN: 0, AMBER: 1, RED: 2 } as const;

const LEVELS: readonly (readonly [name: string, help: string, read: Read])[] = [
  ["tapedeck_bridge_up", "1 while the bridge is served", ({ serving }) => (serving === "serving" ? 1 : 0)],
  ["tapedeck_bridge_status", "0 GREEN, 1 AMBER, 2 RED", ({ bridge }) => (bridge === undefined ? undefined : COLOURS[bridge.status])],
  ["tapedeck_bridge_clients", "Clients heard of lately", ({ bridge }) => bridge?.clients.length],
  ["tapedeck_bridge_client_behind_entries", "Entries that the slowest client has not applied, by its own report", ({ bridge }) => bridge?.clients.reduce((most, { behind }) => Math.max(most, behind), 0)],
  ["tapedeck_bridge_streams", "Streams served", ({ bridge }) => bridge?.streams.length],
  ["tapedeck_recording_durable_seq", "Raw seq up to which the log is durable", ({ recording }) => recording?.durableSeq],
  ["tapedeck_recording_derived_seq", "Raw seq up to which candles are derived", ({ recording }) => recording?.derivedSeq],
  ["tapedeck_recording_gaps_open", "Gaps that are not repaired", ({ recording }) => recording?.gapsOpen],
  ["tapedeck_recording_halted", "1 when the recorder has stopped for good", ({ recording }) => (recording === undefined ? undefined : recording.halted === undefined ? 0 : 1)],
];

const STREAM_TOTALS: readonly (readonly [name: string, help: string, read: ReadStream])[] = [
  ["tapedeck_bridge_published_entries_total", "Entries published", ({ published }) => published],
  ["tapedeck_bridge_conflated_total", "Open bars replaced by newer ones before they were sent", ({ conflated }) => conflated],
];

const STREAM_LEVELS: readonly (readonly [name: string, help: string, read: ReadStream])[] = [
  ["tapedeck_bridge_latest_sequence", "Last sequence given", ({ latestSequence }) => latestSequence],
  ["tapedeck_bridge_rate", "Entries per second over the last seconds", ({ rate }) => rate],
  // What is told again was received long ago: that distance is no lag.
  ["tapedeck_bridge_lag_seconds", "From the receiving of what made an entry to its publishing; not of replays", ({ lagMs }, { mode }) => (lagMs === undefined || mode === "replay" ? undefined : lagMs / 1_000)],
];

/** `processMetrics`: also those of this process (CPU, memory, file descriptors, garbage collection). */
export function createMetrics(options: { readonly processMetrics: boolean }): Metrics {
  const registry = new Registry();
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const totals = TOTALS.map(([name, help, read]) => ({ read, counter: new Counter({ name, help, registers }) }));
  const levels = LEVELS.map(([name, help, read]) => ({ read, gauge: new Gauge({ name, help, registers }) }));
  const streamTotals = STREAM_TOTALS.map(([name, help, read]) => ({ read, counter: new Counter({ name, help, registers, labelNames: ["stream"] }) }));
  const streamLevels = STREAM_LEVELS.map(([name, help, read]) => ({ read, gauge: new Gauge({ name, help, registers, labelNames: ["stream"] }) }));

  function take(observations: Observations): void {
    for (const { read, counter } of totals) {
      counter.reset();
      counter.inc(read(observations) ?? 0);
    }
    for (const { read, gauge } of levels) {
      const value = read(observations);
      // Not `reset`, which leaves a zero: what is not known is not said.
      if (value === undefined) gauge.remove();
      else gauge.set(value);
    }
    const { bridge } = observations;
    const streams = (bridge?.streams ?? []).map((stream) => ({ stream, name: nameOf(stream) }));
    streams.sort((a, b) => (a.name < b.name ? -1 : 1));
    const labelled = streams.slice(0, LABELLED_STREAMS_MAX);
    for (const { read, counter } of streamTotals) {
      counter.reset();
      for (const { stream, name } of labelled) counter.inc({ stream: name }, (bridge && read(stream, bridge)) ?? 0);
    }
    for (const { read, gauge } of streamLevels) {
      gauge.reset();
      for (const { stream, name } of labelled) {
        const value = bridge && read(stream, bridge);
        if (value !== undefined) gauge.set({ stream: name }, value);
      }
    }
  }

  return {
    contentType: registry.contentType,
    text(observations) {
      take(observations);
      return registry.metrics();
    },
  };
}
