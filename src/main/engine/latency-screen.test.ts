// Each commit is measured once, by the paint of the first frame that shows all of it.
import { expect, test } from "vitest";
import { LatencyCounter } from "../metrics/latency-totals.ts";
import { ScreenLatency } from "./latency-screen.ts";

function following(): { readonly screen: ScreenLatency; readonly total: LatencyCounter } {
  const total = new LatencyCounter();
  const screen = new ScreenLatency(total);
  screen.taken(10);
  return { screen, total };
}

test("a commit waits for the paint of the frame that shows all of it", () => {
  const { screen, total } = following();
  screen.written([{ seq: 11, atMs: 100 }, { seq: 15, atMs: 110 }]);
  screen.taken(13); // all of the first commit, a part of the second
  screen.painted(120);
  expect(screen.percentiles(120)).toMatchObject({ count: 1, max: 20 });
  screen.painted(125); // nothing new
  screen.taken(20);
  screen.painted(150);
  expect(screen.percentiles(150)).toMatchObject({ count: 2, max: 40 });
  expect(total.totals).toMatchObject({ count: 2, sumMs: 60 });
});

test("a replay measures nothing, and nothing of it is left when the screen follows again", () => {
  const { screen } = following();
  screen.written([{ seq: 11, atMs: 100 }]);
  screen.taken(undefined);
  screen.written([{ seq: 12, atMs: 200 }]);
  screen.painted(5_000);
  screen.taken(12);
  screen.painted(5_010);
  expect(screen.percentiles(5_010)).toBeUndefined();
  screen.written([{ seq: 13, atMs: 5_020 }]);
  screen.taken(13);
  screen.painted(5_030);
  expect(screen.percentiles(5_030)).toMatchObject({ count: 1, max: 10 });
});

test("a screen that does not paint for long keeps a bounded number of commits, the oldest with its time", () => {
  const { screen } = following();
  for (let n = 1; n <= 5_000; n += 1) screen.written([{ seq: 10 + n, atMs: n * 10 }]);
  screen.taken(5_010);
  screen.painted(50_010);
  expect(screen.percentiles(50_010)).toMatchObject({ count: 1_024, max: 50_000 });
});
