// Keeps a small heap small. V8 collects old objects only once a heap has grown a lot; six quiet threads then rise by megabytes a
// minute for hours while nothing is kept, and nobody can tell laziness from a leak. So small heaps are collected now and then.
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** A collection of a heap of 20 MB takes about 15 ms; only a deriver of many instruments has more than 40. */
const EVERY_MS = 20_000;
/** Sooner when a busy thread has made this much more than was left after the last collection. */
const LOOK_MS = 2_500;
const GROWN_BY = 1.6;
/** Larger heaps are V8's own business: a full collection would be felt. */
const LARGEST_BYTES = 128 * 1024 * 1024;

/** For the thread (or process) it is called in, until that ends; does not keep it alive. */
export function keepHeapSmall(everyMs = EVERY_MS): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  let collectedMs = performance.now();
  let leftBytes = Number.POSITIVE_INFINITY;
  setInterval(() => {
    const usedBytes = getHeapStatistics().used_heap_size;
    if (usedBytes > LARGEST_BYTES) return;
    const nowMs = performance.now();
    if (nowMs - collectedMs < everyMs && usedBytes < leftBytes * GROWN_BY) return;
    collectedMs = nowMs;
    // Otherwise pages that are nearly empty stay. The flag is the whole process's: for this collection only.
    setFlagsFromString("--compact-on-every-full-gc");
    collect();
    setFlagsFromString("--no-compact-on-every-full-gc");
    leftBytes = getHeapStatistics().used_heap_size;
  }, Math.min(everyMs, LOOK_MS)).unref();
}
