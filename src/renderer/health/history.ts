// Owns the last minutes of the health report's figures in rings that never grow: rate and latency per stream and per venue.
import { createStore } from "zustand/vanilla";
import type { EngineFrame } from "../../shared/protocol/frames.ts";
import type { HealthReport } from "../../shared/protocol/health.ts";

/** Reports come about once a second: five minutes. */
export const SAMPLES_MAX = 300;

/** What a plot is drawn of: a missing value is `null`, a break in the line. */
export type Samples = readonly (number | null)[];

/** The newest numbers, oldest first out. Unknown is NaN inside and `null` outside: never 0. */
export class Ring {
  readonly #values: Float64Array;
  #next = 0;
  #length = 0;

  constructor(capacity: number) {
    this.#values = new Float64Array(capacity);
  }

  push(value: number | undefined): void {
    this.#values[this.#next] = value ?? Number.NaN;
    this.#next = (this.#next + 1) % this.#values.length;
    this.#length = Math.min(this.#length + 1, this.#values.length);
  }

  /** Oldest first. */
  toSamples(): Samples {
    const { length } = this.#values;
    const first = (this.#next - this.#length + length) % length;
    return Array.from({ length: this.#length }, (_, index) => {
      const value = this.#values[(first + index) % length] ?? Number.NaN;
      return Number.isNaN(value) ? null : value;
    });
  }
}

export interface Curves { readonly rate: Ring; readonly latency: Ring; readonly times: Ring }

export interface HealthHistory {
  /** By stream id, and by `venue:` and the venue's id. Mutable on purpose: `version` changes with it. */
  readonly curves: ReadonlyMap<string, Curves>;
  readonly version: number;
}

export const healthHistory = createStore<HealthHistory>(() => ({ curves: new Map(), version: 0 }));

export function venueCurve(venue: string): string {
  return `venue:${venue}`;
}

interface Sample { readonly name: string; readonly rate: number | undefined; readonly latency: number | undefined }

/** A venue's rate is the sum of its streams', its latency the worst p99 among them: that is the one to look into. */
export function samplesOf(report: HealthReport): readonly Sample[] {
  const streams = report.streams.map((stream) => ({ name: stream.streamId, venue: stream.venue, rate: stream.rate, latency: stream.exchangeToHere?.p99 }));
  const venues = report.venues.map(({ venue }): Sample => {
    const own = streams.filter((stream) => stream.venue === venue);
    const measured = own.flatMap(({ latency }) => (latency === undefined ? [] : [latency]));
    return {
      name: venueCurve(venue), rate: own.length === 0 ? undefined : own.reduce((sum, { rate }) => sum + rate, 0), latency: measured.length === 0 ? undefined : Math.max(...measured),
    };
  });
  return [...streams, ...venues];
}

/** Adds a report's figures. Streams that are no longer told of are forgotten, so that the map is no larger than the report. */
export function extendedCurves(before: ReadonlyMap<string, Curves>, report: HealthReport, atMs: number): ReadonlyMap<string, Curves> {
  const curves = new Map<string, Curves>();
  for (const { name, rate, latency } of samplesOf(report)) {
    const one = before.get(name) ?? { rate: new Ring(SAMPLES_MAX), latency: new Ring(SAMPLES_MAX), times: new Ring(SAMPLES_MAX) };
    one.rate.push(rate);
    one.latency.push(latency);
    one.times.push(atMs);
    curves.set(name, one);
  }
  return curves;
}

export function noteHealth(frame: EngineFrame): void {
  const { health } = frame;
  if (health === undefined) return;
  const atMs = frame.madeMs ?? Date.now();
  healthHistory.setState(({ curves, version }) => ({ curves: extendedCurves(curves, health, atMs), version: version + 1 }));
}
