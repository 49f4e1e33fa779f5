// What the venue's list of instruments says of the recorded symbols: listed and traded or not, and how large a size is. Each body is in the log.
import type { Result } from "../../shared/base.ts";
import type { StreamRef } from "../../shared/market.ts";
import type { InstrumentInfo, VenueAdapter } from "./adapter.ts";

export interface InstrumentListener {
  /** Not listed, or not traded: nothing will come. */
  onDeadSymbol(symbol: string, detail: string): void;
  /** Its sizes are in no unit that we know: what is derived from them would be wrong. */
  onUnknownSizes(symbol: string, detail: string): void;
}

export class InstrumentWatch {
  readonly #adapter: VenueAdapter;
  readonly #symbols: readonly string[];
  readonly #listener: InstrumentListener;
  readonly #known = new Map<string, InstrumentInfo>();
  #problem: string | undefined;

  constructor(adapter: VenueAdapter, symbols: readonly string[], listener: InstrumentListener) {
    this.#adapter = adapter;
    this.#symbols = symbols;
    this.#listener = listener;
  }

  /** Why the list is not known; undefined: it was read. */
  get problem(): string | undefined {
    return this.#problem;
  }

  of(symbol: string): InstrumentInfo | undefined {
    return this.#known.get(symbol);
  }

  failed(detail: string): void {
    this.#problem = `the list of instruments could not be read: ${detail}`;
  }

  /** A body that has just been logged: of one symbol, or of all where the stream's symbol is `_`. */
  read(stream: StreamRef, body: Uint8Array): void {
    const list: Result<readonly InstrumentInfo[]> = this.#adapter.metadata.read(body);
    if (!list.ok) {
      this.failed(list.fault.message);
      return;
    }
    this.#problem = undefined;
    for (const symbol of this.#symbols) {
      if (stream.symbol !== "_" && stream.symbol !== symbol) continue;
      this.#judge(symbol, list.value.find((info) => info.symbol === symbol));
    }
  }

  #judge(symbol: string, info: InstrumentInfo | undefined): void {
    if (info === undefined) {
      this.#known.delete(symbol);
      this.#listener.onDeadSymbol(symbol, `${this.#adapter.venue} does not list ${symbol}`);
      return;
    }
    this.#known.set(symbol, info);
    if (info.status !== "trading") this.#listener.onDeadSymbol(symbol, `${symbol} is ${info.status} (${info.said})`);
    else if (info.unitsPerSize === undefined) this.#listener.onUnknownSizes(symbol, `sizes of ${symbol} are no multiple of ${info.base}: they are recorded, and nothing is derived from them`);
  }
}
