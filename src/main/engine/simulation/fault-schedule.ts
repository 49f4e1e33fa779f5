// What goes wrong in one simulated session, and when: drawn from the seed, with some kinds switched off per seed (swarm).
//
// Fault bounds: at most FAULTS_MAX faults, none in the first WARM_UP_MS or after the quiet time began; a cut line comes back
// within 20 s, a ban within 10 s; host clock steps stay within ±30 s; what an fsync confirmed survives every crash.
import type { SimFault } from "../../sim/faults.ts";
import type { SeededRandom } from "../../sim/random.ts";

export const WARM_UP_MS = 12_000;
const FAULTS_MAX = 14;

/** Faults of the venue, and those of the line, the host and the recording process. */
export type SimulatedFault =
  | SimFault
  | { readonly name: "line-cut"; readonly forMs: number }
  /** The recording process dies. `power`: so does everything that was not synced. It comes back after `downMs`. */
  | { readonly name: "crash"; readonly power: boolean; readonly downMs: number }
  /** The host's wall clock jumps; monotonic time does not notice. */
  | { readonly name: "clock-step"; readonly ms: number };

export interface ScheduledFault {
  /** Virtual time since the start of the session. */
  readonly atMs: number;
  readonly faults: readonly SimulatedFault[];
}

interface Kind {
  readonly name: string;
  readonly weight: number;
  make(random: SeededRandom, symbol: string): readonly SimulatedFault[];
}

const trades = (symbol: string, count: number): { symbol: string; channel: string; count: number } => ({ symbol, channel: "aggTrade", count });

/** Kinds of trouble; each is on in about half of all seeds. */
export const KINDS: readonly Kind[] = [
  { name: "drop", weight: 4, make: (random, symbol) => [{ name: "drop", ...trades(symbol, random.between(1, 12)) }] },
  { name: "duplicate", weight: 2, make: (random, symbol) => [{ name: "duplicate", ...trades(symbol, random.between(1, 4)) }] },
  { name: "reorder", weight: 2, make: (random, symbol) => [{ name: "reorder", ...trades(symbol, random.between(1, 3)) }] },
  { name: "malformed", weight: 1, make: (random, symbol) => [{ name: random.chance(0.5) ? "malformed" : "wrong-type", ...trades(symbol, 1) }] },
  { name: "noise", weight: 1, make: (random, symbol) => [random.chance(0.5) ? { name: "unknown-stream", count: 2 } : { name: "oversized", count: 1, bytes: 200_000, symbol }] },
  { name: "bad-quote", weight: 1, make: (random, symbol) => [{ name: random.chance(0.5) ? "malformed" : "wrong-type", symbol, channel: "bookTicker", count: 2 }] },
  { name: "late-print", weight: 4, make: (random, symbol) => [{ name: "late-print", symbol, delayMs: random.between(4_500, 30_000) }] },
  { name: "disconnect", weight: 2, make: (random) => [{ name: random.chance(0.5) ? "disconnect" : "abrupt-disconnect" }] },
  { name: "half-open", weight: 1, make: () => [{ name: "half-open" }] },
  { name: "stall", weight: 1, make: () => [{ name: "stall-after-ack", connections: 1 }, { name: "abrupt-disconnect" }] },
  { name: "refusal", weight: 1, make: (random) => [{ name: "refuse-connections", connections: random.between(1, 3) }, { name: "disconnect" }] },
  { name: "bad-rest", weight: 3, make: (random, symbol) => [badRest(random), { name: "drop", ...trades(symbol, 2) }] },
  { name: "line-cut", weight: 1, make: (random) => [{ name: "line-cut", forMs: random.between(2_000, 20_000) }] },
  { name: "crash", weight: 1, make: (random) => [{ name: "crash", power: random.chance(0.5), downMs: random.between(200, 6_000) }] },
  { name: "clock-step", weight: 1, make: (random) => [{ name: "clock-step", ms: random.between(-30_000, 30_000) }] },
];

function badRest(random: SeededRandom): SimFault {
  const count = random.between(1, 3);
  return random.pick<SimFault>([
    { name: "rest-429", count, retryAfterS: 2 }, { name: "rest-5xx", count }, { name: "rest-empty", count }, { name: "rest-hang", count: 1 },
    { name: "rest-418", seconds: random.between(2, 10) }, { name: "rest-403", seconds: random.between(2, 10) },
  ]);
}

/** `only`: kinds that may occur at all; empty = a session without faults. */
export function drawSchedule(random: SeededRandom, options: { readonly symbols: readonly string[]; readonly untilMs: number; readonly only: readonly string[] | undefined }): readonly ScheduledFault[] {
  const { only } = options;
  const kinds = KINDS.filter((kind) => (only === undefined ? random.chance(0.5) : only.includes(kind.name)));
  if (kinds.length === 0) return [];
  const bag = kinds.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
  const count = random.between(1, FAULTS_MAX);
  return Array.from({ length: count }, () => ({
    atMs: random.between(WARM_UP_MS, options.untilMs),
    faults: random.pick(bag).make(random, random.pick(options.symbols)),
  })).sort((a, b) => a.atMs - b.atMs);
}
