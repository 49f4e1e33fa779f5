// What a feed is given, and what it is told while it runs. Whoever opens a feed closes it.
import type { Clock, Sha256, Timers } from "../../../shared/base.ts";
import type { FormingBar } from "../../../shared/candles.ts";
import type { DecoderLookup } from "../../../shared/market.ts";
import type { Disk } from "../../rawlog/types.ts";
import type { Feed } from "../server/types.ts";

export interface FeedDeps {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Of venues/registry.ts: the bridge knows no venue. */
  readonly decoders: DecoderLookup;
  readonly sha256: Sha256;
}

/** A feed and its inputs: the notes of the main process by the same names. Those that a kind of feed has no use for do nothing. */
export interface ServedFeed extends Feed {
  /** The deriver's journals hold everything up to this raw seq (of a capture that is being recorded). */
  derived(position: number): void;
  /** Open bars as the deriver has them (of a capture that is being recorded). */
  forming(bars: readonly FormingBar[]): void;
  /** No more will come: `batches` ends behind the last derived position. */
  ended(): void;
  /** Lets a feed begin that was opened with `held`. */
  begin(): void;
}
