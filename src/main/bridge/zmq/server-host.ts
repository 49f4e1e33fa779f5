// The server half put together: feed, journals, sockets and the server between them; opened in that order, closed in the other one.
import { FaultError, fault, type Fault } from "../../../shared/base.ts";
import { acquireLock } from "../../rawlog/lock.ts";
import { openFeed } from "../feed/open-feed.ts";
import type { FeedDeps, ServedFeed } from "../feed/types.ts";
import type { Bound, ServeOptions, ServerProcessNote, ServerProcessNoteIn } from "../process-messages.ts";
import { createBridgeServer } from "../server/bridge-server.ts";
import { createSequenceJournals } from "../server/sequence-journals.ts";
import type { BridgeServer, ServerLimits, ServerStatus } from "../server/types.ts";
import { flatBuffersCodec } from "../wire/codec.ts";
import { portOf } from "./address.ts";
import { bindServer, type BoundServer, type Rejection } from "./server-transport.ts";

/** A light client asks a few times a second; one that warms up twenty streams of 100,000 bars, some hundred times. */
export const SERVER_LIMITS: ServerLimits = {
  clientsMax: 256, requestsPerSecond: 500, entriesPerSecond: 250_000, behindEntriesMax: 5_000, silentMs: 30_000, waitingMax: 1_000,
};

const STATUS_EVERY_MS = 500;
/** The same key knocks at each reconnect: told once in so long. */
const REJECTION_TOLD_EVERY_MS = 60_000;
const REJECTED_KEYS_MAX = 100;

export interface ServerHostDeps extends FeedDeps {
  tell(note: ServerProcessNote): void;
}

type Close = () => Promise<void>;

export class ServerHost {
  readonly bound: Bound;
  readonly #feed: ServedFeed;
  readonly #server: BridgeServer;
  readonly #transport: BoundServer;
  readonly #deps: ServerHostDeps;
  /** In the order of opening. */
  readonly #closers: readonly Close[];
  #cancelStatus = (): void => {};
  #isClosing = false;

  private constructor(parts: { readonly bound: Bound; readonly feed: ServedFeed; readonly server: BridgeServer; readonly transport: BoundServer; readonly deps: ServerHostDeps; readonly closers: readonly Close[] }) {
    this.bound = parts.bound;
    this.#feed = parts.feed;
    this.#server = parts.server;
    this.#transport = parts.transport;
    this.#deps = parts.deps;
    this.#closers = parts.closers;
    parts.server.fed.then(
      () => {
        if (!this.#isClosing) parts.deps.tell({ type: "fed" });
      },
      // The server told this fault as a problem, and its status is RED.
      () => undefined,
    );
    this.#tellStatus();
  }

  /** Resolves when both addresses are bound and requests are answered. Faults: those of bindServer, openFeed, the disk, and `log.locked`. */
  static async open(options: ServeOptions, deps: ServerHostDeps): Promise<ServerHost> {
    const closers: Close[] = [];
    try {
      return await ServerHost.#open(options, deps, closers);
    } catch (error) {
      await closeAll(closers);
      throw error;
    }
  }

  static async #open(options: ServeOptions, deps: ServerHostDeps, closers: Close[]): Promise<ServerHost> {
    const { disk, clock, timers } = deps;
    const onProblem = (problem: Fault): void => deps.tell({ type: "problem", problem });
    const rejections = new RejectionTeller(deps);
    // First what fails soonest: an address in use is said before a long log is read.
    const transport = await bindServer({ pub: options.pub, rpc: options.rpc, security: options.security, onRejected: (rejection) => rejections.tell(rejection) });
    closers.push(() => transport.close());
    const feed = await openFeed(options.feed, deps);
    closers.push(() => feed.close());
    const { history } = feed;
    await disk.makeFolder(options.folder);
    const lock = await acquireLock({ disk, path: `${options.folder}/${history.historyId.slice(0, 16)}.lock`, what: `${options.folder} (the sequences of this history)` });
    closers.push(() => lock.release());
    const journals = await createSequenceJournals({ disk, folder: options.folder, history, retention: options.retention, clock });
    closers.push(() => journals.close());
    const server = createBridgeServer({
      feed, journals, transport, codec: flatBuffersCodec, clock, timers, version: options.version, pubPort: portOf(transport.pub),
      heartbeatMs: options.heartbeatMs, formingMs: options.formingMs, limits: SERVER_LIMITS, onProblem, rejectedHandshakes: () => transport.rejectedHandshakes,
    });
    closers.push(() => server.close());
    return new ServerHost({ bound: { pub: transport.pub, rpc: transport.rpc, history: journals.history }, feed, server, transport, deps, closers });
  }

  get status(): ServerStatus {
    return this.#server.status;
  }

  trust(keys: readonly string[]): Promise<void> {
    return this.#transport.trust(keys);
  }

  note(note: ServerProcessNoteIn): void {
    switch (note.type) {
      case "derived":
        return this.#feed.derived(note.position);
      case "forming":
        return this.#feed.forming(note.bars);
      case "ended":
        return this.#feed.ended();
      case "begin":
        return this.#feed.begin();
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#cancelStatus();
    await closeAll(this.#closers);
  }

  #tellStatus(): void {
    this.#deps.tell({ type: "status", status: this.#server.status });
    this.#cancelStatus = this.#deps.timers.after(STATUS_EVERY_MS, () => this.#tellStatus());
  }
}

/** Last opened, first closed. One that fails does not keep the others open; the first fault is thrown at the end. */
async function closeAll(closers: readonly Close[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of [...closers].reverse()) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0] instanceof FaultError ? failures[0] : fault("bridge.close-failed", `The bridge could not be closed in order: ${String(failures[0])}`);
}

/** Says who was turned away, and what to do about it, without filling the log. */
class RejectionTeller {
  readonly #deps: ServerHostDeps;
  readonly #toldMs = new Map<string, number>();

  constructor(deps: ServerHostDeps) {
    this.#deps = deps;
  }

  tell({ key, from, why }: Rejection): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const name = key ?? why;
    const last = this.#toldMs.get(name);
    if (last !== undefined && nowMs - last < REJECTION_TOLD_EVERY_MS) return;
    this.#toldMs.delete(name);
    this.#toldMs.set(name, nowMs);
    for (const oldest of this.#toldMs.keys()) if (this.#toldMs.size > REJECTED_KEYS_MAX) this.#toldMs.delete(oldest);
    const advice = key === undefined ? "" : `; if it should come in: tapedeck keys trust NAME '${key}'`;
    this.#deps.tell({ type: "problem", problem: { code: "bridge.turned-away", message: `A bridge client at ${from} was turned away: ${why}${advice}`, details: { from, ...(key === undefined ? {} : { key }) } } });
  }
}
