// What a recording's threads last said of their health, kept together for whoever assembles a report. No timers, no judgement.
import type { Fault } from "../../shared/base.ts";
import type { VenueId } from "../../shared/market.ts";
import type { FoldStanding } from "../canonical/types.ts";
import type { CollectorHealth } from "../venues/collector-health.ts";
import type { ChannelLatency } from "../metrics/latency-totals.ts";
import type { LatencyReport, StreamLatency } from "./latency-meter.ts";
import type { DeriverNote } from "./thread-messages.ts";

export class RecordingVitals {
  #streams: ReadonlyMap<string, StreamLatency> = new Map();
  #channels: readonly ChannelLatency[] = [];
  #folds: ReadonlyMap<string, FoldStanding> = new Map();
  #derivingFailed: string | undefined;
  readonly #collectors = new Map<VenueId, CollectorHealth>();
  readonly #dead: string[] = [];

  latency({ streams, channels }: LatencyReport): void {
    this.#streams = new Map(streams.map((stream) => [stream.streamId, stream]));
    this.#channels = channels;
  }

  derived({ folds, failed, problems }: Pick<DeriverNote, "folds" | "failed" | "problems">): void {
    this.#folds = new Map(folds.map((fold) => [fold.streamId, fold]));
    if (failed) this.#derivingFailed ??= problems.at(-1)?.message ?? "candles can no longer be derived in this run";
  }

  collector(venue: VenueId, health: CollectorHealth): void {
    this.#collectors.set(venue, health);
  }

  /** A thread ended without being asked to. */
  threadDied(problem: Fault): void {
    this.#dead.push(problem.message);
  }

  latencyOf(streamId: string): StreamLatency | undefined {
    return this.#streams.get(streamId);
  }
  /** Since the start of the recording. */
  get channels(): readonly ChannelLatency[] {
    return this.#channels;
  }
  foldOf(streamId: string): FoldStanding | undefined {
    return this.#folds.get(streamId);
  }
  collectorOf(venue: VenueId): CollectorHealth | undefined {
    return this.#collectors.get(venue);
  }
  /** Why no candles are made any more; undefined while they are. */
  get derivingFailed(): string | undefined {
    return this.#derivingFailed;
  }
  /** Threads of this recording that are gone, in words. */
  get dead(): readonly string[] {
    return this.#dead;
  }
}
