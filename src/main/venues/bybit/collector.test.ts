// The collector with Bybit's adapter: a topic that the venue rejects is a state of that one stream, and the sockets are kept alive.
import { expect, test } from "vitest";
import { ScriptedVenue, type ScriptedSocket } from "../scripted-venue.testkit.ts";
import { createBybitAdapter } from "./adapter.ts";

interface Request { readonly op: string; readonly req_id?: string; readonly args?: readonly string[] }

/** As linear does: one unknown topic fails its whole request. */
function answer(socket: ScriptedSocket): void {
  socket.onSend = (text) => {
    const { op, req_id: id = "", args = [] } = JSON.parse(text) as Request;
    if (op === "ping") {
      socket.say('{"success":true,"ret_msg":"pong","conn_id":"c","req_id":"","op":"ping"}');
      return;
    }
    const unknown = args.find((topic) => topic.includes("MATIC"));
    socket.say(JSON.stringify({ success: unknown === undefined, ret_msg: unknown === undefined ? "" : `error:handler not found,topic:${unknown}`, conn_id: "c", req_id: id, op: "subscribe" }));
  };
}

test("a renamed symbol is a visible state of its streams; the others go on, and the socket is pinged", async () => {
  const venue = new ScriptedVenue();
  venue.onConnect = (socket) => {
    answer(socket);
    venue.clock.after(10, () => { socket.open(); });
  };
  const adapter = createBybitAdapter({ venue: "bybit-linear" });
  const subscriptions = ["BTCUSDT", "MATICUSDT"].map((symbol) => ({ venue: "bybit-linear" as const, symbol, channels: ["publicTrade", "orderbook.1"] }));
  const collector = venue.collector({ adapter, subscriptions, endpoints: adapter.endpointsAt({ socket: "wss://sim", http: "https://sim" }), name: "bybit-linear" });
  collector.start();
  await venue.clock.advance(2_000);
  expect(venue.socket.url).toBe("wss://sim/v5/public/linear");
  const say = (): void => { venue.socket.say('{"topic":"orderbook.1.BTCUSDT","type":"snapshot","ts":1750000002000,"data":{"s":"BTCUSDT","b":[["1","1"]],"a":[["2","1"]],"u":5}}'); };
  say();
  await venue.clock.advance(9_000);
  say();
  await venue.clock.advance(9_500);
  say();
  await venue.clock.advance(1_000);
  const states = Object.fromEntries(collector.status().streams.map(({ streamId, state, detail }) => [streamId, [state, detail]]));
  expect(states).toMatchObject({
    "bybit-linear:BTCUSDT:publicTrade": ["acknowledged", expect.any(String)],
    "bybit-linear:BTCUSDT:orderbook.1": ["live", ""],
    "bybit-linear:MATICUSDT:publicTrade": ["rejected", "error:handler not found,topic:publicTrade.MATICUSDT (MATICUSDT was renamed: record POLUSDT instead)"],
    "bybit-linear:MATICUSDT:orderbook.1": ["rejected", "error:handler not found,topic:orderbook.1.MATICUSDT (MATICUSDT was renamed: record POLUSDT instead)"],
  });
  expect(venue.sockets).toHaveLength(1);
  const sent = venue.socket.sent.map((text) => JSON.parse(text) as Request);
  expect(sent.filter(({ op }) => op === "subscribe").map(({ args }) => args?.length)).toEqual([4, 1, 1, 1, 1]);
  expect(sent.filter(({ op }) => op === "ping")).toHaveLength(1);
  expect(venue.control("acknowledge").map(({ ok, streams }) => [ok, streams.length])).toEqual([[false, 4], [true, 1], [true, 1], [false, 1], [false, 1]]);
  await Promise.all([collector.stop(), venue.clock.advance(100)]);
});
