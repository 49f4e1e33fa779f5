// Keeps a small heap small. V8 collects old objects only once a heap has grown a lot; six quiet threads then rise by megabytes a
// minute for hours while nothing is kept, and nobody can tell laziness from a leak. So small heaps are collected now and then.
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** A collection of a heap of 20 MB takes about 15 ms; only a deriver of many instruments has more than 40. */
const EVERY_MS = 20_000;
/** Larger heaps are V8's own business: a full collection would be felt. */
const LARGEST_BYTES = 128 * 1024 * 1024;

/** For the thread (or process) it is called in, until that ends; does not keep it alive. */
export function keepHeapSmall(everyMs = EVERY_MS): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  setInterval(() => {
    if (getHeapStatistics().used_heap_size > LARGEST_BYTES) return;
    // Otherwise pages that are nearly empty stay. The flag is the whole process's: for this collection only.
    setFlagsFromString("--compact-on-every-full-gc");
    collect();
    setFlagsFromString("--no-compact-on-every-full-gc");
  }, everyMs).unref();
}
