// The cross-stream check: when the best price keeps moving, trades must come; if they do not, their stream is broken.
import { equal, type Decimal } from "../../shared/decimal.ts";
import type { Decode, StreamRef } from "../../shared/market.ts";

/** Looks at one quote per tick and symbol, so it costs nothing. */
export class QuoteWatch {
  readonly #decode: Decode;
  readonly #stream: StreamRef;
  #latest: { readonly payload: Uint8Array; readonly recvNs: bigint } | undefined;
  #bid: Decimal | undefined;
  #ask: Decimal | undefined;
  #moves = 0;

  constructor(stream: StreamRef, decode: Decode) {
    this.#stream = stream;
    this.#decode = decode;
  }

  /** Ticks in which the best bid or ask had changed since the last trade. */
  get moves(): number {
    return this.#moves;
  }

  quote(payload: Uint8Array, recvNs: bigint): void {
    this.#latest = { payload, recvNs };
  }

  traded(): void {
    this.#moves = 0;
  }

  tick(): void {
    if (this.#latest === undefined) return;
    const outcome = this.#decode(this.#latest.payload, { stream: this.#stream, source: "ws", recvNs: this.#latest.recvNs });
    this.#latest = undefined;
    const event = outcome.kind === "events" ? outcome.events[0] : undefined;
    if (event?.kind !== "bbo") return;
    const moved = this.#bid !== undefined && this.#ask !== undefined && !(equal(this.#bid, event.bidPrice) && equal(this.#ask, event.askPrice));
    if (moved) this.#moves += 1;
    this.#bid = event.bidPrice;
    this.#ask = event.askPrice;
  }
}
