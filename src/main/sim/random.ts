// Seeded randomness of the simulator: xoshiro128** (Blackman & Vigna, public domain algorithm), seeded through SplitMix32.
// The same seed gives the same draws on every machine. Not for secrets.
import { assert, type Random } from "../../shared/base.ts";

/** 32-bit FNV-1a: turns a label into a number, so that every part of a simulation gets a stream of its own. */
function hashLabel(label: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < label.length; index += 1) {
    hash = Math.imul(hash ^ label.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

export class SeededRandom implements Random {
  readonly seed: number;
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** `seed`: any safe integer; its low and high 32 bits both count. */
  constructor(seed: number) {
    assert(Number.isSafeInteger(seed), `a seed must be a safe integer, got ${seed}`);
    this.seed = seed;
    let state = (seed >>> 0) ^ Math.imul(Math.floor(seed / 2 ** 32) >>> 0, 0x9e3779b1);
    const split = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let mixed = state ^ (state >>> 16);
      mixed = Math.imul(mixed, 0x21f0aaad);
      mixed ^= mixed >>> 15;
      mixed = Math.imul(mixed, 0x735a2d97);
      return mixed ^ (mixed >>> 15);
    };
    this.#a = split();
    this.#b = split();
    this.#c = split();
    // xoshiro's one forbidden state is all zeros.
    this.#d = split() | 1;
  }

  /** Uniform in 0 … 2^32 − 1. */
  uint32(): number {
    const product = Math.imul(this.#b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** Uniform in [0, 1), 32 bits of it. */
  next(): number {
    return this.uint32() / 4_294_967_296;
  }

  /** Uniform whole number in [0, below). The bias for `below` ≪ 2^32 is far under what a market model can show. */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** Uniform whole number in [from, to], both inclusive. */
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Exponential with mean 1: waiting times. */
  exponential(): number {
    return -Math.log(1 - this.next());
  }

  /** Standard normal, Marsaglia's polar method without keeping the second value (so that state stays four words). */
  normal(): number {
    for (;;) {
      const u = this.next() * 2 - 1;
      const v = this.next() * 2 - 1;
      const square = u * u + v * v;
      if (square > 0 && square < 1) return u * Math.sqrt((-2 * Math.log(square)) / square);
    }
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    assert(item !== undefined, "cannot pick from an empty list");
    return item;
  }

  /** An independent generator for one part: drawing from it never changes this one or another part's. */
  fork(label: string): SeededRandom {
    return new SeededRandom((hashLabel(label) ^ Math.imul(this.seed >>> 0, 0x85ebca6b)) >>> 0);
  }
}
