// Messages per second over a short sliding window, for status lines. Time is given in, never read.

const WINDOW_MS = 2_000;

export class RateMeter {
  readonly #samples: { readonly atMs: number; readonly total: number }[] = [];

  /** Rate per second after learning that `total` things had happened by `atMs`. */
  sample(atMs: number, total: number): number {
    this.#samples.push({ atMs, total });
    while (this.#samples.length > 2 && (this.#samples[1]?.atMs ?? atMs) <= atMs - WINDOW_MS) this.#samples.shift();
    const [oldest] = this.#samples;
    if (oldest === undefined || oldest.atMs === atMs) return 0;
    return ((total - oldest.total) * 1_000) / (atMs - oldest.atMs);
  }
}
