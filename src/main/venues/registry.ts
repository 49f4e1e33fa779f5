// Which adapter speaks for a venue and which decoder reads a stream: the one table that names venues.
import type { Decode, DecoderLookup, VenueId } from "../../shared/market.ts";
import type { VenueAdapter } from "./adapter.ts";
import { createBinanceAdapter } from "./binance/adapter.ts";
import { archiveDecoder } from "./binance-archive/decode.ts";
import { spotDecoder, usdmDecoder } from "./binance/decode.ts";
import { binanceInstrumentsDecoder } from "./binance/metadata.ts";
import { unclassifiedDecoder } from "./binance/unclassified.ts";
import { createBybitAdapter } from "./bybit/adapter.ts";
import { linearDecoder as bybitLinearDecoder, spotDecoder as bybitSpotDecoder } from "./bybit/decode.ts";
import { bybitInstrumentsDecoder } from "./bybit/metadata.ts";
import { unclassifiedDecoder as bybitUnclassifiedDecoder } from "./bybit/unclassified.ts";
import { routeCoinbase } from "./coinbase/route.ts";
import { routeKrakenFutures, routeKrakenSpot } from "./kraken/route.ts";
import { unroutedDecoder } from "./parsed-frame.ts";
import { METADATA_CHANNEL } from "./metadata-polls.ts";
import { createOkxAdapter } from "./okx/adapter.ts";
import { okxSpotDecoder, okxSwapDecoder } from "./okx/decode.ts";
import { okxInstrumentsDecoder } from "./okx/metadata.ts";
import { okxUnclassifiedDecoder } from "./okx/unclassified.ts";
import { tardisDecoder } from "./tardis/decode.ts";

/**
 * Decoders by venue. The simulator speaks the USD-M wire. COIN-M looks the same, but its sizes are contracts, not base units:
 * decoding them here would be wrong, so its streams stay `unhandled` until it has a decoder of its own.
 */
const DECODERS: Partial<Record<VenueId, (channel: string) => Decode | undefined>> = {
  "binance-usdm": usdmDecoder,
  sim: usdmDecoder,
  "binance-spot": spotDecoder,
  "bybit-linear": bybitLinearDecoder,
  "bybit-spot": bybitSpotDecoder,
  "okx-swap": okxSwapDecoder,
  "okx-spot": okxSpotDecoder,
};

/** Frames of no stream, told apart so that answers to requests are not counted as data that nobody reads. */
const UNCLASSIFIED: Partial<Record<VenueId, Decode>> = {
  "binance-usdm": unclassifiedDecoder("binance-usdm"),
  sim: unclassifiedDecoder("sim"),
  "binance-spot": unclassifiedDecoder("binance-spot"),
  "binance-coinm": unclassifiedDecoder("binance-coinm"),
  "bybit-linear": bybitUnclassifiedDecoder("bybit-linear"),
  "bybit-spot": bybitUnclassifiedDecoder("bybit-spot"),
  "okx-swap": okxUnclassifiedDecoder("okx-swap"),
  "okx-spot": okxUnclassifiedDecoder("okx-spot"),
  "coinbase-spot": unroutedDecoder(routeCoinbase),
  "kraken-spot": unroutedDecoder(routeKrakenSpot),
  "kraken-futures": unroutedDecoder(routeKrakenFutures),
};

/** Lists of instruments, recorded beside the streams. */
const INSTRUMENTS: Partial<Record<VenueId, Decode>> = {
  "binance-usdm": binanceInstrumentsDecoder,
  sim: binanceInstrumentsDecoder,
  "bybit-linear": bybitInstrumentsDecoder,
  "bybit-spot": bybitInstrumentsDecoder,
  "okx-swap": okxInstrumentsDecoder,
  "okx-spot": okxInstrumentsDecoder,
};

/** Rows of imported archives have channels of their own, whoever's market they tell of. */
function importedDecoder(venue: VenueId, channel: string): Decode | undefined {
  if (channel.endsWith(".tardis")) return tardisDecoder(venue, channel);
  // COIN-M counts contracts: as on the socket, it stays unhandled.
  return venue === "binance-usdm" || venue === "binance-spot" ? archiveDecoder(channel) : undefined;
}

export const decoderLookup: DecoderLookup = ({ venue, channel }) => {
  if (venue === "tapedeck") return undefined;
  if (channel.endsWith(".csv") || channel.endsWith(".tardis")) return importedDecoder(venue, channel);
  if (channel === METADATA_CHANNEL) return INSTRUMENTS[venue];
  return channel === "unclassified" ? UNCLASSIFIED[venue] : DECODERS[venue]?.(channel);
};

const ADAPTERS: Partial<Record<VenueId, () => VenueAdapter>> = {
  sim: () => createBinanceAdapter({ venue: "sim" }),
  "binance-usdm": () => createBinanceAdapter({ venue: "binance-usdm" }),
  "bybit-linear": () => createBybitAdapter({ venue: "bybit-linear" }),
  "bybit-spot": () => createBybitAdapter({ venue: "bybit-spot" }),
  "okx-swap": () => createOkxAdapter({ venue: "okx-swap" }),
  "okx-spot": () => createOkxAdapter({ venue: "okx-spot" }),
};

/** Venues that can be recorded live, in the order in which they are offered. */
export const RECORDABLE_VENUES: readonly VenueId[] = Object.freeze(Object.keys(ADAPTERS) as VenueId[]);

/** The adapter of a venue that can be recorded live; undefined for the others (their captures can still be imported). */
export function adapterFor(venue: VenueId): VenueAdapter | undefined {
  return ADAPTERS[venue]?.();
}
