// Which messages made a bar: maximal runs in the fold stream's ingest_seq, each with the leaf-chain value before and after. Pure.
import type { ProvenanceRun } from "../../shared/candles.ts";
import { toHex } from "../../shared/leaf.ts";
import type { Contribution } from "./contribution.ts";

/**
 * Most runs listed per bar. Only interleaved duplicates or badly disordered times make many runs; from then on the last run
 * goes on over what lies between (its chain digest covers those messages too), so that no input can make a bar unboundedly big.
 */
export const RUNS_PER_BAR_MAX = 128;

export class RunList {
  #closed: ProvenanceRun[] = [];
  #open = false;
  #streamId = "";
  #fromIngest = 0;
  #toIngest = 0;
  #fromPosition = 0;
  #toPosition = 0;
  #fromSeq = 0;
  #toSeq = 0;
  #base: Uint8Array | string = "";
  #digest: Uint8Array | string = "";

  extend(c: Contribution, streamId: string): void {
    if (this.#open) {
      const ingest = c.ingestSeq;
      const sameStream = streamId === this.#streamId;
      if (sameStream && ingest === this.#toIngest) {
        this.#toPosition = c.position;
        return;
      }
      if (sameStream && (ingest === this.#toIngest + 1 || this.#closed.length >= RUNS_PER_BAR_MAX - 1)) {
        this.#toIngest = ingest;
        this.#toPosition = c.position;
        this.#toSeq = c.seq;
        this.#digest = c.chainAfter;
        return;
      }
      this.#closed = [...this.#closed, this.#current()];
    }
    this.#open = true;
    this.#streamId = streamId;
    this.#fromIngest = c.ingestSeq;
    this.#toIngest = c.ingestSeq;
    this.#fromPosition = c.position;
    this.#toPosition = c.position;
    this.#fromSeq = c.seq;
    this.#toSeq = c.seq;
    this.#base = c.chainBefore;
    this.#digest = c.chainAfter;
  }

  #current(): ProvenanceRun {
    const text = (value: Uint8Array | string): string => (typeof value === "string" ? value : toHex(value));
    return {
      streamId: this.#streamId, fromIngestSeq: this.#fromIngest, toIngestSeq: this.#toIngest, fromPosition: this.#fromPosition, toPosition: this.#toPosition,
      fromSeq: this.#fromSeq, toSeq: this.#toSeq, base: text(this.#base), digest: text(this.#digest),
    };
  }

  list(): readonly ProvenanceRun[] {
    return this.#open ? [...this.#closed, this.#current()] : this.#closed;
  }

  clone(): RunList {
    const copy = new RunList();
    copy.#closed = this.#closed; // never mutated in place: shared
    copy.#open = this.#open;
    copy.#streamId = this.#streamId;
    copy.#fromIngest = this.#fromIngest;
    copy.#toIngest = this.#toIngest;
    copy.#fromPosition = this.#fromPosition;
    copy.#toPosition = this.#toPosition;
    copy.#fromSeq = this.#fromSeq;
    copy.#toSeq = this.#toSeq;
    copy.#base = this.#base;
    copy.#digest = this.#digest;
    return copy;
  }

  static from(runs: readonly ProvenanceRun[]): RunList {
    const list = new RunList();
    const last = runs.at(-1);
    if (last === undefined) return list;
    list.#closed = runs.slice(0, -1);
    list.#open = true;
    list.#streamId = last.streamId;
    list.#fromIngest = last.fromIngestSeq;
    list.#toIngest = last.toIngestSeq;
    list.#fromPosition = last.fromPosition;
    list.#toPosition = last.toPosition;
    list.#fromSeq = last.fromSeq;
    list.#toSeq = last.toSeq;
    list.#base = last.base;
    list.#digest = last.digest;
    return list;
  }
}
