// Keeps the derived files of the capture that is being recorded: woken by "durable up to seq", reads the log itself.
import { FaultError, type Fault } from "../../shared/base.ts";
import type { CanonicalOutput, FormingBar } from "../../shared/candles.ts";
import type { DecoderLookup } from "../../shared/market.ts";
import { FormingWatch } from "../bridge/feed/forming-watch.ts";
import { createDeriver, type Deriver } from "../derive/deriver.ts";
import { readLedgerEntries } from "../derive/read.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import type { Disk, RawLogReader } from "../rawlog/types.ts";
import { isUnseen, rangesOf } from "./gap-ranges.ts";
import { faultOf } from "./thread.ts";
import type { DeriverNote, DerivedSummary, InheritedGaps } from "./thread-messages.ts";

const NOTE_EVERY_MS = 250;
/** Open bars in one note; the rest changes again before it matters. */
const FORMING_MAX = 1_000;

export interface DeriverLoopOptions {
  readonly disk: Disk;
  readonly captureFolder: string;
  readonly decoders: DecoderLookup;
  /** Where the log ended when this run began. */
  readonly startSeq: number;
  say(note: DeriverNote | InheritedGaps): void;
}

export class DeriverLoop {
  readonly #options: DeriverLoopOptions;
  readonly #reader: RawLogReader;
  readonly #deriver: Deriver;
  #problems: Fault[] = [];
  #target = 0;
  #running: Promise<void> | undefined;
  #saidMs = 0;
  #failed = false;
  #saidInherited = false;
  /** Ids of gaps opened in this pass that no collector can see. */
  readonly #unseen = new Set<string>();
  #watched = false;
  /** Everything up to here is in the files: the position of the last pass that ended well. */
  #inFiles = 0;
  #forming: { readonly configDigest: string; readonly watch: FormingWatch } | undefined;

  private constructor(options: DeriverLoopOptions, reader: RawLogReader, deriver: Deriver) {
    this.#options = options;
    this.#reader = reader;
    this.#deriver = deriver;
  }

  static async open(options: DeriverLoopOptions): Promise<DeriverLoop> {
    const { disk, captureFolder, decoders } = options;
    const reader = await openReader({ disk, folder: captureFolder });
    const problems: Fault[] = [];
    const refusals = new Map<string, number>();
    const deriver = await createDeriver({
      disk, captureFolder, reader, decoders, sha256,
      onOutput: (output) => {
        const trouble = troubleOf(output, refusals);
        if (trouble !== undefined) loop.#problems.push(trouble);
        if (output.kind === "gap" && isUnseen(output.gap)) loop.#unseen.add(output.gap.gapId);
      },
      onNote: (message) => problems.push({ code: "derive.note", message }),
    });
    const loop = new DeriverLoop(options, reader, deriver);
    loop.#problems = problems;
    return loop;
  }

