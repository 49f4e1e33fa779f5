// The captures as the engine knows them: looked at again and again, one look after the other, with the proofs of this session.
import type { Fault } from "../../shared/base.ts";
import type { CaptureSummary } from "../../shared/protocol/frames.ts";
import type { CaptureCatalog } from "./capture-list.ts";
import { faultOf } from "./thread.ts";

export interface CapturesListingOptions {
  readonly catalog: Pick<CaptureCatalog, "list" | "close">;
  /** What is being recorded. */
  recordingId(): string | undefined;
  onChanged(): void;
  onProblem(problem: Fault): void;
}

export class CapturesListing {
  readonly #options: CapturesListingOptions;
  readonly #proofs = new Map<string, CaptureSummary["proof"]>();
  #captures: readonly CaptureSummary[] = [];
  #refreshing: Promise<void> | undefined;
  #looked: Promise<unknown> = Promise.resolve();

  constructor(options: CapturesListingOptions) {
    this.#options = options;
  }

  /** As of the last look. */
  get all(): readonly CaptureSummary[] {
    return this.#captures;
  }

  proved(captureId: string, proof: CaptureSummary["proof"]): void {
    this.#proofs.set(captureId, proof);
  }

  /** Soon; trouble is told. */
  refresh(): void {
    this.#refreshing ??= this.look()
      .then(() => undefined, (error: unknown) => { this.#options.onProblem(faultOf(error)); })
      .finally(() => { this.#refreshing = undefined; });
  }

  /** As of now. Throws the disk's faults. */
  look(): Promise<readonly CaptureSummary[]> {
    const look = this.#looked.then(() => this.#look());
    this.#looked = look.catch(() => undefined); // whoever asked is told; the next one only waits
    return look;
  }

  async #look(): Promise<readonly CaptureSummary[]> {
    const { catalog, recordingId, onChanged } = this.#options;
    const captures = await catalog.list(recordingId());
    this.#captures = captures.map((capture) => ({ ...capture, proof: this.#proofs.get(capture.captureId) }));
    onChanged();
    return this.#captures;
  }

  /** After the last look. */
  async close(): Promise<void> {
    await this.#refreshing;
    await this.#looked;
    await this.#options.catalog.close();
  }
}
