// Gaps that an earlier run left behind: handed in after the start, asked for when a socket is open, and never twice.
import { expect, it } from "vitest";
import { streamRef } from "../../shared/market.ts";
import type { BackfillRange } from "./adapter.ts";
import { aggTrade, restPage, ScriptedVenue, START_MS } from "./scripted-venue.testkit.ts";

const STREAM = streamRef("sim", "BTCUSDT", "aggTrade");

function range(fromId: number, toId: number, fromMs = START_MS - 10_000): BackfillRange {
  return { stream: STREAM, fromId, toId, fromMs, toMs: fromMs + 1_000 };
}

/** A venue that has every id. Sockets open 10 ms after `openAtMs`. */
function venueWithPast(openAtMs = 0): ScriptedVenue {
  const venue = new ScriptedVenue();
  venue.onConnect = (socket) => {
    venue.acknowledge(socket);
    venue.clock.after(openAtMs + 10, () => {
      socket.open();
    });
  };
  venue.answer = (path) => {
    const query = new URLSearchParams(path.slice(path.indexOf("?")));
    const fromId = Number(query.get("fromId"));
    return { status: 200, body: restPage(fromId, fromId + Number(query.get("limit")) - 1, START_MS) };
  };
  return venue;
}

function asked(venue: ScriptedVenue): readonly (readonly [number | undefined, number | undefined])[] {
  return venue.control("backfill_begun").map(({ from_id, to_id }) => [from_id, to_id] as const);
}

it("backfills them oldest first, each bracketed, once a socket is open", async () => {
  const venue = venueWithPast(3_000);
  const collector = venue.collector();
  collector.start();
  collector.backfill([range(500, 520, START_MS - 5_000), range(100, 150, START_MS - 9_000)]);
  await venue.clock.advance(2_900);
  expect(asked(venue)).toEqual([]);
  await venue.clock.advance(3_000);
  expect(asked(venue)).toEqual([[100, 150], [500, 520]]);
  expect(venue.control("backfill_done").map(({ from_id, outcome }) => [from_id, outcome])).toEqual([[100, "repaired"], [500, "repaired"]]);
  expect(venue.story()).toEqual(["connect", "subscribe", "acknowledge", "backfill_begun", "backfill_done", "backfill_begun", "backfill_done"]);
  await Promise.all([collector.stop(), venue.clock.advance(100)]);
});

it("asks for no id twice: not when handed in again, not when the stream itself shows the hole", async () => {
  const venue = venueWithPast();
  const collector = venue.collector({ resumeFrom: new Map([[STREAM.streamId, { lastId: 199, eventMs: START_MS - 2_000 }]]) });
  collector.start();
  await venue.clock.advance(50);
  venue.socket.say(aggTrade(300, START_MS + 50));
  // Until REST answers, everything below is under way.
  venue.httpMs = 5_000;
  collector.backfill([range(100, 150), range(120, 170), range(100, 150), range(180, 210)]);
  await venue.clock.advance(30_000);
  const runs = [...asked(venue)].sort(([a], [b]) => (a ?? 0) - (b ?? 0));
  expect(runs).toEqual([[100, 150], [151, 170], [180, 210], [211, 299]]);
  expect(venue.control("backfill_done")).toHaveLength(4);
  await Promise.all([collector.stop(), venue.clock.advance(6_000)]);
});

it("leaves out streams that this run does not record, and takes nothing once stopped", async () => {
  const venue = venueWithPast();
  const collector = venue.collector();
  collector.start();
  await venue.clock.advance(50);
  collector.backfill([{ ...range(1, 9), stream: streamRef("sim", "ETHUSDT", "aggTrade") }, { ...range(1, 9), stream: streamRef("sim", "BTCUSDT", "bookTicker") }]);
  await venue.clock.advance(5_000);
  expect(asked(venue)).toEqual([]);
  await Promise.all([collector.stop(), venue.clock.advance(100)]);
  collector.backfill([range(1, 9)]);
  await venue.clock.advance(5_000);
  expect(asked(venue)).toEqual([]);
});
