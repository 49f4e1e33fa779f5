// Metrics in the words of Prometheus. Values are taken from what is observed when somebody scrapes: no counters of our own to drift.
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { StreamHealth } from "../../shared/protocol/health.ts";
import type { ServedStream } from "../bridge/server/types.ts";
import {
  LATENCIES, LEG_LEVELS, LEG_TOTALS, LEVELS, SERVED_LEVELS, SERVED_TOTALS, STREAM_LEVELS, STREAM_TOTALS, TOTALS, VENUE_LEVELS, VENUE_TOTALS, type Row,
} from "./metric-tables.ts";
import type { Observations } from "./observations.ts";
import { ObservedHistogram } from "./observed-histogram.ts";

/** Streams with labels of their own, by name; what is beyond is only counted. A label costs a scraper memory for ever. */
export const LABELLED_STREAMS_MAX = 500;

export interface Metrics {
  readonly contentType: string;
  text(observations: Observations): Promise<string>;
}

type Labels = Readonly<Record<string, string>>;
/** What one labelled series is read from. */
type Subject<Seen extends readonly unknown[]> = readonly [labels: Labels, seen: Seen];

/** Counters and gauges of one kind of subject, told whole at every scrape: subjects that are gone leave nothing behind. */
class Family<Seen extends readonly unknown[]> {
  readonly #totals: readonly { readonly read: Row<Seen>[2]; readonly counter: Counter }[];
  readonly #levels: readonly { readonly read: Row<Seen>[2]; readonly gauge: Gauge }[];

  constructor(options: { readonly registry: Registry; readonly labels: readonly string[]; readonly totals: readonly Row<Seen>[]; readonly levels: readonly Row<Seen>[] }) {
    const common = { registers: [options.registry], labelNames: [...options.labels] };
    this.#totals = options.totals.map(([name, help, read]) => ({ read, counter: new Counter({ name, help, ...common }) }));
    this.#levels = options.levels.map(([name, help, read]) => ({ read, gauge: new Gauge({ name, help, ...common }) }));
  }

  tell(subjects: readonly Subject<Seen>[]): void {
    for (const { read, counter } of this.#totals) {
      this.#tell(counter, subjects, read, (labels, value) => { counter.inc(labels, value); });
    }
    for (const { read, gauge } of this.#levels) {
      this.#tell(gauge, subjects, read, (labels, value) => { gauge.set(labels, value); });
    }
  }

  #tell(metric: Counter | Gauge, subjects: readonly Subject<Seen>[], read: Row<Seen>[2], put: (labels: Labels, value: number) => void): void {
    metric.reset();
    // A metric without labels stands at 0 after a reset: what is not known is not said.
    metric.remove({});
    for (const [labels, seen] of subjects) {
      const value = read(...seen);
      if (value !== undefined) put(labels, value);
    }
  }
}

function firstByName<T>(all: readonly T[], nameOf: (one: T) => string): readonly T[] {
  return [...all].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)).slice(0, LABELLED_STREAMS_MAX);
}

function servedName({ key }: ServedStream): string {
  return `${key.sourceId}.${key.symbol}.${key.interval}`;
}

function streamLabels({ venue, symbol, channel }: StreamHealth): Labels {
  return { venue, symbol, channel };
}

/** `processMetrics`: also those of this process (CPU, memory, file descriptors, garbage collection). */
export function createMetrics(options: { readonly processMetrics: boolean }): Metrics {
  const registry = new Registry();
  if (options.processMetrics) collectDefaultMetrics({ register: registry });
  const build = new Gauge({ name: "tapedeck_build_info", help: "Always 1; the label says which version runs", registers: [registry], labelNames: ["version"] });
  const whole = new Family<[Observations]>({ registry, labels: [], totals: TOTALS, levels: LEVELS });
  const venues = new Family({ registry, labels: ["venue"], totals: VENUE_TOTALS, levels: VENUE_LEVELS });
  const legs = new Family({ registry, labels: ["venue", "leg"], totals: LEG_TOTALS, levels: LEG_LEVELS });
  const streams = new Family({ registry, labels: ["venue", "symbol", "channel"], totals: STREAM_TOTALS, levels: STREAM_LEVELS });
  const served = new Family({ registry, labels: ["stream"], totals: SERVED_TOTALS, levels: SERVED_LEVELS });
  const histogram = ([name, help]: readonly [string, string], labelNames: readonly string[]): ObservedHistogram => new ObservedHistogram({ name, help, labelNames, registry });
  const exchangeToHere = histogram(LATENCIES.exchangeToHere, ["venue", "channel"]);
  const hereToLog = histogram(LATENCIES.hereToLog, ["venue", "channel"]);
  const logToScreen = histogram(LATENCIES.logToScreen, []);

  function take(observations: Observations): void {
    const { version, health, latencies, serving } = observations;
    build.reset();
    build.set({ version }, 1);
    whole.tell([[{}, [observations]]]);
    venues.tell((health?.venues ?? []).map((venue) => [{ venue: venue.venue }, [venue, health?.streams ?? []]]));
    legs.tell((health?.venues ?? []).flatMap((venue) => venue.legs.map((leg): Subject<[typeof leg]> => [{ venue: venue.venue, leg: leg.leg }, [leg]])));
    streams.tell(firstByName(health?.streams ?? [], ({ streamId }) => streamId).map((stream) => [streamLabels(stream), [stream]]));
    const { bridge } = serving ?? {};
    served.tell(bridge === undefined ? [] : firstByName(bridge.streams, servedName).map((stream) => [{ stream: servedName(stream) }, [stream, bridge]]));
    const channels = latencies.channels.map(({ venue, channel, ...totals }) => ({ labels: { venue, channel }, ...totals }));
    exchangeToHere.tell(channels.filter((one) => one.exchangeToHere.count > 0).map((one) => ({ labels: one.labels, totals: one.exchangeToHere })));
    hereToLog.tell(channels.map((one) => ({ labels: one.labels, totals: one.hereToLog })));
    logToScreen.tell(latencies.logToScreen === undefined ? [] : [{ labels: {}, totals: latencies.logToScreen }]);
  }

  return {
    contentType: registry.contentType,
    text(observations) {
      take(observations);
      return registry.metrics();
    },
  };
}
