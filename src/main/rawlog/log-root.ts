// One hash over a whole log: sha256 over the roots of its 1,024-seq blocks, in order (RAW_LOG.md). From records, or from the manifest.
import { createHash } from "node:crypto";
import type { Sha256 } from "../../shared/base.ts";
import { ROOT_BLOCK, leafOf } from "../../shared/leaf.ts";
import type { RawRecord } from "../../shared/raw.ts";
import type { ManifestSegment } from "./manifest.ts";

/** Of records that are given in rising seq. */
export class LogRoot {
  readonly #sha256: Sha256;
  readonly #roots = createHash("sha256");
  #block = createHash("sha256");
  #number = 0;
  #count = 0;

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  add(record: RawRecord): void {
    const number = Math.floor((record.seq - 1) / ROOT_BLOCK);
    if (number !== this.#number) this.#close();
    this.#number = number;
    this.#block.update(leafOf(record, this.#sha256));
    this.#count += 1;
  }

  #close(): void {
    if (this.#count === 0) return;
    this.#roots.update(this.#block.digest());
    this.#block = createHash("sha256");
    this.#count = 0;
  }

  /** Ends it: 64 hex digits. */
  digest(): string {
    this.#close();
    return this.#roots.digest("hex");
  }
}

/** Of what the given sealed segments hold: the same as LogRoot over their records. */
export function manifestRoot(segments: readonly ManifestSegment[]): string {
  const roots = createHash("sha256");
  for (const segment of segments) for (const { root } of segment.roots) roots.update(Buffer.from(root, "hex"));
  const partial = segments.at(-1)?.partial;
  if (partial !== undefined) roots.update(Buffer.from(partial.root, "hex"));
  return roots.digest("hex");
}
