// The three derived journals of a capture as one sequence: what each raw record said, in the order of records.
import { fault } from "../../../shared/base.ts";
import type { BarVersion, GapEntry, GradeEntry } from "../../../shared/candles.ts";
import { readBar, readGrade, readLedger } from "../../derive/lines.ts";
import type { Disk } from "../../rawlog/types.ts";
import type { Said } from "./entries.ts";
import { JournalTail } from "./journal-tail.ts";

/** Keys are sorted: a gap's line ends like this, and no other does. */
const GAP_END = '"kind":"gap"}';

export class JournalMerge {
  readonly #bars: JournalTail;
  readonly #grades: JournalTail;
  readonly #ledger: JournalTail;

  constructor(disk: Disk, candlesFolder: string) {
    const tail = (name: string): JournalTail => new JournalTail(disk, `${candlesFolder}/${name}.journal`);
    this.#bars = tail("bars");
    this.#grades = tail("grades");
    this.#ledger = tail("ledger");
  }

  /** Goes to what the record `atSeq` said, or the next one that said anything. */
  async seek(atSeq: number): Promise<void> {
    for (const tail of [this.#bars, this.#grades, this.#ledger]) await tail.seek(atSeq);
  }

  /**
   * What the next record said; records beyond `position` may still be half written. Undefined: nothing up to there. `bars`, `grades` and
   * `gaps` are all empty where a record only said what does not concern candles. Faults: `derived.damaged`.
   */
  async next(position: number): Promise<Said | undefined> {
    const atSeq = Math.min(await seqOf(this.#bars), await seqOf(this.#grades), await seqOf(this.#ledger));
    if (Number.isNaN(atSeq)) throw fault("derived.damaged", "a line of a derived journal says no atSeq: derive again with `tapedeck verify`");
    if (atSeq > position) return undefined;
    const bars: BarVersion[] = [];
    const grades: GradeEntry[] = [];
    const gaps: GapEntry[] = [];
    await takeAll(this.#bars, atSeq, (text) => bars.push(readBar(text)));
    await takeAll(this.#grades, atSeq, (text) => grades.push(readGrade(text)));
    await takeAll(this.#ledger, atSeq, (text) => {
      if (!text.endsWith(GAP_END)) return;
      const entry = readLedger(text);
      if (entry.kind === "gap") gaps.push(entry.gap);
    });
    return { atSeq, bars, grades, gaps };
  }

  async close(): Promise<void> {
    for (const tail of [this.#bars, this.#grades, this.#ledger]) await tail.close();
  }
}

async function seqOf(tail: JournalTail): Promise<number> {
  return (tail.ready ?? (await tail.peek()))?.atSeq ?? Infinity;
}

async function takeAll(tail: JournalTail, atSeq: number, use: (text: string) => void): Promise<void> {
  for (let line = tail.ready; line?.atSeq === atSeq; line = tail.ready ?? (await tail.peek())) {
    use(line.text);
    tail.take();
  }
}
