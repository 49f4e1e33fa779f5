import { expect, test } from "vitest";
import { CarriedStreams } from "./carried.ts";
import { streamRef } from "./market.ts";

const mark = streamRef("okx-swap", "BTCUSDT", "mark-price");
const index = streamRef("okx-swap", "BTCUSDT", "index-tickers");
const other = streamRef("okx-swap", "ETHUSDT", "mark-price");

test("streams of one instrument share a memory; a restored one is what it was", () => {
  const carried = new CarriedStreams();
  carried.of(mark).set("a", "1");
  expect(carried.of(index).get("a")).toBe("1");
  expect(carried.of(other).size).toBe(0);
  const first = carried.snapshot();
  expect(first).toEqual({ "okx-swap:BTCUSDT": { a: "1" } });
  expect(carried.snapshot()).toBe(first);
  const held = carried.of(mark);
  held.set("a", "2");
  carried.of(other).set("b", "3");
  const second = carried.snapshot();
  expect([first, second]).toEqual([{ "okx-swap:BTCUSDT": { a: "1" } }, { "okx-swap:BTCUSDT": { a: "2" }, "okx-swap:ETHUSDT": { b: "3" } }]);
  carried.restore(first);
  expect([...held]).toEqual([["a", "1"]]);
  expect(carried.of(other).size).toBe(0);
  expect(carried.snapshot()).toBe(first);
  const elsewhere = new CarriedStreams();
  elsewhere.restore(JSON.parse(JSON.stringify(second)) as typeof second);
  expect(elsewhere.snapshot()).toEqual(second);
});

test("what has not changed is the same object, so that many checkpoints cost little", () => {
  const carried = new CarriedStreams();
  carried.of(mark).set("a", "1");
  carried.of(other).set("a", "1");
  const first = carried.snapshot();
  carried.of(other).set("a", "2");
  expect(carried.snapshot()["okx-swap:BTCUSDT"]).toBe(first["okx-swap:BTCUSDT"]);
});
