// Randomness that a seed repeats exactly, for inputs that must be made again from their number. Pure.

/** sfc32: small, fast, and the same on every machine. */
export class Seeded {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;

  /** One sequence per (seed, stream): input number `stream` of a run needs none of those before it. */
  constructor(seed: number, stream: number) {
    this.#a = seed | 0;
    this.#b = Math.floor(stream / 0x1_0000_0000) | 0;
    this.#c = stream | 0;
    for (let i = 0; i < 12; i += 1) this.next();
  }

  /** A whole number from 0 to 2^32 − 1. */
  next(): number {
    const t = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + t) | 0;
    return t >>> 0;
  }

  /** A whole number from 0 to n − 1; n at least 1. */
  below(n: number): number {
    return this.next() % n;
  }

  /** True about once in n times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(list: readonly [T, ...(readonly T[])] | readonly T[]): T {
    const picked = list[this.below(Math.max(list.length, 1))];
    if (picked === undefined) throw new Error("Invariant: something can be picked from a list that is not empty");
    return picked;
  }
}
