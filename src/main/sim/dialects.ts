// Which dialect a simulated venue speaks.
import type { VenueId } from "../../shared/market.ts";
import { BinanceDialect } from "./binance/dialect.ts";
import { BybitDialect } from "./bybit/dialect.ts";
import type { Dialect, VenueCore } from "./dialect.ts";
import { OkxDialect } from "./okx/dialect.ts";

/** Venues that can be simulated. `sim` is Binance's wire under a name of its own. */
export const SIMULATED_VENUES = ["sim", "binance-usdm", "bybit-linear", "okx-swap"] as const satisfies readonly VenueId[];
export type SimulatedVenueId = (typeof SIMULATED_VENUES)[number];

export function isSimulatedVenue(venue: string): venue is SimulatedVenueId {
  return SIMULATED_VENUES.some((known) => known === venue);
}

/** `seed`: of the market, for ids that look random. */
export function dialectOf(venue: SimulatedVenueId, core: VenueCore, seed: number): Dialect {
  switch (venue) {
    case "sim":
    case "binance-usdm":
      return new BinanceDialect(core);
    case "bybit-linear":
      return new BybitDialect(core, seed);
    case "okx-swap":
      return new OkxDialect(core);
  }
}
