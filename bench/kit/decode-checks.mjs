// What the other two make of each message must be what we make of it: as many trades and quotes with the same numbers, and the same last mark,
// index, rate and open interest. Where a side is known not to say a thing, that is written here.
import { product } from "./product.mjs";

const { toFloat } = await product("shared/decimal");

function fail(message, what, ours, theirs) {
  throw new Error(`${what}: we read ${JSON.stringify(ours)}, the other ${JSON.stringify(theirs)} in ${message.payload.toString("utf8").slice(0, 400)}`);
}

function same(message, what, ours, theirs) {
  if (JSON.stringify(ours) !== JSON.stringify(theirs)) fail(message, what, ours, theirs);
}

/** Sizes of swaps are contracts on their side and base units on ours; a price of an empty side does not occur. */
function sizeOf(message, qty) {
  return message.stream.venue === "okx-swap" ? undefined : qty;
}

function ourTrades(message, events) {
  return events.filter(({ kind }) => kind === "trade").map(({ price, qty, side, tradeId, eventMs }) => [toFloat(price), sizeOf(message, toFloat(qty)), side, tradeId, eventMs]);
}

function ourQuotes(message, events) {
  return events.filter(({ kind }) => kind === "bbo").map((quote) => [toFloat(quote.bidPrice), toFloat(quote.askPrice), sizeOf(message, toFloat(quote.bidQty)), sizeOf(message, toFloat(quote.askQty))]);
}

/** The last mark, index, rate and open interest of an instrument after an event. */
function follow(state, events) {
  for (const event of events) {
    if (event.kind === "mark_price") {
      state.markPrice = toFloat(event.markPrice);
      if (event.indexPrice !== undefined) state.indexPrice = toFloat(event.indexPrice);
    } else if (event.kind === "funding") state.fundingRate = toFloat(event.fundingRate);
    else if (event.kind === "open_interest") state.openInterest = toFloat(event.openInterest);
  }
}

export function checkAgainstTardis(messages, read, readTheirs) {
  const ours = new Map();
  for (const message of messages) {
    const events = read(message);
    const theirs = readTheirs(message);
    same(message, "trades", ourTrades(message, events), theirs.filter(({ type }) => type === "trade")
      .map(({ price, amount, side, id, timestamp }) => [price, sizeOf(message, amount), side === "buy" ? 1 : -1, id, timestamp.getTime()]));
    same(message, "quotes", ourQuotes(message, events), theirs.filter(({ type }) => type === "book_ticker")
      .map(({ bidPrice, askPrice, bidAmount, askAmount }) => [bidPrice, askPrice, sizeOf(message, bidAmount), sizeOf(message, askAmount)]));
    const key = `${message.stream.venue}:${message.stream.symbol}`;
    const state = ours.get(key) ?? {};
    ours.set(key, state);
    follow(state, events);
    // Its ticker also comes when only the last price has changed; ours also when nothing has. Values are compared, whenever it says them.
    for (const ticker of theirs.filter(({ type }) => type === "derivative_ticker")) {
      for (const name of ["markPrice", "indexPrice", "fundingRate", "openInterest"]) {
        if (ticker[name] !== undefined) same(message, name, state[name], ticker[name]);
      }
    }
  }
}

export function checkAgainstCcxt(messages, read, readTheirs) {
  const { exchange } = readTheirs;
  exchange.options.tradesLimit = 1_000_000;
  let trades = 0;
  const ours = new Map();
  for (const message of messages) {
    const events = read(message);
    readTheirs(message);
    const last = ourTrades(message, events).at(-1);
    trades += events.filter(({ kind }) => kind === "trade").length;
    const theirs = Object.values(exchange.trades);
    if (last !== undefined) {
      same(message, "number of trades", trades, theirs.reduce((sum, list) => sum + list.length, 0));
      if (!theirs.some((list) => list.at(-1)?.price === last[0] && list.at(-1)?.timestamp === last[4])) fail(message, "last trade", last, theirs.map((list) => list.at(-1)));
    }
    const quote = ourQuotes(message, events).at(-1);
    if (quote !== undefined && !Object.values(exchange.bidsasks).some(({ bid, ask }) => bid === quote[0] && ask === quote[1])) fail(message, "quote", quote, exchange.bidsasks);
    const key = `${message.stream.venue}:${message.stream.symbol}`;
    const state = ours.get(key) ?? {};
    ours.set(key, state);
    follow(state, events);
    const saysMark = events.some(({ kind }) => kind === "mark_price");
    if (saysMark && !Object.values(exchange.tickers).some(({ markPrice }) => markPrice === state.markPrice)) fail(message, "mark price", state, exchange.tickers);
    if (message.stream.channel === "funding-rate" && !Object.values(exchange.fundingRates).some(({ fundingRate }) => fundingRate === state.fundingRate)) fail(message, "rate", state, exchange.fundingRates);
  }
}
