// Fuzzing the decoders: whatever the bytes, a decoder answers with a value of its contract, the quick and the exact way agree, and what is carried
// stays small. Samples are the golden messages of schemas/fixtures, and real captures where there are any.
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { gunzipSync } from "node:zlib";
import type { Decimal } from "../../shared/decimal.ts";
import { type CarriedFields, type Decode, type DecodeContext, type DecodeOutcome, type MarketEvent, MESSAGE_SOURCES, type MessageSource, type StreamRef, streamRef, VENUE_IDS, type VenueId } from "../../shared/market.ts";
import type { FuzzSample, FuzzTarget } from "../fuzz/frame.ts";
import { builders as binanceBuilders, decodeParsed as binanceParsed } from "./binance/decode.ts";
import { builders as bybitBuilders, decodeParsed as bybitParsed } from "./bybit/decode.ts";
import { exactDecoders as okxExact } from "./okx/decode.ts";
import { adapterFor, decoderLookup } from "./registry.ts";

const RECV_NS = 1_754_000_000_123_456_789n;
const DETAIL_MAX = 2_000;
const CARRIED_MAX = 32;
const LIMIT_MS = 1_000;
const encoder = new TextEncoder();

/** Without a venue it is of USD-M futures, without a source from the socket. */
interface Golden { readonly venue?: string; readonly channel: string; readonly symbol: string; readonly source?: string; readonly message: string }

function labelOf(venue: string, symbol: string, channel: string, source: string): string {
  return `${venue} ${symbol} ${channel} ${source}`;
}

function golden(exchange: string): readonly FuzzSample[] {
  const lines = readFileSync(resolve(`schemas/fixtures/${exchange}/messages.jsonl`), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as Golden);
  return lines.map(({ venue = "binance-usdm", symbol, channel, source = "ws", message }) => ({ label: labelOf(venue, symbol, channel, source), bytes: encoder.encode(message) }));
}

interface Reading { readonly stream: StreamRef; readonly source: MessageSource }

export function readingOf(label: string): Reading {
  const [venueText = "", symbol = "", channel = "", sourceText = ""] = label.split(" ");
  const venue = VENUE_IDS.find((id) => id === venueText);
  const source = MESSAGE_SOURCES.find((known) => known === sourceText);
  if (venue === undefined || source === undefined) throw new Error(`no label of a stream: ${label}`);
  return { stream: streamRef(venue, symbol, channel), source };
}

function checkDecimal(value: Decimal, name: string): void {
  const { mantissa, scale } = value;
  const isFit = typeof mantissa === "number" ? Number.isSafeInteger(mantissa) && !Object.is(mantissa, -0) : mantissa < -9007199254740991n || mantissa > 9007199254740991n;
  if (!isFit || !Number.isInteger(scale) || scale < 0 || scale > 200) throw new Error(`${name} is no exact decimal: ${mantissa}e-${scale}`);
}

function checkEvent(event: MarketEvent): void {
  if (!Number.isSafeInteger(event.eventMs) || !Number.isInteger(event.eventSubNs) || event.eventSubNs < 0 || event.eventSubNs > 999_999) throw new Error(`time of ${event.kind}: ${event.eventMs} ${event.eventSubNs}`);
  for (const [name, value] of Object.entries(event)) {
    if (typeof value === "object" && value !== null) checkDecimal(value as Decimal, `${event.kind}.${name}`);
    else if (typeof value === "number" && !Number.isFinite(value)) throw new Error(`${event.kind}.${name} is ${value}`);
  }
}

function checkOutcome(outcome: DecodeOutcome): void {
  if (outcome.kind === "events") outcome.events.forEach(checkEvent);
  else if (outcome.kind === "refused" && outcome.detail.length > DETAIL_MAX) throw new Error(`a refusal of ${outcome.detail.length} characters`);
}

/** The exact way of a channel that also has a quick one; undefined: there is only one. */
export function exactOf({ venue, channel }: StreamRef): Decode | undefined {
  if (venue === "okx-swap" || venue === "okx-spot") {
    const decoders = venue === "okx-swap" ? okxExact.swap : okxExact.spot;
    return Object.hasOwn(decoders, channel) ? decoders[channel] : undefined;
  }
  const parsed = (build: unknown, run: Decode): Decode | undefined => (build === undefined ? undefined : run);
  if (venue === "bybit-linear") {
    const build = Object.hasOwn(bybitBuilders, channel) ? bybitBuilders[channel] : undefined;
    return build && parsed(build, (payload, context) => bybitParsed(build, payload, context));
  }
  if (venue !== "binance-usdm" || !Object.hasOwn(binanceBuilders, channel)) return undefined;
  const build = binanceBuilders[channel as keyof typeof binanceBuilders];
  return (payload, context) => binanceParsed(build, payload, context);
}

