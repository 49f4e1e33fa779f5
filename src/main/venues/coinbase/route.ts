// Which stream a Coinbase frame belongs to: Advanced Trade (`channel`, `events`) and the Exchange feed before it (`type`, `product_id`).
import type { Routed } from "../adapter.ts";
import { isObject, parseFrame, streamOf, type Members } from "../parsed-frame.ts";
import { nsFromRfc3339 } from "../utc-text.ts";

const VENUE = "coinbase-spot";
/** Lists of an event whose items name their product. */
const LISTS = ["trades", "tickers", "candles"] as const;

function unknown(detail: string): Routed {
  return { kind: "unknown", detail };
}

/** Every product that the events of a frame name. */
function productsOf(events: readonly unknown[]): ReadonlySet<unknown> {
  const products = new Set<unknown>();
  for (const event of events.filter(isObject)) {
    if (event["product_id"] !== undefined) products.add(event["product_id"]);
    for (const list of LISTS) {
      const items = event[list];
      if (Array.isArray(items)) for (const item of items) if (isObject(item)) products.add(item["product_id"]);
    }
  }
  return products;
}

function advancedTrade(frame: Members): Routed {
  const { channel, events, timestamp } = frame;
  if (channel === "subscriptions") return { kind: "acknowledgement", id: "", ok: true, detail: "" };
  if (channel === "heartbeats") return { kind: "heartbeat" };
  const products = productsOf(Array.isArray(events) ? events : []);
  const [product] = products;
  const stream = products.size === 1 ? streamOf(VENUE, product, channel) : undefined;
  return stream === undefined ? unknown(`${products.size} products in one frame`) : { kind: "data", stream, eventNs: nsFromRfc3339(timestamp) };
}

function exchangeFeed(frame: Members): Routed {
  const { type, product_id: product, time, message } = frame;
  if (type === "subscriptions") return { kind: "acknowledgement", id: "", ok: true, detail: "" };
  if (type === "error") return { kind: "acknowledgement", id: "", ok: false, detail: typeof message === "string" ? message.slice(0, 400) : "error" };
  const stream = streamOf(VENUE, product, type);
  return stream === undefined ? unknown("neither a push nor an answer") : { kind: "data", stream, eventNs: nsFromRfc3339(time) };
}

/** A frame of one product is that product's; heartbeats of the Exchange feed are a stream (they carry `last_trade_id`). */
export function routeCoinbase(payload: Uint8Array): Routed {
  const frame = parseFrame(payload);
  if (!isObject(frame)) return unknown("not one JSON object");
  return typeof frame["channel"] === "string" ? advancedTrade(frame) : exchangeFeed(frame);
}
