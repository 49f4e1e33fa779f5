// Which routing an import uses: also products that cannot be recorded live yet, as long as their envelope is known.
import { assert, fault } from "../../shared/base.ts";
import type { VenueId } from "../../shared/market.ts";
import type { Routed } from "../venues/adapter.ts";
import { createRoute } from "../venues/binance/route.ts";
import { routeCoinbase } from "../venues/coinbase/route.ts";
import { routeKrakenFutures, routeKrakenSpot } from "../venues/kraken/route.ts";
import { adapterFor, RECORDABLE_VENUES } from "../venues/registry.ts";

/** Products without an adapter, whose envelope is known all the same: that of a recorded product, or one that only imports read. */
const IMPORTED_ONLY: Partial<Record<VenueId, (payload: Uint8Array) => Routed>> = {
  "binance-spot": createRoute("binance-spot"),
  "binance-coinm": createRoute("binance-coinm"),
  "coinbase-spot": routeCoinbase,
  "kraken-spot": routeKrakenSpot,
  "kraken-futures": routeKrakenFutures,
};

/** Whose a frame is where it names no stream, and which stream it is: of that venue, or of another one that shares its sockets. */
export interface VenueRoute {
  readonly venue: VenueId;
  readonly route: (payload: Uint8Array) => Routed;
}

function socketsOf(venue: VenueId): readonly string[] {
  return Object.entries(adapterFor(venue)?.defaultEndpoints ?? {}).filter(([name]) => name.startsWith("ws")).map(([, address]) => address);
}

/** The venue and those whose messages come by the same sockets: there the message itself names its product. */
export function familyOf(venue: VenueId): readonly VenueId[] {
  const sockets = socketsOf(venue);
  return [venue, ...RECORDABLE_VENUES.filter((other) => other !== venue && socketsOf(other).some((address) => sockets.includes(address)))];
}

function routeOfFamily(venue: VenueId): (payload: Uint8Array) => Routed {
  const routes = familyOf(venue).flatMap((member) => adapterFor(member)?.route ?? []);
  const [own] = routes;
  assert(own !== undefined, "a venue with sockets has an adapter");
  return (payload) => {
    const first = own(payload);
    if (first.kind !== "unknown") return first;
    for (const route of routes.slice(1)) {
      const routed = route(payload);
      if (routed.kind === "data") return routed;
    }
    return first;
  };
}

/** Faults: `import.no-route` for a venue whose frames nothing here can read. */
export function routeFor(venue: VenueId): (payload: Uint8Array) => Routed {
  if (adapterFor(venue) !== undefined) return routeOfFamily(venue);
  const importedOnly = IMPORTED_ONLY[venue];
  if (importedOnly !== undefined) return importedOnly;
  throw fault("import.no-route", `--venue ${venue}: its captures cannot be imported yet; these can: ${[...RECORDABLE_VENUES, ...Object.keys(IMPORTED_ONLY)].join(", ")}`);
}

/**
 * The venue that owns a socket's address, for captures that tell addresses: one file may hold spot and futures of one symbol, whose
 * messages look alike. Undefined: the address says nothing, or it is `home`'s too: the import's own venue stands.
 */
export function routeAt(address: string, home: VenueId): VenueRoute | undefined {
  if (socketsOf(home).includes(address)) return undefined;
  const venue = RECORDABLE_VENUES.find((other) => socketsOf(other).includes(address));
  return venue === undefined ? undefined : { venue, route: routeFor(venue) };
}

/** Channels that can feed a venue's candles, the best first: single trades before aggregated ones. */
export function foldChannelsOf(venue: VenueId): readonly string[] {
  return [...new Set(["trade", "aggTrade", adapterFor(venue)?.foldChannel ?? "trade"])];
}
