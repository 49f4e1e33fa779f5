// Several simulated venues as one: the same world of prices, one ledger, and their shares of the rate.
import { assert } from "../../shared/base.ts";
import type { SimulatedVenueId } from "./dialects.ts";
import { FaultLedger } from "./faults.ts";
import { MESSAGES_PER_SECOND_DEFAULT } from "./market-model.ts";
import { SimulatedVenue, type VenueOptions } from "./venue.ts";
import { World } from "./world.ts";

/** How much of all messages a venue says. */
const SHARES: Readonly<Record<SimulatedVenueId, number>> = { sim: 0.45, "binance-usdm": 0.45, "bybit-linear": 0.3, "okx-swap": 0.25 };

/** `messagesPerSecond` is of all together. One venue alone is what it would be by itself; several follow one world of prices. */
export function createVenues(options: Omit<VenueOptions, "venue" | "ledger" | "world"> & { readonly venues?: readonly SimulatedVenueId[] }): readonly SimulatedVenue[] {
  const { venues: wanted = ["sim"], ...common } = options;
  assert(wanted.length > 0 && new Set(wanted).size === wanted.length, "a simulation has at least one venue, and each once");
  assert(!(wanted.includes("sim") && wanted.includes("binance-usdm")), "sim speaks Binance's wire under its paths: not both at one address");
  const ledger = new FaultLedger();
  const rate = options.messagesPerSecond ?? MESSAGES_PER_SECOND_DEFAULT;
  const shares = wanted.reduce((sum, venue) => sum + SHARES[venue], 0);
  const shared = wanted.length === 1 ? {} : { world: new World(options.seed) };
  return wanted.map((venue) => new SimulatedVenue({ ...common, ...shared, venue, ledger, messagesPerSecond: (rate * SHARES[venue]) / shares }));
}
