// Exact running sum of non-negative integers. Numbers while they fit, in two limbs, so that a day of quote volume stays fast. Pure.

const LIMB = 2 ** 52;
const LIMB_BIG = 2n ** 52n;

export class ExactSum {
  // lo < 2^52 at all times: adding an integer below 2^52 stays below 2^53 and is therefore exact.
  #lo = 0;
  #hi = 0;
  /** What did not come as a small number. */
  #big = 0n;

  add(value: number | bigint): void {
    if (typeof value === "number" && value >= 0 && value < LIMB) {
      const sum = this.#lo + value;
      if (sum < LIMB) {
        this.#lo = sum;
      } else {
        this.#lo = sum - LIMB;
        this.#hi += 1;
      }
    } else {
      this.#big += BigInt(value);
    }
  }

  /** The same sum in units ten times smaller, `power` times: used when a finer scale turns up. */
  widen(power: number): void {
    this.#big = BigInt(this.total()) * 10n ** BigInt(power);
    this.#lo = 0;
    this.#hi = 0;
  }

  /** A `number` exactly when it is a safe integer, as in Decimal. */
  total(): number | bigint {
    if (this.#hi === 0 && this.#big === 0n) return this.#lo;
    const sum = this.#big + BigInt(this.#hi) * LIMB_BIG + BigInt(this.#lo);
    return sum >= -9007199254740991n && sum <= 9007199254740991n ? Number(sum) : sum;
  }

  clone(): ExactSum {
    const copy = new ExactSum();
    copy.#lo = this.#lo;
    copy.#hi = this.#hi;
    copy.#big = this.#big;
    return copy;
  }

  static from(total: number | bigint): ExactSum {
    const sum = new ExactSum();
    sum.add(total);
    return sum;
  }
}
