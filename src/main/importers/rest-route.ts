// Which stream a recorded REST answer belongs to, by the address it came from. Bodies alone do not say their symbol.
import { streamRef, type MessageSource, type StreamRef, type VenueId } from "../../shared/market.ts";

interface RestChannel { readonly channel: string; readonly source: Exclude<MessageSource, "control"> }

/** By last part of the path, for Binance's products. What is not named here is stored unclassified. */
const BINANCE_CHANNELS: Readonly<Record<string, RestChannel>> = {
  aggTrades: { channel: "aggTrade", source: "rest_backfill" },
  openInterest: { channel: "openInterest", source: "rest_poll" },
  depth: { channel: "depthSnapshot", source: "rest_poll" },
};
const BINANCE_VENUES: readonly VenueId[] = ["binance-usdm", "binance-spot", "binance-coinm"];

const decoder = new TextDecoder("utf-8", { fatal: true });
/** Bodies beyond this are not looked into. */
const BODY_BYTES_MAX = 16 * 1_048_576;

/** True for a body that its venue only sends by REST, in formats that do not keep the address: OKX says `code` and `data` then. */
export function isRestBody(venue: VenueId, payload: Uint8Array): boolean {
  if ((venue !== "okx-swap" && venue !== "okx-spot") || payload.length > BODY_BYTES_MAX) return false;
  try {
    const body: unknown = JSON.parse(decoder.decode(payload));
    return typeof body === "object" && body !== null && "code" in body && "data" in body && !("arg" in body);
  } catch {
    return false; // No JSON: it stays what its connection says it is, and its bytes are kept.
  }
}

export interface RestRouted { readonly stream: StreamRef; readonly source: Exclude<MessageSource, "control"> }

export function routeRest(venue: VenueId, address: string): RestRouted | undefined {
  if (!BINANCE_VENUES.includes(venue) || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  const symbol = url.searchParams.get("symbol")?.toUpperCase();
  const name = url.pathname.split("/").at(-1) ?? "";
  const known = Object.hasOwn(BINANCE_CHANNELS, name) ? BINANCE_CHANNELS[name] : undefined;
  if (known === undefined || symbol === undefined || !/^[A-Z0-9_.-]{1,64}$/.test(symbol)) return undefined;
  return { stream: streamRef(venue, symbol, known.channel), source: known.source };
}
