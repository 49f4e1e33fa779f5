// How the two halves of one session are set up: drawn from the seed, so that seeds differ in retention, limits and patience, not only in faults.
import type { SeededRandom } from "../../sim/random.ts";
import type { RemoteTiming } from "../client/types.ts";
import type { BridgeMode } from "../model.ts";
import type { ServerTuning } from "./server-life.testkit.ts";

export interface SessionTuning {
  /** The part with faults, ms of virtual time; all entries come to be in it. */
  readonly activeMs: number;
  /** Virtual time before the first entry. */
  readonly headStartMs: number;
  readonly clients: number;
  readonly streams: number;
  readonly codec: "token" | "wire";
  readonly mode: BridgeMode;
  readonly server: ServerTuning;
  readonly client: { readonly isSlow: boolean; readonly timing: Partial<RemoteTiming> };
}

const WIRE_SHARE = 0.1;

export function drawTuning(random: SeededRandom, codec: "token" | "wire" | undefined): SessionTuning {
  const drawn = random.chance(WIRE_SHARE) ? "wire" : "token";
  const isTight = random.chance(0.2);
  return {
    activeMs: random.between(15_000, 60_000),
    // Sometimes the server has everything before anybody asks.
    headStartMs: random.chance(0.2) ? 0 : random.below(3_000),
    clients: random.pick([1, 1, 1, 2, 2, 3]),
    streams: random.pick([1, 1, 2, 3, 5, 8]),
    codec: codec ?? drawn,
    mode: random.pick<BridgeMode>(["live", "replay", "simulated"]),
    server: {
      retention: { entries: random.chance(0.4) ? random.between(20, 600) : 1_000_000, ageMs: random.chance(0.1) ? random.between(2_000, 20_000) : undefined },
      heartbeatMs: random.between(200, 2_000),
      formingMs: random.between(100, 1_000),
      isFinite: random.chance(0.3),
      diskMs: random.chance(0.5) ? random.between(2, 60) : 0,
      socketMs: random.chance(0.2) ? random.between(2, 8) : 0,
      limits: {
        clientsMax: 64, requestsPerSecond: isTight ? random.between(4, 20) : 200, entriesPerSecond: isTight ? random.between(2_000, 10_000) : 200_000,
        behindEntriesMax: random.chance(0.3) ? random.between(50, 500) : 20_000, silentMs: 60_000, waitingMax: random.chance(0.2) ? 4 : 256,
      },
    },
    client: {
      isSlow: random.chance(0.6),
      timing: {
        requestTimeoutMs: random.between(500, 4_000), backoffMs: random.between(50, 500), backoffMaxMs: random.between(1_000, 10_000), reportMs: random.between(300, 3_000),
        missedHeartbeats: random.between(2, 4), persistMs: random.pick([0, 5, 50, 500]),
      },
    },
  };
}
