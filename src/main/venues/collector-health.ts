// What a collector says about its streams and its venue beyond the status line: the collector's part of shared/protocol/health.ts. Types only.
import type { LegHealth, VenueHealth } from "../../shared/protocol/health.ts";

export interface StreamFacts {
  readonly streamId: string;
  /** Same id, same contents, again: over the overlap of two sockets, or because the venue repeated itself. */
  readonly duplicates: number;
  /** Same id, other contents. */
  readonly conflicts: number;
  /** Missing ids, or spans of time, that are being or wait to be asked for. */
  readonly gapsOpen: number;
  /** Those that were given up, wholly or in part. */
  readonly gapsUnresolved: number;
  /** The venue renamed the symbol: what to record instead. */
  readonly renamedTo: string | undefined;
  /** What the last reconnect missed, for a person: `missed 2.1 s of bbo during a reconnect`. Undefined: nothing, or not known yet. */
  readonly missed: string | undefined;
}

export interface CollectorHealth {
  readonly streams: readonly StreamFacts[];
  /** Of the whole budget of the venue's address, which several collectors may share. */
  readonly weightUsed: number;
  readonly weightLimit: number;
  /** REST is stopped for so long; undefined: it is not. */
  readonly banLeftMs: number | undefined;
  /** Two when the venue is recorded over two connections that say the same; else none. */
  readonly legs: readonly LegHealth[];
  readonly backfill: VenueHealth["backfill"];
}
