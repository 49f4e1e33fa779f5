// The one price path per asset that all simulated venues share: a function of (seed, asset, time) without any state, so that venues may ask
// for any moment in any order. Scaled noise on ever longer lattices: over a span it moves like a random walk, over days it stays plausible.

/** Relative move over one second, as the market model's own. */
const SIGMA_PER_SECOND = 0.000_05;
/** The finest lattice is 1 s, the coarsest 2^16 s (18 h). */
const OCTAVES = 17;
/** Neighbouring octaves add up: each alone moves less than the walk. */
const PER_OCTAVE = 0.45;
/** How much of its moves an asset shares with the others. */
const COMMON = 0.8;
const OWN = 0.6;
/** A venue's price stands apart from the path by this much: about 1 in 10,000, changing over minutes. */
const BASIS = 0.000_1;
const BASIS_LATTICE_MS = 90_000;

function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

function mixed(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** About a standard normal, of a lattice point. */
function bell(key: number, at: number): number {
  // Points lie beyond 32 bits for fine lattices: both halves count.
  const low = mixed(key ^ Math.imul(at % 4_294_967_296, 0x9e3779b1));
  const first = mixed(low ^ Math.floor(at / 4_294_967_296));
  const second = mixed(first + 0x6d2b79f5);
  const third = mixed(second + 0x6d2b79f5);
  return ((first + second + third) / 4_294_967_296 - 1.5) * 2;
}

/** Smooth noise of deviation about 1 at `u` lattice steps. */
function noise(key: number, u: number): number {
  const at = Math.floor(u);
  const part = u - at;
  const weight = part * part * (3 - 2 * part);
  return bell(key, at) * (1 - weight) + bell(key, at + 1) * weight;
}

export class World {
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = mixed(seed ^ Math.floor(seed / 4_294_967_296));
  }

  #path(name: string, atMs: number): number {
    const key = mixed(this.#seed ^ hashText(name));
    let sum = 0;
    for (let octave = 0; octave < OCTAVES; octave += 1) {
      const seconds = 2 ** octave;
      sum += PER_OCTAVE * SIGMA_PER_SECOND * Math.sqrt(seconds) * noise(mixed(key + octave), atMs / (seconds * 1_000));
    }
    return sum;
  }

  /** Price of an asset against its start price, as all venues see it. */
  ratio(asset: string, atMs: number): number {
    return Math.exp(COMMON * this.#path("market", atMs) + OWN * this.#path(asset, atMs));
  }

  /** The same as one venue sees it: `lagMs` later, and a little apart. */
  ratioAt(venue: string, asset: string, atMs: number, lagMs: number): number {
    const key = mixed(this.#seed ^ hashText(`${venue} ${asset}`));
    return this.ratio(asset, atMs - lagMs) * (1 + BASIS * noise(key, atMs / BASIS_LATTICE_MS));
  }
}
