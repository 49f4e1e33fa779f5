// One life of a simulated client: the real core over a cache that outlives it, with a witness for its listener.
import type { VirtualClock } from "../../net/virtual-clock.ts";
import type { SeededRandom } from "../../sim/random.ts";
import { createRemoteClient } from "../client/remote-client.ts";
import type { RemoteClient, RemoteListener, RemoteTiming } from "../client/types.ts";
import { streamName, type StreamKey } from "../model.ts";
import type { BridgeCodec } from "../wire/codec-types.ts";
import type { DurableCache } from "./durable-cache.testkit.ts";
import type { Life } from "./life.testkit.ts";
import type { SimulatedNetwork } from "./network.testkit.ts";
import { Witness, type WitnessOptions } from "./witness.testkit.ts";

export interface ClientLifeOptions extends Omit<WitnessOptions, "historyOf"> {
  readonly cache: DurableCache;
  readonly isSlow: boolean;
  readonly network: SimulatedNetwork;
  readonly codec: BridgeCodec;
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly watched: readonly StreamKey[];
  readonly timing: Partial<RemoteTiming>;
  /** Stands between client and witness: planted bugs. */
  wrap(listener: RemoteListener): RemoteListener;
}

export class ClientLife {
  readonly life: Life;
  readonly client: RemoteClient;
  readonly witness: Witness;
  readonly #options: ClientLifeOptions;

  constructor(options: ClientLifeOptions) {
    const { life, cache, network, codec, clock, random, timing, watched, name } = options;
    this.#options = options;
    this.life = life;
    this.witness = new Witness({ ...options, noteFirsts: () => options.noteFirsts(), note: (line) => options.note(line), fail: (line) => options.fail(line), historyOf: (key) => this.client.known(key)?.history.historyId });
    this.witness.warm(cache.streams(), (stream) => cache.folded(stream));
    this.client = createRemoteClient({
      remote: "home", transport: network.openClient(name, life), codec, cache: cache.open(life, options.isSlow), clock, timers: life, random,
      listener: options.wrap(this.witness), timing,
    });
    const isEarly = random.chance(0.5);
    if (isEarly) for (const key of watched) this.client.watch(key);
    this.client.start().then(
      () => { if (!isEarly) for (const key of watched) this.client.watch(key); },
      (error: unknown) => { if (life.isAlive) options.fail(`start failed: ${String(error)}`); },
    );
  }

  /** What the cache holds, completed with what it does not hold yet, is what was told. */
  checkUnwritten(): void {
    if (!this.life.isAlive) return;
    const applied = new Map(this.#options.cache.streams().map((stream) => [streamName(stream.key), stream.appliedSequence]));
    for (const key of this.#options.watched) {
      const name = streamName(key);
      const entries = this.client.unwritten(key);
      const first = entries[0];
      const { position } = this.witness.shown(name);
      if (first === undefined) continue;
      const covered = applied.get(name) ?? 0;
      const last = entries.at(-1)?.sequence;
      if (last !== position) this.#options.fail(`unwritten entries of ${name} end at ${String(last)}, told were ${position}`);
      if (first.sequence > covered + 1 && !this.witness.shown(name).holes.some((hole) => hole.toSequence + 1 === first.sequence)) {
        this.#options.fail(`unwritten entries of ${name} begin at ${first.sequence}, the cache ends at ${covered}`);
      }
    }
  }

  /** The command of a person to end the program. */
  async close(): Promise<void> {
    await this.client.close();
  }
}
