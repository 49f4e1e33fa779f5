import { expect, test } from "vitest";
import { RateMeter } from "./rate-meter.ts";

test("says nothing from one sample, then the rate over what it has seen", () => {
  const meter = new RateMeter();
  expect(meter.sample(1_000, 500)).toBe(0);
  expect(meter.sample(1_000, 900)).toBe(0);
  expect(meter.sample(1_500, 1_500)).toBe(2_000);
});

test("looks back about two seconds: an old rate is forgotten, a stall shows", () => {
  const meter = new RateMeter();
  let total = 0;
  for (let ms = 0; ms <= 10_000; ms += 250) meter.sample(ms, (total += 250));
  expect(meter.sample(10_250, (total += 250))).toBe(1_000);
  for (let ms = 10_500; ms < 12_250; ms += 250) meter.sample(ms, total);
  expect(meter.sample(12_250, total)).toBe(0);
});

test("rare samples still give the rate between the last two", () => {
  const meter = new RateMeter();
  meter.sample(0, 0);
  meter.sample(60_000, 600);
  expect(meter.sample(120_000, 6_600)).toBe(100);
});