  /** The log is durable up to here. */
  durable(seq: number): void {
    this.#target = Math.max(this.#target, seq);
    // Not within #run: one that finds nothing to do ends before it is remembered here, and would look as if it ran for ever.
    if (!this.#failed) this.#running ??= this.#run().finally(() => { this.#running = undefined; });
  }

  /** Somebody follows the derived files: every pass is told, with the bars that are open. */
  watch(on: boolean): void {
    this.#watched = on;
    this.#forming = undefined;
    // During a pass, its end reports; before the first one the files may still hold what a crash left behind.
    if (on && this.#running === undefined && this.#inFiles > 0) this.#report(true);
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        this.#sayInherited();
        const before = this.#deriver.position;
        if (before >= this.#target) break;
        await this.#reader.refresh();
        // A stop where this run began: what is open there is an earlier run's, everything later is the collector's own.
        await this.#deriver.advance(this.#saidInherited ? this.#target : Math.min(this.#target, this.#options.startSeq));
        this.#inFiles = this.#deriver.position;
        this.#sayUnseen();
        this.#report(this.#watched);
        if (this.#deriver.position === before) break;
      }
    } catch (error) {
      // Derived files can always be made again from the log: recording goes on, the trouble is shown.
      this.#failed = true;
      this.#problems.push(faultOf(error));
      this.#report(true);
    }
  }

  /** Once the log is derived up to where this run began: what of it can still be asked for. */
  #sayInherited(): void {
    if (this.#saidInherited || this.#deriver.position < this.#options.startSeq) return;
    this.#saidInherited = true;
    this.#unseen.clear();
    const ranges = rangesOf(this.#deriver.canonicalizer.unsettledGaps);
    if (ranges.length > 0) this.#options.say({ type: "inherited_gaps", ranges });
  }

  /** The venue's newest trades are few: a gap that only its candle shows is asked for as soon as it is there. */
  #sayUnseen(): void {
    if (this.#unseen.size === 0 || !this.#saidInherited) return;
    const ranges = rangesOf(this.#deriver.canonicalizer.unsettledGaps.filter((gap) => this.#unseen.has(gap.gapId) && isUnseen(gap)));
    this.#unseen.clear();
    if (ranges.length > 0) this.#options.say({ type: "inherited_gaps", ranges });
  }

  #report(now: boolean): void {
    const ms = performance.now();
    if (!now && ms - this.#saidMs < NOTE_EVERY_MS) return;
    this.#saidMs = ms;
    const problems = this.#problems.splice(0);
    this.#options.say({ type: "derived", position: this.#inFiles, gapsOpen: this.#deriver.canonicalizer.counts.gapsOpen, folds: this.#deriver.canonicalizer.folds, failed: this.#failed, problems, forming: this.#openBars() });
  }

  #openBars(): readonly FormingBar[] {
    const { config, configDigest, canonicalizer } = this.#deriver;
    if (!this.#watched || config === undefined) return [];
    if (this.#forming?.configDigest !== configDigest) {
      const streams = Object.keys(config.folds).flatMap((instrument) => {
        const [sourceId = "", symbol = ""] = instrument.split(":");
        return config.intervals.map((interval) => ({ sourceId, symbol, interval }));
      });
      this.#forming = { configDigest, watch: new FormingWatch(streams, canonicalizer) };
    }
    return this.#forming.watch.changed(FORMING_MAX);
  }

  /** Derives what is left, writes a checkpoint and lets go. Throws `derive.failed`; the log is not affected by that. */
  async close(): Promise<DerivedSummary> {
    await this.#running;
    if (!this.#failed) {
      await this.#run();
      await this.#deriver.finish();
      this.#inFiles = this.#deriver.position;
    }
    this.#report(true);
    const { refused, unhandled } = this.#deriver.canonicalizer.counts;
    const { gaps } = await readLedgerEntries(this.#deriver);
    await this.#deriver.close();
    await this.#reader.close();
    if (this.#failed) throw new FaultError({ code: "derive.failed", message: "Candles could not be derived to the end; `tapedeck verify` or the next start derives them again from the log" });
    return { quarantined: refused, unhandled, gaps: gaps.length };
  }
}

/** Said on screen and by `record`, without making the recording look as if it had stopped. */
export const REFUSED = "stream.refused";

/**
 * What of the canonical output needs a person: a stream that failed closed, and messages that could not be used (at every
 * doubling of their number per stream: a venue that changes its format refuses by the million). Gaps and revisions have their lanes.
 */
function troubleOf(output: CanonicalOutput, refusals: Map<string, number>): Fault | undefined {
  if (output.kind !== "stream") return undefined;
  const { streamId, state, detail, atSeq } = output;
  if (state === "failed_closed") {
    const message = `${streamId} failed closed at #${atSeq}: ${detail}. Raw capture goes on; look at the messages, then reopen the stream.`;
    return { code: "stream.failed-closed", message, details: { streamId } };
  }
  if (state !== "refused") return undefined;
  const count = (refusals.get(streamId) ?? 0) + 1;
  refusals.set(streamId, count);
  if (!Number.isInteger(Math.log2(count))) return undefined;
  return { code: REFUSED, message: `${streamId}: ${detail}. Its bytes are kept${count === 1 ? "" : `; ${count} such messages in this run`}.`, details: { streamId } };
}
