// Keeps the derived files of the capture that is being recorded: woken by "durable up to seq", reads the log itself.
import { FaultError, type Fault } from "../../shared/base.ts";
import type { CanonicalOutput } from "../../shared/candles.ts";
import type { DecoderLookup } from "../../shared/market.ts";
import { createDeriver, type Deriver } from "../derive/deriver.ts";
import { readLedgerEntries } from "../derive/read.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import type { Disk, RawLogReader } from "../rawlog/types.ts";
import { faultOf } from "./thread.ts";
import type { DeriverNote, DerivedSummary } from "./thread-messages.ts";

const NOTE_EVERY_MS = 250;

export class DeriverLoop {
  readonly #reader: RawLogReader;
  readonly #deriver: Deriver;
  readonly #say: (note: DeriverNote) => void;
  #problems: Fault[] = [];
  #target = 0;
  #running: Promise<void> | undefined;
  #saidMs = 0;
  #failed = false;

  private constructor(reader: RawLogReader, deriver: Deriver, say: (note: DeriverNote) => void) {
    this.#reader = reader;
    this.#deriver = deriver;
    this.#say = say;
  }

  static async open(options: { disk: Disk; captureFolder: string; decoders: DecoderLookup; say: (note: DeriverNote) => void }): Promise<DeriverLoop> {
    const { disk, captureFolder, decoders, say } = options;
    const reader = await openReader({ disk, folder: captureFolder });
    const problems: Fault[] = [];
    const deriver = await createDeriver({
      disk, captureFolder, reader, decoders, sha256,
      onOutput: (output) => {
        const trouble = troubleOf(output);
        if (trouble !== undefined) loop.#problems.push(trouble);
      },
      onNote: (message) => problems.push({ code: "derive.note", message }),
    });
    const loop = new DeriverLoop(reader, deriver, say);
    loop.#problems = problems;
    return loop;
  }

  /** The log is durable up to here. */
  durable(seq: number): void {
    this.#target = Math.max(this.#target, seq);
    if (!this.#failed) this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    try {
      while (this.#deriver.position < this.#target) {
        const before = this.#deriver.position;
        await this.#reader.refresh();
        await this.#deriver.advance(this.#target);
        this.#report(false);
        if (this.#deriver.position === before) break;
      }
    } catch (error) {
      // Derived files can always be made again from the log: recording goes on, the trouble is shown.
      this.#failed = true;
      this.#problems.push(faultOf(error));
      this.#report(true);
    } finally {
      this.#running = undefined;
    }
  }

  #report(now: boolean): void {
    const ms = performance.now();
    if (!now && ms - this.#saidMs < NOTE_EVERY_MS) return;
    this.#saidMs = ms;
    const problems = this.#problems.splice(0);
    this.#say({ type: "derived", position: this.#deriver.position, gapsOpen: this.#deriver.canonicalizer.counts.gapsOpen, problems });
  }

  /** Derives what is left, writes a checkpoint and lets go. Throws `derive.failed`; the log is not affected by that. */
  async close(): Promise<DerivedSummary> {
    await this.#running;
    if (!this.#failed) {
      await this.#run();
      await this.#deriver.finish();
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

/** What of the canonical output needs a person: a stream that failed closed. Gaps and revisions have their lanes. */
function troubleOf(output: CanonicalOutput): Fault | undefined {
  if (output.kind !== "stream" || output.state !== "failed_closed") return undefined;
  return {
    code: "stream.failed-closed",
    message: `${output.streamId} failed closed at #${output.atSeq}: ${output.detail}. Raw capture goes on; look at the messages, then reopen the stream.`,
    details: { streamId: output.streamId },
  };
}
