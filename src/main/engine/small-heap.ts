// Keeps a small heap small. V8 collects old objects only once a heap has grown a lot; six quiet threads then rise by megabytes a
// minute for hours while nothing is kept, and nobody can tell laziness from a leak. So small heaps are collected now and then.
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** A collection of a heap of 20 MB takes about 10 ms. */
const EVERY_MS = 20_000;
/** Larger heaps are V8's own business: a full collection would be felt. */
const LARGEST_BYTES = 64 * 1024 * 1024;

/** For the thread (or process) it is called in, until that ends; does not keep it alive. */
export function keepHeapSmall(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  setInterval(() => {
    if (getHeapStatistics().used_heap_size <= LARGEST_BYTES) collect();
  }, EVERY_MS).unref();
}
