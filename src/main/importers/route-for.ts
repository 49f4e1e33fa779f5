// Which routing an import uses: also products that cannot be recorded live yet, as long as their envelope is known.
import { fault } from "../../shared/base.ts";
import type { VenueId } from "../../shared/market.ts";
import type { Routed } from "../venues/adapter.ts";
import { createRoute } from "../venues/binance/route.ts";

const ROUTABLE: readonly VenueId[] = ["binance-usdm", "binance-spot", "binance-coinm", "sim"];

/** Faults: `import.no-route` for a venue whose frames nothing here can read. */
export function routeFor(venue: VenueId): (payload: Uint8Array) => Routed {
  if (ROUTABLE.includes(venue)) return createRoute(venue);
  throw fault("import.no-route", `--venue ${venue}: its captures cannot be imported yet; these can: ${ROUTABLE.join(", ")}`);
}
