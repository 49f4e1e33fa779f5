// The open bars of a canonicalizer that changed since they were last asked for.
import type { FormingBar } from "../../../shared/candles.ts";
import { venueFromText, type Instrument } from "../../../shared/market.ts";
import type { Interval } from "../../../shared/time.ts";
import type { Canonicalizer } from "../../canonical/types.ts";
import { streamName, type StreamKey } from "../model.ts";

interface Watched { readonly name: string; readonly instrument: Instrument; readonly interval: Interval }

export class FormingWatch {
  readonly #watched: readonly Watched[];
  readonly #canonicalizer: Canonicalizer;
  /** Per stream: the last message that the bar told last was made of. */
  readonly #told = new Map<string, number>();

  constructor(streams: readonly StreamKey[], canonicalizer: Canonicalizer) {
    this.#canonicalizer = canonicalizer;
    this.#watched = streams.flatMap((key) => {
      const venue = venueFromText(key.sourceId);
      return venue === undefined ? [] : [{ name: streamName(key), instrument: { venue, symbol: key.symbol }, interval: key.interval }];
    });
  }

  /** The newest open bar of each stream where it changed, at most so many: the others are found changed the next time. */
  changed(most = Infinity): readonly FormingBar[] {
    const bars: FormingBar[] = [];
    for (const { name, instrument, interval } of this.#watched) {
      if (bars.length >= most) break;
      const bar = this.#canonicalizer.open(instrument, interval).at(-1);
      if (bar === undefined || this.#told.get(name) === bar.lastSeq) continue;
      this.#told.set(name, bar.lastSeq);
      bars.push(bar);
    }
    return bars;
  }
}
