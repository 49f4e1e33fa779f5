// A random fault every few seconds: of a venue, of this machine's clocks, or of its disk. What was done is kept, with its time.
import { clearInterval, setInterval } from "node:timers";
import { SYMBOLS, VENUES } from "./simulator.mjs";

/** A small seeded generator (mulberry32): the same seed, the same faults. */
function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const between = (low, high) => (random) => Math.round(low + random() * (high - low));
const none = () => undefined;

/** `venue`: at the simulator; else in the app. Faults that end a recording are tried elsewhere: this one must go on. */
export const KINDS = [
  { name: "drop", venue: true, symbol: true, amount: between(1, 12), weight: 4 },
  { name: "duplicate", venue: true, symbol: true, amount: between(1, 5), weight: 2 },
  { name: "reorder", venue: true, symbol: true, amount: between(1, 4), weight: 2 },
  { name: "late-print", venue: true, symbol: true, amount: between(5, 20), weight: 3 },
  { name: "malformed", venue: true, symbol: true, amount: between(1, 2), weight: 2 },
  { name: "disconnect", venue: true, amount: none, weight: 3 },
  { name: "abrupt-disconnect", venue: true, amount: none, weight: 3 },
  { name: "half-open", venue: true, amount: () => 1, weight: 1 },
  { name: "stall-after-ack", venue: true, amount: () => 1, then: "disconnect", weight: 1 },
  { name: "refuse-connections", venue: true, amount: between(1, 3), then: "disconnect", weight: 1 },
  { name: "rest-429", venue: true, amount: between(1, 3), weight: 1 },
  { name: "rest-5xx", venue: true, amount: between(1, 3), weight: 1 },
  { name: "rest-empty", venue: true, amount: between(1, 3), weight: 1 },
  { name: "clock-skew", venue: true, amount: between(-800, 800), weight: 1 },
  { name: "host-sleep", amount: between(3, 6), weight: 1 },
  { name: "clock-step", amount: between(-4_000, 4_000), weight: 1 },
  { name: "disk-slow", amount: between(50, 400), weight: 1 },
];

export class FaultDriver {
  injected = [];
  #options;
  #random;
  #bag;
  #timer;
  #last = Promise.resolve();

  constructor(options) {
    this.#options = options;
    this.#random = seeded(options.seed);
    this.#bag = KINDS.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
  }

  start() {
    this.#timer = setInterval(() => { this.#last = this.#last.then(() => this.#inject()); }, this.#options.everyMs);
  }

  async #inject() {
    const { simulator, screen } = this.#options;
    const pick = (list) => list[Math.floor(this.#random() * list.length)];
    const kind = pick(this.#bag);
    const amount = kind.amount(this.#random);
    const { venue } = pick(VENUES);
    const symbol = kind.symbol ? pick(SYMBOLS) : undefined;
    const atMs = Date.now();
    if (kind.venue) {
      await simulator.fault({ name: kind.name, amount, venue, symbol });
      if (kind.then !== undefined) await simulator.fault({ name: kind.then, venue });
    } else {
      await screen.call("fault.inject", { name: kind.name, amount });
    }
    this.injected.push({ name: kind.name, amount, venue: kind.venue ? venue : undefined, symbol, atMs, doneMs: Date.now() });
  }

  async stop() {
    clearInterval(this.#timer);
    await this.#last;
  }
}
