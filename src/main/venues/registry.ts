// Which adapter speaks for a venue and which decoder reads a stream: the one table that names venues.
import type { Decode, DecoderLookup, VenueId } from "../../shared/market.ts";
import type { VenueAdapter } from "./adapter.ts";
import { createBinanceAdapter } from "./binance/adapter.ts";
import { spotDecoder, usdmDecoder } from "./binance/decode.ts";

/**
 * Decoders by venue. The simulator speaks the USD-M wire. COIN-M looks the same, but its sizes are contracts, not base units:
 * decoding them here would be wrong, so its streams stay `unhandled` until it has a decoder of its own.
 */
const DECODERS: Partial<Record<VenueId, (channel: string) => Decode | undefined>> = {
  "binance-usdm": usdmDecoder,
  sim: usdmDecoder,
  "binance-spot": spotDecoder,
};

export const decoderLookup: DecoderLookup = (stream) =>
  stream.venue === "tapedeck" ? undefined : DECODERS[stream.venue]?.(stream.channel);

/** The adapter of a venue that can be recorded live; undefined for the others (their captures can still be imported). */
export function adapterFor(venue: VenueId): VenueAdapter | undefined {
  return venue === "binance-usdm" || venue === "sim" ? createBinanceAdapter({ venue }) : undefined;
}
