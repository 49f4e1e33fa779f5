// Compares the artifacts that a log gives with the objects and refs that are stored, one by one; keeps the first difference.
import { createHash } from "node:crypto";
import { CANONICALIZER_VERSION } from "../canonical/types.ts";
import type { Disk } from "../rawlog/types.ts";
import { objectPath, readRefs, refText, type Artifact, type ArtifactRef, type ArtifactSink } from "./artifacts.ts";

export interface ArtifactDifference { readonly what: string; readonly expected: string; readonly actual: string; readonly atSeq: number }

function nameOf(ref: ArtifactRef): string {
  return `artifact ${ref.venue} ${ref.symbol} ${ref.interval} ${ref.date}`;
}

export class ArtifactComparison implements ArtifactSink {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #stored: ReadonlyMap<string, ArtifactRef>;
  readonly #derived = new Set<string>();
  #difference: ArtifactDifference | undefined;

  private constructor(disk: Disk, folder: string, stored: readonly ArtifactRef[]) {
    this.#disk = disk;
    this.#folder = folder;
    this.#stored = new Map(stored.map((ref) => [refText(ref), ref]));
  }

  static async open(disk: Disk, candlesFolder: string): Promise<ArtifactComparison> {
    return new ArtifactComparison(disk, candlesFolder, (await readRefs(disk, candlesFolder)).refs);
  }

  get difference(): ArtifactDifference | undefined {
    return this.#difference;
  }
  /** sha256 (hex) over the ref lines that the log gives, sorted: for certificates. */
  digest(): string {
    return createHash("sha256").update([...this.#derived].sort().map((text) => `${text}\n`).join("")).digest("hex");
  }

  async put({ ref }: Artifact): Promise<void> {
    const text = refText(ref);
    this.#derived.add(text);
    if (this.#difference !== undefined) return;
    if (this.#stored.has(text)) await this.#checkObject(ref);
    else this.#difference = { what: `${nameOf(ref)}: no such line in refs.jsonl`, expected: ref.sha256, actual: this.#nearest(ref), atSeq: ref.at_seq };
  }

  #nearest(ref: ArtifactRef): string {
    const same = [...this.#stored.values()].find((one) => nameOf(one) === nameOf(ref) && one.at_seq === ref.at_seq && one.canonicalizer_version === ref.canonicalizer_version);
    return same?.sha256 ?? "absent";
  }

  async #checkObject(ref: ArtifactRef): Promise<void> {
    const path = objectPath(this.#folder, ref.sha256);
    const there = (await this.#disk.size(path)) !== undefined;
    const actual = there ? createHash("sha256").update(await this.#disk.readFile(path)).digest("hex") : "absent";
    if (actual !== ref.sha256) this.#difference ??= { what: `${nameOf(ref)}: its object is not what its name says`, expected: ref.sha256, actual, atSeq: ref.at_seq };
  }

  async sync(): Promise<void> {}

  /** What is stored but was not given by the log up to `toSeq`; and objects of other versions, by their names. */
  async finish(toSeq: number): Promise<void> {
    for (const [text, ref] of this.#stored) {
      if (this.#difference !== undefined) return;
      if (ref.canonicalizer_version !== CANONICALIZER_VERSION) await this.#checkObject(ref);
      else if (ref.at_seq <= toSeq && !this.#derived.has(text)) {
        this.#difference = { what: `${nameOf(ref)}: the log does not give it`, expected: "absent", actual: ref.sha256, atSeq: ref.at_seq };
      }
    }
  }
}
