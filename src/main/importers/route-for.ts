// Which routing an import uses: also products that cannot be recorded live yet, as long as their envelope is known.
import { fault } from "../../shared/base.ts";
import type { VenueId } from "../../shared/market.ts";
import type { Routed } from "../venues/adapter.ts";
import { createRoute } from "../venues/binance/route.ts";
import { adapterFor, RECORDABLE_VENUES } from "../venues/registry.ts";

/** Products without an adapter that speak a recorded product's wire. */
const IMPORTED_ONLY: readonly VenueId[] = ["binance-spot", "binance-coinm"];

export interface VenueRoute {
  readonly venue: VenueId;
  readonly route: (payload: Uint8Array) => Routed;
}

/** Faults: `import.no-route` for a venue whose frames nothing here can read. */
export function routeFor(venue: VenueId): (payload: Uint8Array) => Routed {
  const adapter = adapterFor(venue);
  if (adapter !== undefined) return adapter.route;
  if (IMPORTED_ONLY.includes(venue)) return createRoute(venue);
  throw fault("import.no-route", `--venue ${venue}: its captures cannot be imported yet; these can: ${[...RECORDABLE_VENUES, ...IMPORTED_ONLY].join(", ")}`);
}

/**
 * The venue that owns a socket's address, for captures that tell addresses: one file may hold spot and futures of one symbol, whose
 * messages look alike. Undefined: the address says nothing, and the import's own venue stands.
 */
export function routeAt(address: string): VenueRoute | undefined {
  for (const venue of RECORDABLE_VENUES) {
    const adapter = adapterFor(venue);
    if (adapter !== undefined && Object.values(adapter.defaultEndpoints).includes(address)) return { venue, route: adapter.route };
  }
  return undefined;
}

/** Channels that can feed a venue's candles, the best first: single trades before aggregated ones. */
export function foldChannelsOf(venue: VenueId): readonly string[] {
  return [...new Set(["trade", "aggTrade", adapterFor(venue)?.foldChannel ?? "trade"])];
}
