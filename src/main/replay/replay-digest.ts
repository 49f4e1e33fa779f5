// The digest of a replay run: sha256 over one line per emitted event, in the order of emission, so that two machines can
// compare what they replayed. Independent of batching, machine, time zone and speed.
import { createHash, type Hash } from "node:crypto";
import { encodeCursor } from "../../shared/cursor.ts";
import type { Decimal } from "../../shared/decimal.ts";
import type { MarketEvent } from "../../shared/market.ts";
import type { ReplayEvent } from "./events.ts";

/** Mantissa and scale as they are, `6180030e-2`: exact, and twice as fast as placing the point. */
function exact(value: Decimal): string {
  return `${value.mantissa}e-${value.scale}`;
}

/** Absent values are empty; every field is text without `|` or line breaks (decimals, whole numbers, venue ids). */
function optional(value: Decimal | number | undefined): string {
  return value === undefined ? "" : typeof value === "number" ? String(value) : exact(value);
}

function fieldsOf(event: MarketEvent): string {
  switch (event.kind) {
    case "trade":
      // The venue's id is foreign text: as JSON it cannot imitate a separator.
      return `${exact(event.price)}|${exact(event.qty)}|${event.side}|${JSON.stringify(event.tradeId)}|${optional(event.sequenceId)}|${optional(event.firstTradeId)}|${optional(event.lastTradeId)}|${event.tradeCount}|${event.market}`;
    case "bbo":
      return `${exact(event.bidPrice)}|${exact(event.bidQty)}|${exact(event.askPrice)}|${exact(event.askQty)}|${optional(event.updateId)}`;
    case "mark_price":
      return `${exact(event.markPrice)}|${optional(event.indexPrice)}`;
    case "funding":
      return `${exact(event.fundingRate)}|${event.nextFundingMs}`;
    case "open_interest":
      return exact(event.openInterest);
    case "venue_candle":
      return `${event.interval}|${event.openMs}|${exact(event.open)}|${exact(event.high)}|${exact(event.low)}|${exact(event.close)}|${exact(event.volume)}|${optional(event.quoteVolume)}|${optional(event.tradeCount)}|${event.final}`;
  }
}

/** ts_event in ns as text, without a bigint for the usual time after 1970. */
function tsEventText(event: MarketEvent): string {
  return event.eventMs > 0 ? `${event.eventMs}${String(event.eventSubNs).padStart(6, "0")}` : String(BigInt(event.eventMs) * 1_000_000n + BigInt(event.eventSubNs));
}

/** `ts_event|seq|stream_id|kind|fields…`: the line that is hashed. */
export function eventLine({ record, position, event }: ReplayEvent): string {
  // seq × 65,536 + position stays below 2^53 up to 1.3·10^11 messages.
  return `${tsEventText(event)}|${record.seq * 65_536 + position}|${record.stream.streamId}|${event.kind}|${fieldsOf(event)}\n`;
}

export class ReplayDigest {
  readonly #hash: Hash = createHash("sha256");
  #events = 0;
  #last: ReplayEvent | undefined;

  add(batch: readonly ReplayEvent[]): void {
    let text = "";
    for (const event of batch) text += eventLine(event);
    this.#hash.update(text);
    this.#events += batch.length;
    this.#last = batch.at(-1) ?? this.#last;
  }

  get events(): number {
    return this.#events;
  }

  /** Cursor v1 of the last event, undefined before the first. */
  get lastCursor(): string | undefined {
    return this.#last && encodeCursor({ tsEventNs: this.#last.tsEventNs, seq: this.#last.seq });
  }

  /** sha256 (hex) so far; adding more afterwards is fine. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}
