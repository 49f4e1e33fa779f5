// The cross-stream check: when the best price keeps moving, trades must come; if they do not, their stream is broken.
import { equal, type Decimal } from "../../shared/decimal.ts";
import type { Decode, StreamRef } from "../../shared/market.ts";

const TIMES_USUAL = 4;
/** Per trade: halved after some 70 of them. */
const FORGET = 0.99;

/** Looks at one quote per tick and symbol, so it costs nothing. */
export class QuoteWatch {
  readonly #decode: Decode;
  readonly #stream: StreamRef;
  #latest: { readonly payload: Uint8Array; readonly recvNs: bigint } | undefined;
  #bid: Decimal | undefined;
  #ask: Decimal | undefined;
  #moves = 0;
  /** The most moves that lately lay between two trades: quiet symbols are quiet without being broken. */
  #usual = 0;

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

  /** Many more moves without a trade than this symbol has shown. `atLeast`: fewer are never a sign. */
  movesTooOften(atLeast: number): boolean {
    return this.#moves >= Math.max(atLeast, TIMES_USUAL * this.#usual);
  }

  traded(): void {
    this.#usual = Math.max(this.#moves, this.#usual * FORGET);
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
