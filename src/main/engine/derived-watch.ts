// What sharing asks of a recording: which past it is, how far its candles are derived, and the bars that are open meanwhile.
import type { FormingBar } from "../../shared/candles.ts";
import type { LogPositions } from "../rawlog/types.ts";

export interface DerivedWatcher {
  /** The journals hold everything up to this raw seq. */
  derived(position: number): void;
  /** Open bars that changed, at most every 200 ms. */
  forming(bars: readonly FormingBar[]): void;
  /** The recording ended; the last `derived` is the last. */
  ended(): void;
}

/** A recording as sharing needs it: LiveSource, and in tests whatever has these. */
export interface SharedSource {
  readonly captureId: string;
  readonly captureFolder: string;
  /** Of the configuration that this run writes into the log. */
  readonly configDigest: string;
  /** Any of its markets is simulated. */
  readonly simulated: boolean;
  /** Messages appended by this run. */
  readonly messages: number;
  readonly positions: LogPositions;
  /** While anybody watches, the deriver also tells the open bars. The returned function ends it. */
  watchDerived(watcher: DerivedWatcher): () => void;
}
