// What goes wrong in one simulated session of the bridge, and when: drawn from the seed, about half of all kinds switched off per
// seed (swarm).
//
// Fault bounds: at most FAULTS_MAX faults, all before the quiet time begins; nothing lasts longer than 8 s; a server or a client
// that died comes back within 5 s; what fsync and the client's cache confirmed survives, unless a journal's file is damaged on purpose.
import type { SeededRandom } from "../../sim/random.ts";

export const WARM_UP_MS = 1_500;
const FAULTS_MAX = 30;

type Share = "dropPublished" | "dropAsked" | "duplicate" | "reorder" | "corrupt" | "replay" | "delayMs" | "jitterMs";

export type BridgeFault =
  /** For a while the line of one client (or of all) is like this. */
  | { readonly name: "weather"; readonly client: number | undefined; readonly what: Share; readonly value: number; readonly forMs: number }
  | { readonly name: "full" | "cut"; readonly client: number | undefined; readonly forMs: number }
  | { readonly name: "half-open"; readonly client: number | undefined; readonly sockets: readonly ("sub" | "dealer")[] }
  /** `power`: what was not synced is gone, and nobody hears of the death. `afterSteps`: dies at the n-th touch of the outside from now. */
  | { readonly name: "kill-server"; readonly power: boolean; readonly afterSteps: number | undefined; readonly downMs: number; readonly then: "same" | "other" | "damaged" }
  | { readonly name: "restart-server"; readonly downMs: number; readonly then: "same" | "other" }
  | { readonly name: "kill-client"; readonly client: number; readonly quiet: boolean; readonly afterSteps: number | undefined; readonly downMs: number }
  | { readonly name: "restart-client"; readonly client: number; readonly downMs: number }
  | { readonly name: "resync"; readonly client: number; readonly stream: number }
  | { readonly name: "look-away"; readonly client: number; readonly stream: number; readonly forMs: number }
  /** The client's cache cannot be written. */
  | { readonly name: "cache-fails"; readonly client: number; readonly forMs: number }
  /** The server's disk fails at the n-th next sync: the server halts, and whoever runs it starts it again. */
  | { readonly name: "disk-fails"; readonly afterSyncs: number }
  | { readonly name: "clock-step"; readonly ms: number };

export interface ScheduledFault {
  readonly atMs: number;
  readonly fault: BridgeFault;
}

interface Place {
  readonly clients: number;
  readonly streams: number;
}
interface Kind {
  readonly name: string;
  readonly weight: number;
  make(random: SeededRandom, place: Place): BridgeFault;
}

function someClient(random: SeededRandom, { clients }: Place): number | undefined {
  return random.chance(0.3) ? undefined : random.below(clients);
}

function weather(what: Share, weight: number, value: (random: SeededRandom) => number): Kind {
  return {
    name: what, weight,
    make: (random, place) => ({ name: "weather", client: someClient(random, place), what, value: value(random), forMs: random.between(50, 8_000) }),
  };
}

/** Often near, so that it dies in the middle of something; sometimes at once. */
function steps(random: SeededRandom): number | undefined {
  return random.chance(0.2) ? undefined : random.below(random.pick([5, 60, 600]));
}

