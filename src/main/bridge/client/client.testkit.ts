// A client between a scripted server and a cache in memory, with what its listener was told.
import { expect } from "vitest";
import type { Fault } from "../../../shared/base.ts";
import { VirtualClock } from "../../net/virtual-clock.ts";
import { streamName, type BridgeForming, type SequencedEntry, type StreamKey } from "../model.ts";
import { MemoryCache } from "./memory-cache.testkit.ts";
import { Life } from "../simulation/life.testkit.ts";
import { createRemoteClient } from "./remote-client.ts";
import { KEY, ScriptedServer, sequenced, START_MS } from "./scripted-server.testkit.ts";
import type { RemoteClient, RemoteListener, RemoteStreamStatus, RemoteTiming, SequenceHole, StreamPhase } from "./types.ts";

export const REMOTE = "home";

interface Heard {
  entries: SequencedEntry[];
  readonly resets: string[];
  readonly holes: SequenceHole[];
  readonly forming: BridgeForming[];
}

export class Ears implements RemoteListener {
  readonly problems: Fault[] = [];
  readonly phases: StreamPhase[] = [];
  readonly #heard = new Map<string, Heard>();
  /** Where each stream stood in the cache when this life began. */
  readonly #from = new Map<string, number>();
  client: RemoteClient | undefined;

  of(key: StreamKey = KEY): Heard {
    const name = streamName(key);
    let heard = this.#heard.get(name);
    if (heard === undefined) this.#heard.set(name, (heard = { entries: [], resets: [], holes: [], forming: [] }));
    return heard;
  }

  beginAt(key: StreamKey, sequence: number): void {
    this.#from.set(streamName(key), sequence);
  }

  /** What of the truth must have been told in this life. */
  expected(key: StreamKey, truth: readonly SequencedEntry[]): readonly SequencedEntry[] {
    const from = this.#from.get(streamName(key)) ?? 0;
    const { holes } = this.of(key);
    return truth.filter(({ sequence }) => sequence > from && !holes.some((hole) => hole.fromSequence <= sequence && sequence <= hole.toSequence));
  }

  onStatus(): void {
    const phase = this.client?.status.streams[0]?.phase;
    if (phase !== undefined && this.phases.at(-1) !== phase) this.phases.push(phase);
  }

  onEntries(key: StreamKey, entries: readonly SequencedEntry[]): void {
    const heard = this.of(key);
    for (const entry of entries) {
      const last = heard.entries.at(-1)?.sequence ?? this.#from.get(streamName(key)) ?? 0;
      const under = heard.holes.find((hole) => hole.fromSequence === last + 1)?.toSequence;
      expect(entry.sequence, `${streamName(key)} goes on without a hole`).toBe((under ?? last) + 1);
      heard.entries.push(entry);
    }
  }

  onForming(key: StreamKey, bar: BridgeForming): void {
    this.of(key).forming.push(bar);
  }

  onReset(key: StreamKey, reason: string): void {
    const heard = this.of(key);
    heard.resets.push(reason);
    heard.entries = [];
    heard.holes.length = 0;
    this.#from.delete(streamName(key));
  }

  onHole(key: StreamKey, hole: SequenceHole): void {
    this.of(key).holes.push(hole);
  }

  onProblem(problem: Fault): void {
    this.problems.push(problem);
  }
}

export interface Bench {
  readonly clock: VirtualClock;
  readonly server: ScriptedServer;
  cache: MemoryCache;
  ears: Ears;
  client: RemoteClient;
  life: Life;
}

export const TIMING: RemoteTiming = {
  requestTimeoutMs: 1_000, backoffMs: 200, backoffMaxMs: 4_000, reportMs: 1_000, missedHeartbeats: 3, persistMs: 100, healthMs: 5_000, bufferEntriesMax: 1_000,
};

export function benchOf(options: { readonly keys?: readonly StreamKey[]; readonly timing?: Partial<RemoteTiming>; readonly cache?: MemoryCache } = {}): Bench {
  const clock = new VirtualClock(START_MS);
  const server = new ScriptedServer(clock, options.keys);
  const cache = options.cache ?? new MemoryCache();
  return { clock, server, cache, ...lifeOn({ clock, server, cache }, options.timing) };
}

function lifeOn(on: { readonly clock: VirtualClock; readonly server: ScriptedServer; readonly cache: MemoryCache }, timing: Partial<RemoteTiming> = {}): { readonly ears: Ears; readonly client: RemoteClient; readonly life: Life } {
  const { clock, server, cache } = on;
  const life = new Life({ name: "client", clock, onKilled: () => undefined });
  const ears = new Ears();
  const client = createRemoteClient({
    remote: REMOTE, transport: server, codec: server.codec, cache, clock, timers: life, random: { next: () => 0.5 }, listener: ears, timing: { ...TIMING, ...timing },
  });
  ears.client = client;
  return { ears, client, life };
}

/** Another process on the same disk; the one before is killed where it stands. */
export function restart(bench: Bench): void {
  bench.life.kill();
  bench.server.disconnect();
  bench.cache = bench.cache.crash();
  Object.assign(bench, lifeOn(bench));
  for (const key of [...bench.server.streams.values()].map((stream) => stream.key)) {
    const held = bench.cache.held(REMOTE, key);
    if (held !== undefined) bench.ears.beginAt(key, held.appliedSequence);
  }
}

/** Watches, starts, and lets everything come to rest that needs no more than `ms`. */
export async function begin(bench: Bench, ms = 50): Promise<void> {
  for (const { key } of bench.server.streams.values()) bench.client.watch(key);
  await bench.client.start();
  await bench.clock.advance(ms);
}

export function statusOf(bench: Bench, key: StreamKey = KEY): RemoteStreamStatus {
  const status = bench.client.status.streams.find((stream) => streamName(stream.key) === streamName(key));
  expect(status, `${streamName(key)} is watched`).toBeDefined();
  return status as RemoteStreamStatus;
}

/** What was told, and what the cache holds, is the server's word, each sequence once. */
export function expectWhole(bench: Bench, key: StreamKey = KEY): void {
  const truth = sequenced(bench.server.stream(key).entries);
  expect(bench.ears.of(key).entries).toEqual(bench.ears.expected(key, truth));
  expect(statusOf(bench, key)).toMatchObject({ phase: "live", appliedSequence: truth.length, latestSequence: truth.length });
  const held = bench.cache.held(REMOTE, key);
  const under = (sequence: number): boolean => held?.holes.some((hole) => hole.fromSequence <= sequence && sequence <= hole.toSequence) ?? false;
  expect(held?.entries ?? []).toEqual(truth.filter(({ sequence }) => !under(sequence)));
  expect(held?.appliedSequence ?? 0).toBe(truth.length);
}
