// The whole state of a canonicalizer: instruments' folds, venue clocks, connections. Copied by snapshots. Pure.
import type { CaptureConfig } from "../../shared/control.ts";
import type { Instrument } from "../../shared/market.ts";
import type { Interval } from "../../shared/time.ts";
import { Coverage, type VenueClock } from "./coverage.ts";
import { emptyTally, type Surroundings, type Tally } from "./emit.ts";
import { FoldState } from "./fold-state.ts";

export class CanonicalState {
  position = 0;
  /** Events of the record at `position` that are applied; the record is done when `isDone`. */
  applied = 0;
  isDone = true;
  config: CaptureConfig | undefined;
  /** By instrument id; also those that the configuration no longer feeds. */
  readonly folds = new Map<string, FoldState>();
  /** Folds that take trades now, by stream id. */
  readonly feeding = new Map<string, FoldState>();
  /** Folds by the stream that only cross-checks them. */
  readonly crossing = new Map<string, FoldState>();
  readonly clocks = new Map<string, VenueClock>();
  readonly coverages = new Map<string, Coverage>();
  tally: Tally = emptyTally();

  clockOf(venue: string): VenueClock {
    let clock = this.clocks.get(venue);
    if (clock === undefined) {
      clock = { offsetNs: 0n };
      this.clocks.set(venue, clock);
    }
    return clock;
  }

  coverageOf(connection: string): Coverage {
    let coverage = this.coverages.get(connection);
    if (coverage === undefined) {
      coverage = new Coverage();
      this.coverages.set(connection, coverage);
    }
    return coverage;
  }

  /** A connection that is gone and carries no fold any more needs no memory. */
  forgetConnection(connection: string): void {
    for (const fold of this.folds.values()) if (fold.connection === connection) return;
    this.coverages.delete(connection);
  }

  newFold(options: { readonly instrument: Instrument; readonly streamId: string; readonly latenessMs: number; readonly around: Surroundings }): FoldState {
    return new FoldState({ ...options, tally: this.tally, clock: this.clockOf(options.instrument.venue) });
  }

  intervalsOf(wanted: readonly Interval[] | undefined): readonly Interval[] {
    const configured = this.config?.intervals ?? [];
    return wanted === undefined ? configured : configured.filter((interval) => wanted.includes(interval));
  }

  clone(around: Surroundings): CanonicalState {
    const copy = new CanonicalState();
    copy.position = this.position;
    copy.applied = this.applied;
    copy.isDone = this.isDone;
    copy.config = this.config;
    copy.tally = { ...this.tally };
    for (const [venue, clock] of this.clocks) copy.clocks.set(venue, { ...clock });
    for (const [connection, coverage] of this.coverages) copy.coverages.set(connection, coverage.clone());
    for (const [id, fold] of this.folds) {
      const twin = fold.clone({ clock: copy.clockOf(fold.instrument.venue), tally: copy.tally, around });
      if (twin.connection !== "") twin.coverage = copy.coverageOf(twin.connection);
      copy.folds.set(id, twin);
      if (this.feeding.get(fold.streamId) === fold) copy.feeding.set(fold.streamId, twin);
      if (twin.cross !== undefined) copy.crossing.set(twin.cross.streamId, twin);
    }
    return copy;
  }
}
