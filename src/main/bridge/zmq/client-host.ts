// The client half put together: one cache, one client per connected remote, one tape per screen that shows one; what they tell goes to the
// main process, no more often than a screen can follow.
import { assert, fault, type Clock, type Fault, type Random, type Timers } from "../../../shared/base.ts";
import { createRemoteClient } from "../client/remote-client.ts";
import { RemoteTape, type RemoteTapeFrame, type RemoteTapeOptions } from "../client/remote-tape.ts";
import type { BridgeCache, RemoteClient } from "../client/types.ts";
import { streamName, type StreamKey } from "../model.ts";
import type { ClientProcessCall, ClientProcessNote, ProbeReport, RemoteEndpoint, RemoteReport, RemoteView, TapeInspection } from "../process-messages.ts";
import { flatBuffersCodec } from "../wire/codec.ts";
import { createZmqClientTransport } from "./client-transport.ts";
import { portQuestion } from "./port-question.ts";
import { probe } from "./probe.ts";

export interface ClientHostDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Jitter of reconnects only. */
  readonly random: Random;
  openCache(file: string, onNote: (note: string) => void): Promise<BridgeCache>;
  tell(note: ClientProcessNote): void;
}

const REMOTES_EVERY_MS = 250;

type TapeCall = Extract<ClientProcessCall, { readonly type: `tape_${string}` }>;

interface Remote {
  readonly name: string;
  readonly client: RemoteClient;
  readonly watched: Map<string, StreamKey>;
}
interface OpenTape {
  readonly remoteId: string;
  readonly tape: RemoteTape;
}

/** What a tape is shown of a remote that is not connected: the cache, and nothing on top of it. */
const NOBODY: ReturnType<RemoteTapeOptions["client"]> = { unwritten: () => [], continuesCache: () => true, known: () => undefined };

export class ClientHost {
  readonly #deps: ClientHostDeps;
  readonly #remotes = new Map<string, Remote>();
  readonly #tapes = new Map<number, OpenTape>();
  /** What changes remotes: one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #cache: BridgeCache | undefined;
  #cancelReport: (() => void) | undefined;
  #isReportDue = false;
  /** Of probes, and of everything else once it is closing. */
  readonly #stop = new AbortController();

  constructor(deps: ClientHostDeps) {
    this.#deps = deps;
  }

  /** Performs one call of the main process; the value is its answer. */
  perform(call: Exclude<ClientProcessCall, { type: "close" }>): Promise<unknown> {
    switch (call.type) {
      case "open_cache":
        return this.#inTurn(() => this.#openCache(call));
      case "connect":
        return this.#inTurn(() => this.#connect(call.endpoint, call.name));
      case "disconnect":
        return this.#inTurn(() => this.#disconnect(call.remoteId));
      case "watch":
        return this.#inTurn(async () => this.#watch(call.remoteId, call.keys));
      case "resync":
        return this.#inTurn(async () => this.#resync(call.remoteId, call.key));
      case "probe":
        return this.#probe(call.endpoint, call.timeoutMs);
      default:
        return this.#atOnce(call);
    }
  }

