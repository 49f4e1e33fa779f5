// A deriver in miniature: follows the log up to what is durable, decodes, applies, and keeps every bar version in memory.
import { assert } from "../../../shared/base.ts";
import { canonicalStringify } from "../../../shared/canonical-json.ts";
import type { BarKey, BarVersion, CanonicalOutput, GapEntry, GradeEntry } from "../../../shared/candles.ts";
import { CarriedStreams } from "../../../shared/carried.ts";
import type { Instrument } from "../../../shared/market.ts";
import type { RawRecord } from "../../../shared/raw.ts";
import { isUnseen, rangesOf } from "../gap-ranges.ts";
import { createCanonicalizer } from "../../canonical/canonicalizer.ts";
import type { BarHistory, Canonicalizer } from "../../canonical/types.ts";
import { applyRecord } from "../../derive/pipeline.ts";
import { RunningSha256, sha256 } from "../../rawlog/sha256.ts";
import type { RawLogReader } from "../../rawlog/types.ts";
import type { BackfillRange } from "../../venues/adapter.ts";
import { decoderLookup } from "../../venues/registry.ts";

export function barId(key: BarKey): string {
  return `${key.venue}:${key.symbol}:${key.interval}:${key.openMs}`;
}

export class MemoryHistory implements BarHistory {
  readonly versions = new Map<string, BarVersion[]>();

  latest(key: BarKey): BarVersion | undefined {
    return this.versions.get(barId(key))?.at(-1);
  }

  append(version: BarVersion): void {
    const id = barId(version.key);
    const before = this.versions.get(id);
    assert(version.revision === (before?.length ?? 0) + 1, `revisions of ${id} follow each other: ${version.revision} after ${before?.length ?? 0}`);
    if (before === undefined) this.versions.set(id, [version]);
    else before.push(version);
  }
}

/** Plants a bug: sees each record before it is applied and may change or swallow it. */
export type Sabotage = (record: RawRecord) => RawRecord | undefined;

const encoder = new TextEncoder();

export class LiveTape {
  readonly history = new MemoryHistory();
  readonly gaps = new Map<string, GapEntry>();
  readonly grades: GradeEntry[] = [];
  readonly outputs = new RunningSha256();
  #canonicalizer: Canonicalizer;
  readonly #carried = new CarriedStreams();
  readonly #sabotage: Sabotage | undefined;
  readonly #unseen = new Set<string>();
  /** Raw seq that has been read (sabotage may keep the canonicalizer behind it). */
  position = 0;

  constructor(sabotage?: Sabotage) {
    this.#sabotage = sabotage;
    this.#canonicalizer = this.#fresh();
  }

  #fresh(): Canonicalizer {
    return createCanonicalizer({ sha256, history: this.history });
  }

  get canonicalizer(): Canonicalizer {
    return this.#canonicalizer;
  }

  async follow(reader: RawLogReader, toSeq: number): Promise<void> {
    if (toSeq <= this.position) return;
    for await (const batch of reader.batches({ fromSeq: this.position + 1, toSeq })) {
      for (const record of batch) {
        this.position = record.seq;
        const kept = this.#sabotage === undefined ? record : this.#sabotage(record);
        if (kept !== undefined) applyRecord(this.#canonicalizer, kept, decoderLookup, this.#carried);
      }
      this.#drain();
    }
  }

  /** What the collector is to be told, as the engine's deriver tells it: gaps opened since the last call that it cannot see. */
  takeUnseen(): readonly BackfillRange[] {
    const ranges = rangesOf(this.#canonicalizer.unsettledGaps.filter((gap) => this.#unseen.has(gap.gapId) && isUnseen(gap)));
    this.#unseen.clear();
    return ranges;
  }

  #drain(): void {
    for (const output of this.#canonicalizer.drain()) this.#keep(output);
  }

  #keep(output: CanonicalOutput): void {
    this.outputs.add(encoder.encode(`${canonicalStringify(output)}\n`));
    if (output.kind === "gap") {
      this.gaps.set(output.gap.gapId, output.gap);
      if (isUnseen(output.gap)) this.#unseen.add(output.gap.gapId);
    } else if (output.kind === "grade") this.grades.push(output.grade);
  }

  /** What a deriver does when it starts anew: goes on from a checkpoint. */
  restart(): void {
    const bytes = this.#canonicalizer.save();
    const before = this.#canonicalizer.digest();
    this.#canonicalizer = this.#fresh();
    this.#canonicalizer.load(bytes);
    assert(this.#canonicalizer.digest() === before, "a loaded checkpoint has the state of the saved one");
  }

  gradeOf(key: BarKey): string | undefined {
    return this.#canonicalizer.gradeOf(key)?.grade;
  }

  isOpen(instrument: Instrument, key: BarKey): boolean {
    return this.#canonicalizer.open(instrument, key.interval).some((bar) => bar.key.openMs === key.openMs);
  }
}
