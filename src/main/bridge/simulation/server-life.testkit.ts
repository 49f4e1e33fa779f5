// One life of a simulated server: feed, journals on the forgetful disk, and the real core on top of them.
import type { Fault } from "../../../shared/base.ts";
import type { VirtualClock } from "../../net/virtual-clock.ts";
import type { Disk } from "../../rawlog/types.ts";
import type { SeededRandom } from "../../sim/random.ts";
import { streamName } from "../model.ts";
import { createBridgeServer } from "../server/bridge-server.ts";
import { createSequenceJournals } from "../server/sequence-journals.ts";
import type { BridgeServer, Feed, Retention, SequenceJournals, ServerLimits } from "../server/types.ts";
import type { ServerTransport } from "../transport.ts";
import type { BridgeCodec } from "../wire/codec-types.ts";
import { openFeed, type Capture } from "./capture.testkit.ts";
import { diskOf, type DiskPace, type Life } from "./life.testkit.ts";
import type { SimulatedNetwork } from "./network.testkit.ts";
import type { Oracle } from "./oracle.testkit.ts";

export interface ServerTuning {
  readonly retention: Retention;
  readonly heartbeatMs: number;
  readonly formingMs: number;
  readonly limits: ServerLimits;
  readonly isFinite: boolean;
  /** Longest that fsync and reading take, ms; 0 = at once. */
  readonly diskMs: number;
  /** Longest that the socket takes for a frame, ms; 0 = at once. */
  readonly socketMs: number;
}

function paceOf({ diskMs }: ServerTuning, random: SeededRandom): DiskPace {
  return { sync: () => (diskMs === 0 ? 0 : random.below(diskMs)), read: () => (diskMs === 0 ? 0 : random.below(Math.ceil(diskMs / 4))) };
}

export interface ServerLifeOptions {
  readonly life: Life;
  readonly disk: Disk;
  readonly folder: string;
  readonly capture: Capture;
  readonly network: SimulatedNetwork;
  readonly codec: BridgeCodec;
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  readonly oracle: Oracle;
  readonly tuning: ServerTuning;
  onProblem(problem: Fault): void;
  onFailed(reason: string): void;
}

export class ServerLife {
  readonly life: Life;
  readonly journals: SequenceJournals;
  readonly server: BridgeServer;
  readonly #feed: Feed;
  readonly #transport: ServerTransport;
  readonly #oracle: Oracle;

  private constructor(options: ServerLifeOptions, parts: { readonly feed: Feed; readonly journals: SequenceJournals }) {
    const { life, network, codec, clock, tuning } = options;
    this.life = life;
    this.#oracle = options.oracle;
    this.#feed = parts.feed;
    this.journals = parts.journals;
    this.#transport = network.openServer(life, tuning.socketMs);
    this.server = createBridgeServer({
      feed: parts.feed, journals: parts.journals, transport: this.#transport, codec, clock, timers: life, version: "simulated", pubPort: 5_556,
      heartbeatMs: tuning.heartbeatMs, formingMs: tuning.formingMs, limits: tuning.limits,
      onProblem: (problem) => { if (life.isAlive) options.onProblem(problem); },
    });
    this.server.fed.catch((error: unknown) => { if (life.isAlive) options.onFailed(`the feed of the server ended: ${String(error)}`); });
  }

  static async start(options: ServerLifeOptions): Promise<ServerLife> {
    const { life, disk, folder, capture, clock, random, oracle, tuning } = options;
    const feed = openFeed({ capture, clock, life, random, isFinite: tuning.isFinite });
    const journals = await createSequenceJournals({ disk: diskOf(life, disk, paceOf(tuning, random.fork("disk"))), folder, history: feed.history, retention: tuning.retention, clock });
    oracle.learn(journals.history, capture);
    return new ServerLife(options, { feed, journals });
  }

  get historyId(): string {
    return this.journals.history.historyId;
  }

  latestSequence(name: string): number {
    return this.journals.streams.filter((key) => streamName(key) === name).map((key) => this.journals.state(key)?.latestSequence ?? 0)[0] ?? 0;
  }

  /** How far retention has come, for what is said of holes. */
  noteFirsts(): void {
    for (const key of this.journals.streams) {
      const state = this.journals.state(key);
      if (state !== undefined) this.#oracle.noteFirst(this.historyId, streamName(key), state.firstSequence);
    }
  }

  /** In the order in which its opener closes things. */
  async close(): Promise<void> {
    await this.server.close();
    await this.#feed.close();
    await this.journals.close();
    await this.#transport.close();
  }
}
