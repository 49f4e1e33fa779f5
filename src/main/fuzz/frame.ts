// One fuzz run: inputs made from a seed and a number, each given to a target, until something is thrown, takes too long or memory grows. What
// was found is made again from the same two numbers.
import type { Clock } from "../../shared/base.ts";
import { mutated } from "./mutate.ts";
import { Seeded } from "./seeded.ts";

/** A real or real-shaped input. `label` says how it is to be read (stream, format …) and goes to the target with every mutation of it. */
export interface FuzzSample { readonly label: string; readonly bytes: Uint8Array }

export interface FuzzTarget {
  readonly name: string;
  /** Built in, so that a run repeats on a machine without captures. Never empty. */
  readonly samples: () => readonly FuzzSample[];
  /** More from a folder of captures (`../shared/data`), in an order that repeats. */
  readonly captured?: (folder: string) => readonly FuzzSample[];
  /** Throws, or rejects, when anything is wrong with what the input leads to. Keeps nothing between inputs. */
  readonly run: (bytes: Uint8Array, label: string) => void | Promise<void>;
  /** Longest time for one input, ms. */
  readonly limitMs: number;
}

export interface FuzzInput { readonly label: string; readonly bytes: Uint8Array }

/** Input `index` of a run with `seed`: the same for ever, as long as samples and mutations are. The first ones are the samples themselves. */
export function inputOf(samples: readonly FuzzSample[], seed: number, index: number): FuzzInput {
  const sample = samples[index];
  if (sample !== undefined) return sample;
  const random = new Seeded(seed, index);
  const { label, bytes } = random.pick(samples);
  const others = [random.pick(samples).bytes, random.pick(samples).bytes];
  return { label, bytes: mutated(bytes, others, random) };
}

export interface FuzzFinding { readonly index: number; readonly input: FuzzInput; readonly what: string }
export interface FuzzRun { readonly executions: number; readonly elapsedMs: number; readonly finding: FuzzFinding | undefined }

export interface FuzzOptions {
  readonly target: FuzzTarget;
  readonly samples: readonly FuzzSample[];
  readonly seed: number;
  readonly clock: Clock;
  /** The run ends after this time or this many inputs, whichever is first. */
  readonly forMs: number;
  readonly executions?: number;
  /** Bytes of heap in use after a collection; undefined: growth is not looked for. */
  readonly heapBytes?: () => number;
  /** Told before each input, for a watcher that ends one which never does. */
  readonly onInput?: (index: number) => void;
  readonly onProgress?: (executions: number) => void;
}

/** Heap is looked at this often (ms), first after as long: caches are full by then. */
const HEAP_EVERY_MS = 5_000;
/** Growth beyond this is a finding: caches and lists of the run itself stay far below. */
const HEAP_GROWTH_BYTES = 24 * 1_048_576;
/** Between looks at the clock. */
const INPUTS_PER_TURN = 64;

async function timed(target: FuzzTarget, { bytes, label }: FuzzInput, clock: Clock): Promise<number> {
  const beganMs = clock.monotonicMs();
  await target.run(bytes, label);
  return clock.monotonicMs() - beganMs;
}

export async function runFuzz(options: FuzzOptions): Promise<FuzzRun> {
  const { target, samples, seed, clock } = options;
  const startMs = clock.monotonicMs();
  let heapDueMs = HEAP_EVERY_MS;
  let firstHeap: number | undefined;
  const ended = (executions: number, finding?: FuzzFinding): FuzzRun => ({ executions, elapsedMs: clock.monotonicMs() - startMs, finding });
  for (let index = 0; ; index += 1) {
    if (index === options.executions) return ended(index);
    if (index % INPUTS_PER_TURN === 0) {
      const elapsedMs = clock.monotonicMs() - startMs;
      if (elapsedMs >= options.forMs) return ended(index);
      options.onProgress?.(index);
      if (options.heapBytes !== undefined && elapsedMs >= heapDueMs) {
        heapDueMs = elapsedMs + HEAP_EVERY_MS;
        const heap = options.heapBytes();
        firstHeap ??= heap;
        if (heap - firstHeap > HEAP_GROWTH_BYTES) {
          return ended(index, { index, input: inputOf(samples, seed, index), what: `memory grew from ${firstHeap} to ${heap} bytes after ${index} inputs` });
        }
      }
    }
    const input = inputOf(samples, seed, index);
    options.onInput?.(index);
    let tookMs: number;
    try {
      tookMs = await timed(target, input, clock);
      // A busy machine is late once; an input that takes long takes long again.
      if (tookMs > target.limitMs) tookMs = await timed(target, input, clock);
    } catch (error) {
      return ended(index + 1, { index, input, what: error instanceof Error ? error.stack ?? error.message : String(error) });
    }
    if (tookMs > target.limitMs) return ended(index + 1, { index, input, what: `took ${tookMs.toFixed(0)} ms, the limit is ${target.limitMs} ms` });
  }
}
