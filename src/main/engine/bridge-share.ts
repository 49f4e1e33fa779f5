// The bridge's server half as the main process sees it: one child process, started again when it dies, fed with what the recording derives.
import { FaultError, assert, fault, type Clock, type Fault, type Timers } from "../../shared/base.ts";
import type { FormingBar } from "../../shared/candles.ts";
import type { Bound, FeedSpec, ServeOptions, ServerProcessCall, ServerProcessNote, ServerProcessNoteIn, ServerSecurity } from "../bridge/process-messages.ts";
import type { Retention, ServerStatus } from "../bridge/server/types.ts";
import { pause } from "../bridge/feed/pace.ts";
import { NodeClock, nodeTimers } from "../net/node-clock.ts";
import { ChildProcess, type SpawnChild } from "./child-process.ts";
import type { SharedSource } from "./derived-watch.ts";
import { faultOf } from "./thread.ts";

export interface BridgeShareOptions {
  /** Folder of the running bundle, where `processes/` is. */
  readonly distMain: URL;
  /** What is served: the recording of this program, or something that the child reads by itself. */
  readonly what: { readonly live: SharedSource } | { readonly spec: FeedSpec };
  /** `<data>/bridge`. */
  readonly folder: string;
  /** `tcp://127.0.0.1:5556`; port * = any free one. */
  readonly pub: string;
  readonly rpc: string;
  /** Undefined = plain, which is refused for anything but this machine. */
  readonly security: ServerSecurity | undefined;
  readonly retention?: Retention;
  readonly version: string;
  readonly heartbeatMs?: number;
  readonly formingMs?: number;
  onStatus(status: ServerStatus): void;
  /** Trouble that a person should know of; serving goes on, or is started again. */
  onProblem(problem: Fault): void;
  /** The source is at its end and everything is published. */
  onFed?(): void;
  /** It could not be kept running: nothing is served any more. */
  onGone?(problem: Fault): void;
  /** Electron's shell passes its own way of starting a process. */
  readonly spawn?: SpawnChild;
  /** For tests. */
  launch?(listener: ServerChildListener): ServerChild;
  readonly clock?: Clock;
  readonly timers?: Timers;
}

export interface ServerChildListener {
  onNote(note: ServerProcessNote): void;
  onDeath(problem: Fault): void;
}
/** The child as this file needs it: ChildProcess, or a fake in tests. */
export interface ServerChild {
  call<T>(call: ServerProcessCall): Promise<T>;
  note(note: ServerProcessNoteIn): void;
  close(farewell: ServerProcessCall): Promise<unknown>;
}

/** A day of one-second bars with their corrections, and room to spare. */
export const DEFAULT_RETENTION: Retention = { entries: 200_000, ageMs: undefined };
const HEARTBEAT_MS = 1_000;
const FORMING_MS = 200;
/** How long a recording may take to write its first record. */
const HEAD_DEADLINE_MS = 10_000;
const HEAD_POLL_MS = 20;
const RESTART_FIRST_MS = 250;
const RESTART_MAX_MS = 10_000;
/** Deaths without a steady time between them after which it is left dead. */
const DEATHS_MAX = 5;
const STEADY_MS = 60_000;
const NEVER = new AbortController().signal;

function launchServer({ distMain, spawn }: BridgeShareOptions, listener: ServerChildListener): ServerChild {
  return new ChildProcess<ServerProcessCall, ServerProcessNoteIn, ServerProcessNote>({
    entry: new URL("./processes/bridge-server.js", distMain), name: "bridge-server", ...(spawn === undefined ? {} : { spawn }), ...listener,
  });
}

/** This run's configuration is its first record: before it is durable, a log may be empty or show the configuration of another run. */
async function headWritten(live: SharedSource, { clock, timers }: { readonly clock: Clock; readonly timers: Timers }): Promise<void> {
  const deadlineMs = clock.monotonicMs() + HEAD_DEADLINE_MS;
  while (live.messages - (live.positions.appended - live.positions.durable) < 1) {
    if (clock.monotonicMs() > deadlineMs) throw fault("bridge.no-head", `The recording ${live.captureId} wrote nothing in ${HEAD_DEADLINE_MS / 1_000} s: there is nothing to serve yet, look at the recorder's messages`);
    await pause(timers, HEAD_POLL_MS, NEVER);
  }
}

async function specOf(what: BridgeShareOptions["what"], time: { readonly clock: Clock; readonly timers: Timers }): Promise<FeedSpec> {
  if ("spec" in what) return what.spec;
  const { captureFolder, captureId, simulated, configDigest } = what.live;
  await headWritten(what.live, time);
  return { kind: "capture", captureFolder, captureId, simulated, configDigest };
}

export class BridgeShare {
  readonly #options: BridgeShareOptions;
  #serve: ServeOptions;
  readonly #clock: Clock;
  readonly #timers: Timers;
  #child: ServerChild | undefined;
  #bound: Bound | undefined;
  #status: ServerStatus | undefined;
  #stopWatching: () => void = () => undefined;
  /** What a child that is started again must be told. */
  #position = 0;
  #hasEnded = false;
  #hasBegun = false;
  #deaths = 0;
  #startedMs = 0;
  #restarting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();

  private constructor(options: BridgeShareOptions, feed: FeedSpec, { clock, timers }: { readonly clock: Clock; readonly timers: Timers }) {
    this.#options = options;
    this.#clock = clock;
    this.#timers = timers;
    const { folder, pub, rpc, security, retention = DEFAULT_RETENTION, version, heartbeatMs = HEARTBEAT_MS, formingMs = FORMING_MS } = options;
    this.#serve = { feed, folder, pub, rpc, security, retention, version, heartbeatMs, formingMs };
  }

