// The simulator's own paths, /sim/…: faults in; truth, trades, accounts, ledger and menu out. For checkers and people, not for recorders.
import { fault as asFault } from "../../shared/base.ts";
import { isInterval } from "../../shared/time.ts";
import { accountOf } from "./account.ts";
import { FAULT_MENU, faultFromMenu, type SimFault } from "./faults.ts";
import { formatUnits } from "./market-types.ts";
import { baseUnits } from "./specs.ts";
import type { SimulatedVenue } from "./venue.ts";

const ROWS_MAX = 100_000;
const TRADES_MAX = 50_000;
export const CONTROL_PATHS = "POST /sim/fault, /sim/pause, GET /sim/truth, /sim/trades, /sim/said, /sim/ledger, /sim/menu";

/** The venue that is named; the first one without a name. Throws `sim.unknown-venue`. */
export function venueNamed(venues: readonly SimulatedVenue[], name: string | undefined): SimulatedVenue {
  const found = name === undefined ? venues[0] : venues.find(({ venue }) => venue === name);
  if (found === undefined) throw asFault("sim.unknown-venue", `the simulator has no venue ${JSON.stringify(name)}; it has ${venues.map(({ venue }) => venue).join(", ")}`);
  return found;
}

function numberOf(query: URLSearchParams, name: string, preset: number): number {
  const text = query.get(name);
  const value = text === null ? preset : Number(text);
  if (Number.isNaN(value)) throw asFault("sim.bad-query", `${name}= takes epoch milliseconds, got ${JSON.stringify(text)}`);
  return value;
}

function symbolOf(venue: SimulatedVenue, query: URLSearchParams, path: string): string {
  const symbol = query.get("symbol") ?? "";
  if (venue.model.market(symbol) === undefined) {
    throw asFault("sim.unknown-symbol", `GET ${path} needs symbol=, one of ${venue.specs().map((spec) => spec.symbol).join(", ")}`);
  }
  return symbol;
}

function truth(venue: SimulatedVenue, query: URLSearchParams): unknown {
  const interval = query.get("interval") ?? "";
  if (!isInterval(interval)) throw asFault("sim.bad-query", `GET /sim/truth needs interval=1s…1d, got ${JSON.stringify(interval)}`);
  const symbol = symbolOf(venue, query, "/sim/truth");
  const fromMs = numberOf(query, "from", 0);
  const untilMs = numberOf(query, "until", Number.MAX_SAFE_INTEGER);
  return venue.truth.query({ symbol, interval, fromMs, untilMs }).slice(-ROWS_MAX);
}

/** Single trades with times in [from, until), as far as the venue remembers: ids as the fold stream has them, sizes in base units. */
function trades(venue: SimulatedVenue, query: URLSearchParams): unknown {
  const symbol = symbolOf(venue, query, "/sim/trades");
  const market = venue.model.market(symbol);
  if (market === undefined) return [];
  const { spec } = market;
  const found = venue.trades(symbol).within(numberOf(query, "from", 0), numberOf(query, "until", Number.MAX_SAFE_INTEGER) - 1, TRADES_MAX);
  return found.map((trade) => {
    const { mantissa, scale } = baseUnits(spec, BigInt(trade.qty));
    return {
      id: venue.dialect.tradeId(symbol, trade.id), timeMs: trade.timeMs, price: formatUnits(trade.price, spec.priceScale), qty: formatUnits(mantissa, scale),
      side: trade.buyerIsMaker ? -1 : 1, market: trade.isMarket,
    };
  });
}

/** A fault of the menu, with the symbol or channel that the query names. */
function faultOf(query: URLSearchParams): SimFault {
  const amount = query.get("amount");
  const fault = faultFromMenu(query.get("name") ?? "", amount === null ? undefined : Number(amount));
  const symbol = query.get("symbol");
  const channel = query.get("channel");
  return {
    ...fault, ...(symbol === null ? {} : { symbol }), ...(channel === null || !("channel" in fault) ? {} : { channel }),
  } as SimFault;
}

/** Answers one control request; undefined: there is no such path. Throws `sim.*` faults. */
export function controlAnswer(venues: readonly SimulatedVenue[], method: string, url: URL): unknown {
  const query = url.searchParams;
  const name = query.get("venue") ?? undefined;
  switch (`${method} ${url.pathname}`) {
    case "POST /sim/fault":
      return { applied: venueNamed(venues, name).inject(faultOf(query)) };
    case "GET /sim/truth":
      return truth(venueNamed(venues, name), query);
    case "GET /sim/trades":
      return trades(venueNamed(venues, name), query);
    case "GET /sim/said": {
      const symbol = query.get("symbol");
      const channel = query.get("channel");
      return accountOf(name === undefined ? venues : [venueNamed(venues, name)], {
        minutes: query.has("minutes"), ...(symbol === null ? {} : { symbol }), ...(channel === null ? {} : { channel }),
      });
    }
    case "GET /sim/ledger": {
      const { ledger } = venueNamed(venues, name);
      const after = numberOf(query, "after", 0);
      return { entries: ledger.entries.filter((entry) => entry.at > after && (name === undefined || entry.venue === name)), forgotten: ledger.forgotten };
    }
    case "GET /sim/menu":
      return FAULT_MENU.map(({ name: named, place, summary, amount, preset }) => ({ name: named, place, summary, amount, preset }));
    default:
      return undefined;
  }
}