/** What messages before may have left: mark, index and contract value of OKX; Bybit's ticker is primed by a message of its own. */
function primed(stream: StreamRef): CarriedFields {
  if (stream.venue === "okx-swap") {
    return new Map([["mark-price.markPx", "61800.1"], ["mark-price.ts", "1753999990000"], ["index-tickers.idxPx", "61801.2"], ["index-tickers.ts", "1753999990000"], ["contractValue", "0.02"]]);
  }
  const carried: CarriedFields = new Map();
  if (stream.channel !== "tickers") return carried;
  const snapshot = `{"topic":"tickers.${stream.symbol}","type":"snapshot","data":{"symbol":"${stream.symbol}","markPrice":"61802.81","indexPrice":"61812.25","fundingRate":"-0.0001","nextFundingTime":"1754006400000","openInterest":"52774.528"},"cs":50193544280,"ts":1753999990000}`;
  decoderLookup(stream)?.(encoder.encode(snapshot), { stream, source: "ws", recvNs: RECV_NS, carried });
  return carried;
}

function runOne(bytes: Uint8Array, label: string): void {
  const { stream, source } = readingOf(label);
  if (source === "ws") adapterFor(stream.venue as VenueId)?.route(bytes);
  const decode = decoderLookup(stream);
  if (decode === undefined) return;
  for (const isPrimed of [true, false]) {
    const contextOf = (): DecodeContext => ({ stream, source, recvNs: RECV_NS, ...(isPrimed && { carried: primed(stream) }) });
    const context = contextOf();
    const outcome = decode(bytes, context);
    checkOutcome(outcome);
    if ((context.carried?.size ?? 0) > CARRIED_MAX) throw new Error(`${context.carried?.size ?? 0} fields are carried`);
    const exact = source === "ws" ? exactOf(stream) : undefined;
    // Inverse contracts are refused before either way is taken.
    if (exact === undefined || (outcome.kind === "refused" && outcome.code === "unknown-stream") || (outcome.kind === "refused" && outcome.code === "too-large")) continue;
    const other = contextOf();
    const expected = exact(bytes, other);
    if (!isDeepStrictEqual(outcome, expected)) throw new Error(`the quick way says ${shown(outcome)}, the exact way ${shown(expected)}`);
    if (!isDeepStrictEqual(context.carried, other.carried)) throw new Error(`the quick way leaves ${shown([...(context.carried ?? [])])}, the exact way ${shown([...(other.carried ?? [])])}`);
    if (decode.carries !== true) return;
  }
}

function shown(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? `${inner}n` : inner)).slice(0, 1_000);
}

/** At most so many of a file's messages, spread over it. */
const CAPTURED_MAX = 600;

function linesOf(path: string): readonly string[] {
  if (!existsSync(path)) return [];
  const bytes = readFileSync(path);
  const lines = (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8").split("\n").filter((line) => line !== "");
  const step = Math.max(1, Math.floor(lines.length / CAPTURED_MAX));
  return lines.filter((_, index) => index % step === 0);
}

/** The message of a captured line, whatever the file's format; undefined: the line holds none from a socket. */
function messageOf(path: string, line: string): string | undefined {
  if (path.endsWith(".txt.gz")) return line.slice(line.indexOf(" ") + 1);
  if (!path.endsWith(".jsonl.gz")) return line;
  const { t, data } = JSON.parse(line) as { readonly t?: string; readonly data?: string };
  return t === "recv" ? data : undefined;
}

function captured(folder: string, files: readonly string[], venues: readonly VenueId[]): readonly FuzzSample[] {
  const routes = venues.map((venue) => adapterFor(venue)?.route).filter((route) => route !== undefined);
  return files.flatMap((file) => linesOf(join(folder, file)).flatMap((line) => {
    const message = messageOf(file, line);
    if (message === undefined || message === "") return [];
    const bytes = encoder.encode(message);
    const routed = routes.map((route) => route(bytes)).find(({ kind }) => kind === "data");
    return routed?.kind === "data" ? [{ label: labelOf(routed.stream.venue, routed.stream.symbol, routed.stream.channel, "ws"), bytes }] : [];
  }));
}

function target(name: string, venues: readonly VenueId[], files: readonly string[]): FuzzTarget {
  return { name, samples: () => golden(name), captured: (folder) => captured(folder, files, venues), run: runOne, limitMs: LIMIT_MS };
}

/** One target per exchange. */
export const decoderTargets: readonly FuzzTarget[] = [
  target("binance", ["binance-usdm"], [
    "binance_usdm/ws_BTCUSDT_20240808T2354.txt.gz", "binance_usdm/ws_BTCUSDT_20230405T0000_markprice.txt.gz", "binance_usdm/cryptofeed_20210722_aggTrade_bookTicker_depth_kline.jsonl.gz",
    "binance_usdm/tardis_ws.jsonl", "binance_usdm/msgparser_ws_linear_swap.jsonl",
  ]),
  target("bybit", ["bybit-linear"], ["bybit/v5_20260809_linear_BTC_ETH_spot_BTC.jsonl.gz", "bybit/tardis_ws_v5_deriv.jsonl"]),
  target("okx", ["okx-swap", "okx-spot"], ["okx/v5_20220513_BTC-USDT.jsonl.gz", "okx/msgparser_ws_linear_swap.jsonl", "okx/msgparser_ws_spot.jsonl", "okx/tardis_ws_swap.jsonl", "okx/tardis_ws_spot.jsonl"]),
];