export const KINDS: readonly Kind[] = [
  weather("dropPublished", 4, (random) => random.pick([0.02, 0.2, 0.7, 1])),
  weather("dropAsked", 2, (random) => random.pick([0.05, 0.3, 1])),
  weather("duplicate", 2, (random) => random.pick([0.05, 0.5, 1])),
  weather("reorder", 3, (random) => random.pick([0.02, 0.2, 0.6])),
  weather("corrupt", 2, (random) => random.pick([0.01, 0.1, 0.4])),
  weather("replay", 2, (random) => random.pick([0.02, 0.2])),
  weather("delayMs", 2, (random) => random.between(20, 3_000)),
  weather("jitterMs", 1, (random) => random.between(20, 500)),
  { name: "full", weight: 1, make: (random, place) => ({ name: "full", client: someClient(random, place), forMs: random.between(100, 6_000) }) },
  { name: "cut", weight: 3, make: (random, place) => ({ name: "cut", client: someClient(random, place), forMs: random.between(1, 6_000) }) },
  {
    name: "half-open", weight: 2,
    make: (random, place) => ({ name: "half-open", client: someClient(random, place), sockets: random.pick<readonly ("sub" | "dealer")[]>([["sub"], ["dealer"], ["sub", "dealer"]]) }),
  },
  {
    name: "kill-server", weight: 3,
    make: (random) => ({ name: "kill-server", power: random.chance(0.5), afterSteps: steps(random), downMs: random.between(1, 5_000), then: "same" }),
  },
  {
    name: "damage", weight: 1,
    make: (random) => ({ name: "kill-server", power: random.chance(0.5), afterSteps: undefined, downMs: random.between(1, 3_000), then: "damaged" }),
  },
  {
    name: "other-history", weight: 1,
    make: (random) =>
      random.chance(0.5)
        ? { name: "kill-server", power: random.chance(0.5), afterSteps: steps(random), downMs: random.between(1, 5_000), then: "other" }
        : { name: "restart-server", downMs: random.between(1, 3_000), then: "other" },
  },
  { name: "restart-server", weight: 1, make: (random) => ({ name: "restart-server", downMs: random.between(1, 3_000), then: "same" }) },
  {
    name: "kill-client", weight: 4,
    make: (random, { clients }) => ({ name: "kill-client", client: random.below(clients), quiet: random.chance(0.5), afterSteps: steps(random), downMs: random.between(1, 5_000) }),
  },
  { name: "restart-client", weight: 1, make: (random, { clients }) => ({ name: "restart-client", client: random.below(clients), downMs: random.between(1, 3_000) }) },
  { name: "resync", weight: 1, make: (random, { clients, streams }) => ({ name: "resync", client: random.below(clients), stream: random.below(streams) }) },
  {
    name: "look-away", weight: 1,
    make: (random, { clients, streams }) => ({ name: "look-away", client: random.below(clients), stream: random.below(streams), forMs: random.between(1, 5_000) }),
  },
  { name: "cache-fails", weight: 1, make: (random, { clients }) => ({ name: "cache-fails", client: random.below(clients), forMs: random.between(1, 6_000) }) },
  { name: "disk-fails", weight: 1, make: (random) => ({ name: "disk-fails", afterSyncs: random.below(40) }) },
  { name: "clock-step", weight: 1, make: (random) => ({ name: "clock-step", ms: random.between(-30_000, 30_000) }) },
];

/** `only`: kinds that may occur at all; empty = a session without faults. */
export function drawFaults(random: SeededRandom, options: Place & { readonly untilMs: number; readonly only: readonly string[] | undefined }): readonly ScheduledFault[] {
  const { only, untilMs } = options;
  const kinds = KINDS.filter((kind) => (only === undefined ? random.chance(0.5) : only.includes(kind.name)));
  if (kinds.length === 0) return [];
  const bag = kinds.flatMap((kind) => Array.from({ length: kind.weight }, () => kind));
  return Array.from({ length: random.between(1, FAULTS_MAX) }, () => ({ atMs: random.between(WARM_UP_MS, untilMs), fault: random.pick(bag).make(random, options) })).sort((a, b) => a.atMs - b.atMs);
}

export function hasKind(name: string): boolean {
  return KINDS.some((kind) => kind.name === name);
}

/** When it is over and what it broke is there again: ms of the session. */
export function endOf({ atMs, fault }: ScheduledFault): number {
  return atMs + ("forMs" in fault ? fault.forMs : "downMs" in fault ? 2 * fault.downMs : 0);
}

/** One word per fault, for the trace. */
export function describeFault(fault: BridgeFault): string {
  const { name, ...rest } = fault;
  return `${name} ${Object.entries(rest).map(([member, value]) => `${member}=${String(value)}`).join(" ")}`;
}
