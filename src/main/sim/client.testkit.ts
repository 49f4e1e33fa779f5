// A client of a simulated venue without sockets, which reads what it gets with the venue's own adapter.
import type { MarketEvent, TradeEvent } from "../../shared/market.ts";
import type { VenueAdapter } from "../venues/adapter.ts";
import { createBinanceAdapter } from "../venues/binance/adapter.ts";
import { createBybitAdapter } from "../venues/bybit/adapter.ts";
import { createOkxAdapter } from "../venues/okx/adapter.ts";
import type { SimulatedVenueId } from "./dialects.ts";
import type { WireSession } from "./session.ts";
import { SimulatedVenue, type VenueOptions } from "./venue.ts";

export const START_MS = 1_767_225_600_000;
const encoder = new TextEncoder();

export const ADAPTERS = {
  "binance-usdm": createBinanceAdapter({ venue: "binance-usdm" }),
  "bybit-linear": createBybitAdapter({ venue: "bybit-linear" }),
  "okx-swap": createOkxAdapter({ venue: "okx-swap" }),
} as const satisfies Partial<Record<SimulatedVenueId, VenueAdapter>>;
export type TestedVenueId = keyof typeof ADAPTERS;
export const TESTED_VENUES = Object.keys(ADAPTERS) as readonly TestedVenueId[];

export function venueOf(venue: TestedVenueId, options: Partial<VenueOptions> = {}): SimulatedVenue {
  return new SimulatedVenue({ seed: 21, venue, startMs: START_MS, warmMs: 60_000, symbols: ["BTCUSDT", "ETHUSDT"], historyTrades: 16_384, ...options });
}

/** Moves the venue on in steps that no client takes for a stall. */
export function run(venue: SimulatedVenue, ms: number): void {
  const untilMs = venue.nowMs + ms;
  while (venue.nowMs < untilMs) venue.advance(Math.min(untilMs, venue.nowMs + 1_000));
}

export class Client {
  readonly texts: string[] = [];
  ended: string | undefined;
  readonly session: WireSession | undefined;
  readonly adapter: VenueAdapter;
  readonly venue: SimulatedVenue;

  /** Connects where the adapter would for these channels, and subscribes as it would. */
  constructor(venue: SimulatedVenue, channels: readonly string[], symbols: readonly string[] = ["BTCUSDT"]) {
    this.venue = venue;
    this.adapter = ADAPTERS[venue.venue as TestedVenueId];
    const subscriptions = symbols.map((symbol) => ({ venue: this.adapter.venue, symbol, channels }));
    const [plan] = this.adapter.plan(subscriptions, this.adapter.endpointsAt({ socket: "ws://sim.invalid", http: "http://sim.invalid" }));
    if (plan === undefined) throw new Error("nothing to connect to");
    const { pathname, search } = new URL(plan.url);
    const opened = venue.connect(pathname + search, {
      send: (text) => this.texts.push(text),
      close: (code, reason) => { this.ended = `closed ${code} ${reason}`; },
      drop: () => { this.ended = "dropped"; },
    });
    if ("refusedStatus" in opened) {
      this.ended = `refused ${opened.refusedStatus}`;
      return;
    }
    this.session = opened;
    const size = plan.subscribe?.streamsPerRequest ?? plan.streams.length;
    for (let from = 0; from < plan.streams.length; from += size) this.ask(this.adapter.subscribeText(plan.streams.slice(from, from + size), from + 1));
  }

  ask(text: string): string | undefined {
    this.session?.receive(text, this.venue.nowMs);
    return this.texts.at(-1);
  }

  /** What each data frame of a channel decodes to, in order; refusals as their codes. */
  outcomes(channel: string): readonly (string | readonly MarketEvent[])[] {
    return this.texts.flatMap((text) => {
      const payload = encoder.encode(text);
      const routed = this.adapter.route(payload);
      if (routed.kind !== "data" || routed.stream.channel !== channel) return [];
      const outcome = this.adapter.decoder(channel)?.(payload, { stream: routed.stream, source: "ws", recvNs: BigInt(START_MS) * 1_000_000n });
      return outcome === undefined ? [] : [outcome.kind === "events" ? outcome.events : outcome.kind === "refused" ? outcome.code : outcome.why];
    });
  }

  trades(): readonly TradeEvent[] {
    return this.outcomes(this.adapter.foldChannel).flatMap((outcome) => (typeof outcome === "string" ? [] : outcome)).filter((event) => event.kind === "trade");
  }

  /** Ids of the fold stream one by one, as the account and the ledger have them. */
  ids(): readonly string[] {
    return this.trades().flatMap(idsOf);
  }
}

export function idsOf({ tradeId, sequenceId, sequenceFromId }: TradeEvent): readonly string[] {
  if (sequenceId === undefined) return [tradeId];
  const from = sequenceFromId ?? sequenceId;
  return Array.from({ length: sequenceId - from + 1 }, (_, index) => String(from + index));
}

export function problem(venue: SimulatedVenue, path: string): string {
  const answer = venue.request(path, {});
  if (answer === "hang") return "hang";
  const found = ADAPTERS[venue.venue as TestedVenueId].restProblem(answer.status, answer.headers, encoder.encode(answer.body));
  return found?.kind ?? "success";
}
