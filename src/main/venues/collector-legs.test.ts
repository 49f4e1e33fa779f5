// Two legs (A/B): random cuts of either lose nothing, no gap is asked for, and what each leg alone would have missed is measured exactly.
import { describe, expect, it } from "vitest";
import { SeededRandom } from "../sim/random.ts";
import { SIMULATED, SimulatedRun } from "./simulated-run.testkit.ts";

interface Leg { readonly sockets: number[]; url: string }

/** Sockets by leg: the first two of an address are A and B, and a later one replaces the one that was cut last. */
class Legs {
  readonly #legs: Leg[] = [];
  readonly #run: SimulatedRun;
  #seen = 0;
  #lastCut: Leg | undefined;

  constructor(run: SimulatedRun) {
    this.#run = run;
  }

  get all(): readonly Leg[] {
    for (; this.#seen < this.#run.sockets.sockets.length; this.#seen += 1) {
      const url = this.#run.sockets.sockets[this.#seen]?.url ?? "";
      if (this.#legs.filter((leg) => leg.url === url).length < 2) this.#legs.push({ url, sockets: [this.#seen] });
      else this.#lastCut?.sockets.push(this.#seen);
    }
    return this.#legs;
  }

  isOpen(leg: Leg): boolean {
    return this.#run.sockets.sockets[leg.sockets.at(-1) ?? -1]?.isOpen ?? false;
  }

  cut(leg: Leg): void {
    this.#lastCut = leg;
    this.#run.sockets.sockets[leg.sockets.at(-1) ?? -1]?.cut();
  }
}

describe.each(SIMULATED)("two legs at simulated %s", (venueId, adapter) => {
  it("lose nothing over random cuts of either", async () => {
    const seed = 1;
    const run = new SimulatedRun(venueId, adapter, { seed, messagesPerSecond: 200, settings: { legs: 2 } });
    const legs = new Legs(run);
    const random = new SeededRandom(seed + 10);
    await run.clock.advance(8_000);
    let cuts = 0;
    for (let round = 0; round < 40; round += 1) {
      await run.clock.advance(1_500 + random.next() * 5_000);
      // Both were open for a while: what one loses the other brings.
      const { all } = legs;
      if (!all.every((leg) => legs.isOpen(leg))) continue;
      await run.clock.advance(1_000);
      const leg = all[Math.floor(random.next() * all.length)];
      if (leg === undefined || !all.every((one) => legs.isOpen(one))) continue;
      legs.cut(leg);
      cuts += 1;
    }
    await run.clock.advance(25_000);
    await run.quiet();
    expect(cuts).toBeGreaterThan(8);
    const { said, logged } = run.account("BTCUSDT");
    expect(said[0]).toBeGreaterThan(500);
    expect(logged).toEqual(said);
    expect(run.control("backfill_begun")).toEqual([]);
    expect(run.control("disconnect")).toHaveLength(cuts);
    expect(run.control("disconnect").every(({ detail }) => detail.includes("all its streams were carried on"))).toBe(true);
    const { health, streams } = run.collector.status();
    expect(streams.filter(({ channel }) => channel === adapter.foldChannel).map(({ state, gapsOpen }) => [state, gapsOpen])).toEqual([["live", 0]]);
    expect(health.streams.every(({ conflicts, duplicates }) => conflicts === 0 && duplicates === 0)).toBe(true);
    // The measured loss of each leg is what its own sockets did not bring.
    const foldUrl = run.control("connect").find((connect) => connect.streams.some((id) => id.endsWith(`:${adapter.foldChannel}`)))?.url;
    const foldLegs = legs.all.filter(({ url }) => url === foldUrl);
    const fold = run.fold("BTCUSDT");
    const missing = foldLegs.map((leg) => {
      const brought = new Set(leg.sockets.flatMap((socket) => [...(fold.perConnection.get(`${venueId}.ws.${socket + 1}`) ?? [])]));
      return fold.ids.size - brought.size;
    });
    await run.clock.advance(25_000);
    const measured = run.collector.status().health.legs;
    const byLeg = ["A", "B"].map((name) => measured.filter(({ leg }) => leg === name).reduce((sum, { missed }) => sum + missed, 0));
    expect(missing.some((count) => count > 0)).toBe(true);
    // Before a leg's first trade nothing is its loss, and one message may stand for several ids.
    for (const [index, count] of byLeg.entries()) {
      expect(count).toBeGreaterThan(0);
      expect(count).toBeLessThanOrEqual(missing[index] ?? 0);
    }
    await run.stop();
  });
});