  /** Resolves once both addresses are bound. Rejects with what prevents it: `bridge.address-in-use bridge.needs-keys csv.bad-row log.not-found …`. */
  static async start(options: BridgeShareOptions): Promise<BridgeShare> {
    const { clock = new NodeClock(), timers = nodeTimers } = options;
    const share = new BridgeShare(options, await specOf(options.what, { clock, timers }), { clock, timers });
    try {
      await share.#launch();
    } catch (error) {
      await share.close();
      throw error;
    }
    if ("live" in options.what) {
      share.#stopWatching = options.what.live.watchDerived({
        derived: (position) => { share.#derived(position); },
        forming: (bars) => { share.#forming(bars); },
        ended: () => { share.#ended(); },
      });
    }
    return share;
  }

  /** Addresses as bound, with the ports that were free, and the history that is served. */
  get bound(): Bound {
    assert(this.#bound !== undefined, "a share that has started is bound");
    return this.#bound;
  }
  /** As last told, about once a second; undefined before the first and while the child is being started again. */
  get status(): ServerStatus | undefined {
    return this.#status;
  }

  /** As it is now; undefined while the child is being started again. */
  async latestStatus(): Promise<ServerStatus | undefined> {
    this.#status = await this.#child?.call<ServerStatus>({ type: "status" });
    return this.#status;
  }

  /** Who may come in from here on (public keys); whoever is no longer among them is cut. Throws `bridge.no-keys` when it is served plain. */
  async trust(trusted: readonly string[]): Promise<void> {
    if (this.#serve.security === undefined) throw fault("bridge.no-keys", "The bridge is served without keys, to this machine only: everybody there may come in");
    this.#serve = { ...this.#serve, security: { ...this.#serve.security, trusted } };
    await this.#child?.call({ type: "trust", trusted });
  }

  /** Lets a source that is `held` begin. */
  begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#child?.note({ type: "begin" });
  }

  async #launch(): Promise<void> {
    const { launch = (listener: ServerChildListener) => launchServer(this.#options, listener) } = this.#options;
    const child = launch({
      onNote: (note) => { this.#onNote(note); },
      onDeath: (problem) => { this.#onDeath(problem); },
    });
    this.#child = child;
    this.#startedMs = this.#clock.monotonicMs();
    // The same ports again, so that clients find it where it was.
    const again = this.#bound === undefined ? {} : { pub: this.#bound.pub, rpc: this.#bound.rpc };
    this.#bound = await child.call<Bound>({ type: "serve", options: { ...this.#serve, ...again } });
    if (this.#hasBegun) child.note({ type: "begin" });
    if (this.#position > 0) child.note({ type: "derived", position: this.#position });
    if (this.#hasEnded) child.note({ type: "ended" });
  }

  #derived(position: number): void {
    if (position <= this.#position) return;
    this.#position = position;
    this.#child?.note({ type: "derived", position });
  }

  #forming(bars: readonly FormingBar[]): void {
    this.#child?.note({ type: "forming", bars });
  }

  #ended(): void {
    this.#hasEnded = true;
    this.#child?.note({ type: "ended" });
  }

  #onNote(note: ServerProcessNote): void {
    if (note.type === "status") {
      this.#status = note.status;
      this.#options.onStatus(note.status);
    } else if (note.type === "fed") this.#options.onFed?.();
    else this.#options.onProblem(note.problem);
  }

  #onDeath(problem: Fault): void {
    this.#child = undefined;
    this.#status = undefined;
    // Before it was bound once, `start` rejects with the reason.
    if (this.#bound === undefined || this.#closing !== undefined) return;
    this.#restarting ??= this.#restart(problem).finally(() => {
      this.#restarting = undefined;
    });
  }

  async #restart(first: Fault): Promise<void> {
    let problem = first;
    while (this.#closing === undefined) {
      this.#deaths = this.#clock.monotonicMs() - this.#startedMs > STEADY_MS ? 1 : this.#deaths + 1;
      if (this.#deaths > DEATHS_MAX) {
        this.#options.onGone?.(problem);
        this.#options.onProblem({ code: "bridge.gone", message: `Serving has stopped: its process ended ${DEATHS_MAX} times in a row, at last with: ${problem.message}` });
        return;
      }
      const waitMs = Math.min(RESTART_MAX_MS, RESTART_FIRST_MS * 2 ** (this.#deaths - 1));
      this.#options.onProblem({ code: "bridge.restarting", message: `The process that serves the bridge ended and is started again: ${problem.message}` });
      await pause(this.#timers, waitMs, this.#closed.signal);
      if (this.#closed.signal.aborted) return;
      try {
        await this.#launch();
        return;
      } catch (error) {
        problem = faultOf(error);
        await this.#endChild();
      }
    }
  }

  /** A child that is there but could not serve. */
  async #endChild(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    await child?.close({ type: "close" });
  }

  /** Everything published is in the journals; clients are told nothing, they see the link go. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#closed.abort();
    this.#stopWatching();
    await this.#restarting;
    try {
      await this.#endChild();
    } catch (error) {
      // It ended before it could say goodbye: nothing is lost, the journals were written before anything was published.
      this.#options.onProblem(error instanceof FaultError ? error.fault : faultOf(error));
    }
    this.#status = undefined;
  }
}
