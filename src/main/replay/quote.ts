// The last known values at a place of the tape, as exact text. What is not known is absent, never 0.
import { formatDecimal } from "../../shared/decimal.ts";
import type { Quote } from "../../shared/protocol/frames.ts";
import type { LastValues } from "./head.ts";

export function quoteOf(values: LastValues): Quote {
  const { trade, bbo, mark, funding, interest } = values;
  return {
    ...(trade && { lastPrice: formatDecimal(trade.price), lastSide: trade.side }),
    ...(bbo && {
      bidPrice: formatDecimal(bbo.bidPrice), bidQty: formatDecimal(bbo.bidQty),
      askPrice: formatDecimal(bbo.askPrice), askQty: formatDecimal(bbo.askQty),
    }),
    ...(mark && { markPrice: formatDecimal(mark.markPrice) }),
    ...(mark?.indexPrice && { indexPrice: formatDecimal(mark.indexPrice) }),
    ...(funding && { fundingRate: formatDecimal(funding.fundingRate) }),
    // The venue says "none" with 0; a countdown to 1970 would be a lie.
    ...(funding && funding.nextFundingMs > 0 && { nextFundingMs: funding.nextFundingMs }),
    ...(interest && { openInterest: formatDecimal(interest.openInterest) }),
  };
}