  async #atOnce(call: TapeCall): Promise<void | RemoteTapeFrame | TapeInspection> {
    switch (call.type) {
      case "tape_open":
        return this.#openTape(call.tapeId, call.remoteId, call.view);
      case "tape_view":
        return this.#tape(call.tapeId).setView(call.view);
      case "tape_take":
        return this.#tape(call.tapeId).take();
      case "tape_inspect":
        return this.#tape(call.tapeId).inspect(call.key, call.revision);
      case "tape_close":
        this.#tape(call.tapeId).close();
        this.#tapes.delete(call.tapeId);
    }
  }

  /** What is pending is written, then everything is let go. */
  close(): Promise<void> {
    this.#stop.abort();
    return this.#inTurn(async () => {
      this.#cancelReport?.();
      for (const { tape } of this.#tapes.values()) tape.close();
      await Promise.all([...this.#remotes.values()].map(({ client }) => client.close()));
      this.#remotes.clear();
      await this.#cache?.close();
    });
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(run);
    this.#turn = next.catch(() => undefined); // Who asked is told; the next one only waits.
    return next;
  }

  // ── cache and remotes ──────────────────────────────────────────────────────

  async #openCache({ file, warm }: Extract<ClientProcessCall, { readonly type: "open_cache" }>): Promise<void> {
    assert(this.#cache === undefined, "the cache is opened once");
    this.#cache = await this.#deps.openCache(file, (message) => this.#problem({ code: "cache.note", message }));
    if (warm !== undefined) await this.#cache.window(warm.remoteId, warm.view.key, { untilOpenMs: warm.view.untilOpenMs, bars: warm.view.bars });
  }

  get #opened(): BridgeCache {
    assert(this.#cache !== undefined, "the cache is open");
    return this.#cache;
  }

  #remote(remoteId: string): Remote {
    const remote = this.#remotes.get(remoteId);
    if (remote === undefined) throw fault("bridge.not-connected", `The remote ${remoteId} is not connected: open it first`);
    return remote;
  }

  async #connect(endpoint: RemoteEndpoint, name: string): Promise<void> {
    const { remoteId, rpc, pub = portQuestion(flatBuffersCodec), security } = endpoint;
    const { clock, timers, random } = this.#deps;
    // First what can be wrong about the address: then the connection there is stays.
    const transport = createZmqClientTransport({ rpc, pub, security, timers });
    const watched = this.#remotes.get(remoteId)?.watched ?? new Map<string, StreamKey>();
    await this.#disconnect(remoteId);
    const client = createRemoteClient({
      remote: remoteId, transport, codec: flatBuffersCodec, cache: this.#opened, clock, timers, random,
      listener: {
        onStatus: () => this.#reportSoon(),
        onEntries: (key, entries) => this.#eachTape(remoteId, (tape) => tape.onEntries(key, entries)),
        onForming: (key, bar) => this.#eachTape(remoteId, (tape) => tape.onForming(key, bar)),
        onReset: (key) => this.#eachTape(remoteId, (tape) => tape.onReset(key)),
        onHole: (key, hole) => this.#eachTape(remoteId, (tape) => tape.onHole(key, hole)),
        onProblem: (problem) => this.#problem(problem),
      },
    });
    this.#remotes.set(remoteId, { name, client, watched });
    for (const key of watched.values()) client.watch(key);
    await client.start();
    // Tapes of the connection before go on with what this one knows.
    this.#eachTape(remoteId, (tape) => {
      if (tape.range !== undefined) tape.setView(tape.range);
    });
    this.#reportSoon();
  }

  async #disconnect(remoteId: string): Promise<void> {
    const remote = this.#remotes.get(remoteId);
    this.#remotes.delete(remoteId);
    await remote?.client.close();
    this.#reportSoon();
  }

  #watch(remoteId: string, keys: readonly StreamKey[]): void {
    const { client, watched } = this.#remote(remoteId);
    const wanted = new Map(keys.map((key) => [streamName(key), key]));
    for (const [name, key] of wanted) {
      if (!watched.has(name)) client.watch(key);
      watched.set(name, key);
    }
    for (const [name, key] of watched) {
      if (wanted.has(name)) continue;
      client.unwatch(key);
      watched.delete(name);
    }
  }

  #resync(remoteId: string, key: StreamKey | undefined): void {
    const { client, watched } = this.#remote(remoteId);
    for (const one of key === undefined ? watched.values() : [key]) client.resync(one, "asked for by hand");
  }

  #probe(endpoint: RemoteEndpoint, timeoutMs: number): Promise<ProbeReport> {
    return probe(endpoint, timeoutMs, { codec: flatBuffersCodec, clock: this.#deps.clock, timers: this.#deps.timers, stop: this.#stop.signal });
  }

  // ── tapes ──────────────────────────────────────────────────────────────────

  #openTape(tapeId: number, remoteId: string, view: RemoteView): Promise<void> {
    assert(!this.#tapes.has(tapeId), `tape ${tapeId} is not open yet`);
    const tape = new RemoteTape({
      remote: remoteId, name: this.#remotes.get(remoteId)?.name ?? remoteId, cache: this.#opened,
      client: () => this.#remotes.get(remoteId)?.client ?? NOBODY,
      onChange: () => this.#deps.tell({ type: "tape_dirty", tapeId }),
      onProblem: (problem) => this.#problem(problem),
    });
    this.#tapes.set(tapeId, { remoteId, tape });
    tape.setView(view);
    return tape.ready;
  }

  #tape(tapeId: number): RemoteTape {
    const open = this.#tapes.get(tapeId);
    assert(open !== undefined, `tape ${tapeId} is open`);
    return open.tape;
  }

  #eachTape(remoteId: string, run: (tape: RemoteTape) => void): void {
    for (const open of this.#tapes.values()) if (open.remoteId === remoteId) run(open.tape);
  }

  // ── to the main process ────────────────────────────────────────────────────

  /** At once when it is a while ago, else when it is: the last state is always told. */
  #reportSoon(): void {
    this.#isReportDue = true;
    if (this.#cancelReport !== undefined || this.#stop.signal.aborted) return;
    this.#report();
  }

  #report(): void {
    this.#isReportDue = false;
    const remotes = [...this.#remotes].map(([remoteId, { client }]): RemoteReport => ({ remoteId, status: client.status, offered: client.offered }));
    this.#deps.tell({ type: "remotes", remotes });
    this.#cancelReport = this.#deps.timers.after(REMOTES_EVERY_MS, () => {
      this.#cancelReport = undefined;
      if (this.#isReportDue && !this.#stop.signal.aborted) this.#report();
    });
  }

  #problem(problem: Fault): void {
    this.#deps.tell({ type: "problem", problem });
  }
}
