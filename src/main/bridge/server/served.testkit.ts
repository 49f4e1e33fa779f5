// A bridge server on a simulated disk, a turned clock and a transport in memory, fed from a list.
import type { Fault } from "../../../shared/base.ts";
import { VirtualClock, settle } from "../../net/virtual-clock.ts";
import { newDisk } from "../../rawlog/log.testkit.ts";
import type { SimDisk } from "../../rawlog/sim-disk.ts";
import type { Answer, Request } from "../wire/messages.ts";
import { createBridgeServer } from "./bridge-server.ts";
import { createSequenceJournals, type SequenceJournalsOptions } from "./sequence-journals.ts";
import { HISTORY, key, ListFeed, MemoryTransport, plainCodec, START_MS, type ListFeedOptions } from "./server.testkit.ts";
import type { BridgeServer, SequenceJournals, ServerLimits } from "./types.ts";

export const STREAMS = [key("BTCUSDT"), key("ETHUSDT"), key("BTCUSDT", "5m")];
export const [BTC, ETH] = [STREAMS[0]!, STREAMS[1]!];
export const LIMITS: ServerLimits = {
  clientsMax: 20, requestsPerSecond: 50, entriesPerSecond: 10_000, behindEntriesMax: 30, silentMs: 60_000, waitingMax: 16,
};

export interface Run {
  readonly disk: SimDisk;
  readonly clock: VirtualClock;
  readonly journals: SequenceJournals;
  readonly transport: MemoryTransport;
  readonly feed: ListFeed;
  readonly server: BridgeServer;
  readonly problems: Fault[];
}

export interface RunOptions extends ListFeedOptions {
  readonly disk?: SimDisk;
  readonly clock?: VirtualClock;
  readonly limits?: Partial<ServerLimits>;
  readonly journals?: Partial<SequenceJournalsOptions>;
}

export async function serve(options: RunOptions): Promise<Run> {
  const { disk = newDisk(), clock = new VirtualClock(START_MS) } = options;
  const journals = await createSequenceJournals({
    disk, folder: "/data/bridge", history: HISTORY, retention: { entries: 100_000, ageMs: undefined }, clock, segmentEntries: 32, ...options.journals,
  });
  const feed = new ListFeed({ endless: true, ...options });
  const transport = new MemoryTransport();
  const problems: Fault[] = [];
  const server = createBridgeServer({
    feed, journals, transport, codec: plainCodec, clock, timers: clock, version: "0.0.0-test", pubPort: 5556, heartbeatMs: 1_000, formingMs: 250,
    limits: { ...LIMITS, ...options.limits }, onProblem: (problem) => problems.push(problem),
  });
  return { disk, clock, journals, transport, feed, server, problems };
}

export async function stop(run: Run): Promise<void> {
  await run.server.close();
  await run.journals.close();
}

/** Until everything of a feed that waits behind its end is published. */
export async function published(run: Run, count: number): Promise<void> {
  while (STREAMS.reduce((sum, stream) => sum + run.transport.entries(stream).length, 0) < count) await settle();
}

export async function ask(run: Run, request: Request, client = "c1"): Promise<Answer | undefined> {
  const id = (run.transport.answers.get(client)?.length ?? 0) + 1;
  run.transport.ask(client, id, request);
  await settle();
  await settle();
  return run.transport.answerTo(client, id);
}

export function backfill(fromSequenceExclusive: number | undefined, more: Partial<Request & { type: "backfill" }> = {}): Request {
  return { type: "backfill", key: BTC, historyId: HISTORY.historyId, fromSequenceExclusive, limit: 1_000, endMs: undefined, acceptsZstd: false, ...more };
}
