// Two latencies per stream, measured where both ends meet, in the recorder: exchange → here (receive minus event time, over two
// clocks) and here → log (received → written, on the machine's monotonic clock). Costs a few array writes per message.
import type { RawDraft } from "../../shared/raw.ts";
import type { LatencyPercentiles } from "../../shared/protocol/health.ts";
import { LatencyCounter, type ChannelLatency } from "../metrics/latency-totals.ts";
import { SlidingHistogram } from "../metrics/sliding-histogram.ts";

export interface StreamLatency {
  readonly streamId: string;
  readonly exchangeToHere: LatencyPercentiles | undefined;
  readonly hereToLog: LatencyPercentiles | undefined;
}

export interface LatencyReport {
  readonly streams: readonly StreamLatency[];
  readonly channels: readonly ChannelLatency[];
}

/** A moment of a collector's wall clock, and the same moment on the machine's monotonic clock. */
export interface ClockMark {
  readonly wallNs: bigint;
  readonly machineMs: number;
}

interface ChannelMeter {
  readonly venue: string;
  readonly channel: string;
  readonly exchangeToHere: LatencyCounter;
  readonly hereToLog: LatencyCounter;
}

interface StreamMeter {
  readonly streamId: string;
  readonly exchangeToHere: SlidingHistogram;
  readonly hereToLog: SlidingHistogram;
  readonly channel: ChannelMeter;
}

/** Streams with percentiles of their own; a venue that names streams without end must not cost memory without end. */
export const METERED_STREAMS_MAX = 1_000;
const WAITING_FIRST = 4_096;

export class LatencyMeter {
  readonly #channels = new Map<string, ChannelMeter>();
  readonly #slots: StreamMeter[] = [];
  readonly #slotOf = new Map<string, number>();
  /** Appended and not yet written: a ring in the order of seq. The writer's reserve bounds it. */
  #seqs = new Float64Array(WAITING_FIRST);
  #receivedMs = new Float64Array(WAITING_FIRST);
  #slotAt = new Uint16Array(WAITING_FIRST);
  #head = 0;
  #waiting = 0;

  /** A message got this seq. `mark`: of the collector that received it. Control records of the writer itself are not given. */
  appended(draft: RawDraft, seq: number, mark: ClockMark, nowMs: number): void {
    const slot = this.#slotFor(draft);
    if (slot === undefined) return;
    const meter = this.#slots[slot];
    // What was asked for over REST tells how long ago it was asked for, not how far the venue is.
    if (meter !== undefined && draft.source === "ws" && draft.eventNs !== 0n) {
      const ms = Number(draft.recvNs - draft.eventNs) / 1e6;
      meter.exchangeToHere.record(ms, nowMs);
      meter.channel.exchangeToHere.record(ms);
    }
    if (this.#waiting === this.#seqs.length) this.#grow();
    const at = (this.#head + this.#waiting) & (this.#seqs.length - 1);
    this.#seqs[at] = seq;
    this.#receivedMs[at] = mark.machineMs - Number(mark.wallNs - draft.recvNs) / 1e6;
    this.#slotAt[at] = slot;
    this.#waiting += 1;
  }

  /** Everything up to this seq is in the file as of `nowMs`. */
  written(seq: number, nowMs: number): void {
    const mask = this.#seqs.length - 1;
    while (this.#waiting > 0 && (this.#seqs[this.#head] ?? 0) <= seq) {
      const meter = this.#slots[this.#slotAt[this.#head] ?? 0];
      // A wall clock that stepped between receiving and sending would make it negative, and nothing is written before it was received.
      const ms = Math.max(0, nowMs - (this.#receivedMs[this.#head] ?? nowMs));
      meter?.hereToLog.record(ms, nowMs);
      meter?.channel.hereToLog.record(ms);
      this.#head = (this.#head + 1) & mask;
      this.#waiting -= 1;
    }
  }

  report(nowMs: number): LatencyReport {
    return {
      streams: this.#slots.map(({ streamId, exchangeToHere, hereToLog }) => ({
        streamId, exchangeToHere: exchangeToHere.percentiles(nowMs), hereToLog: hereToLog.percentiles(nowMs),
      })),
      channels: [...this.#channels.values()].map(({ venue, channel, exchangeToHere, hereToLog }) => ({
        venue, channel, exchangeToHere: exchangeToHere.totals, hereToLog: hereToLog.totals,
      })),
    };
  }

  #slotFor({ stream, source }: RawDraft): number | undefined {
    const known = this.#slotOf.get(stream.streamId);
    if (known !== undefined) return known;
    if (source === "control" || this.#slots.length >= METERED_STREAMS_MAX) return undefined;
    const name = `${stream.venue}\n${stream.channel}`;
    let channel = this.#channels.get(name);
    if (channel === undefined) {
      channel = { venue: stream.venue, channel: stream.channel, exchangeToHere: new LatencyCounter(), hereToLog: new LatencyCounter() };
      this.#channels.set(name, channel);
    }
    const slot = this.#slots.length;
    this.#slots.push({ streamId: stream.streamId, exchangeToHere: new SlidingHistogram(), hereToLog: new SlidingHistogram(), channel });
    this.#slotOf.set(stream.streamId, slot);
    return slot;
  }

  #grow(): void {
    const length = this.#seqs.length;
    const unrolled = (index: number): number => (this.#head + index) & (length - 1);
    this.#seqs = Float64Array.from({ length: length * 2 }, (_, index) => this.#seqs[unrolled(index)] ?? 0);
    this.#receivedMs = Float64Array.from({ length: length * 2 }, (_, index) => this.#receivedMs[unrolled(index)] ?? 0);
    this.#slotAt = Uint16Array.from({ length: length * 2 }, (_, index) => this.#slotAt[unrolled(index)] ?? 0);
    this.#head = 0;
  }
}
