// The server half: pumps feed → journals → fsync → socket, and answers requests. Nothing is published before it is durable.
import { fault, FaultError, type Fault } from "../../../shared/base.ts";
import { streamName, type SequencedEntry, type StreamKey } from "../model.ts";
import { Answers } from "./answers.ts";
import { RequestDesk } from "./request-desk.ts";
import { StreamOutput } from "./stream-output.ts";
import type { BridgeServer, BridgeServerOptions, FeedItem, ServerStatus } from "./types.ts";

/** The same trouble is told once in so long: a client that asks on and on does not fill the log. */
const TELL_EVERY_MS = 5_000;
/** Trouble that did not come again turns the light green again. */
const TROUBLE_SHOWN_MS = 60_000;

/** Starts at once. Faults of the feed and of the disk are told by `fed`; everything else by `onProblem`. */
export function createBridgeServer(options: BridgeServerOptions): BridgeServer {
  return new Server(options);
}

class Server implements BridgeServer {
  readonly fed: Promise<void>;
  readonly #options: BridgeServerOptions;
  readonly #outputs = new Map<string, StreamOutput>();
  readonly #desk: RequestDesk;
  readonly #stop = new AbortController();
  /** The last frame handed over: sockets take one at a time. */
  #sending: Promise<void> = Promise.resolve();
  #halted: Fault | undefined;
  /** Of requests or the socket: the server goes on. */
  #trouble: { readonly problem: Fault; readonly atMs: number } | undefined;
  readonly #troubles = new Map<Fault["code"], number>();
  #isPublishFailing = false;
  #isFed = false;
  #unpublished = 0;

  constructor(options: BridgeServerOptions) {
    this.#options = options;
    const { journals, transport, clock, codec, limits, feed } = options;
    for (const key of feed.streams) journals.open(key);
    for (const key of journals.streams) this.#output(key);
    const answers = new Answers({
      ...options, outputs: this.#outputs, startedMs: clock.monotonicMs(),
      health: () => this.#health(), clients: () => this.#desk.clients.count(clock.monotonicMs()),
    });
    this.#desk = new RequestDesk({ transport, codec, clock, limits, answers, onProblem: (problem) => { this.#tell(problem); } });
    for (const note of journals.notes) options.onProblem(note);
    transport.onRequest((client, frame) => { this.#desk.receive(client, frame); });
    feed.onForming((key, bar) => {
      if (!this.#stop.signal.aborted) this.#output(key).form(bar);
    });
    this.fed = this.#pump();
    // Whoever does not wait for it has it by status and onProblem.
    this.fed.catch(() => undefined);
  }

  #output(key: StreamKey): StreamOutput {
    const name = streamName(key);
    const known = this.#outputs.get(name);
    if (known !== undefined) return known;
    const { journals, codec, clock, timers, heartbeatMs, formingMs } = this.#options;
    const state = journals.open(key);
    const output = new StreamOutput({
      key, history: journals.history, state, codec, clock, timers, heartbeatMs, formingMs,
      outbox: (topic, make) => this.#send(topic, make),
    });
    this.#outputs.set(name, output);
    if (this.#halted !== undefined) output.stop();
    return output;
  }

  // ── Pump ───────────────────────────────────────────────────────────────────

  async #pump(): Promise<void> {
    const { feed, journals } = this.#options;
    try {
      for await (const items of feed.batches(journals.resumeFrom, this.#stop.signal)) {
        await this.#take(items);
        if (this.#stop.signal.aborted) break;
      }
      this.#isFed = true;
    } catch (error) {
      this.#halt(error);
    }
  }

  async #take(items: readonly FeedItem[]): Promise<void> {
    const { journals } = this.#options;
    const numbered = new Map<StreamOutput, SequencedEntry[]>();
    for (const item of items) {
      const output = this.#output(item.key);
      const entry = journals.append(item);
      if (entry === undefined) continue;
      const entries = numbered.get(output);
      if (entries === undefined) numbered.set(output, [entry]);
      else entries.push(entry);
    }
    await journals.sync();
    for (const [output, entries] of numbered) await output.publish(entries);
  }

  /** A feed or a disk that cannot go on: silence is what clients can tell from a quiet market. */
  #halt(error: unknown): never {
    const halted = error instanceof FaultError ? error : fault("bridge.feed-failed", `The bridge's feed failed: ${error instanceof Error ? error.message : String(error)}`);
    this.#halted = halted.fault;
    for (const output of this.#outputs.values()) output.stop();
    this.#options.onProblem(halted.fault);
    throw halted;
  }

  /** Never rejects: a frame that is lost shows to clients as a sequence that is missing. */
  #send(topic: string, make: () => Uint8Array | undefined): Promise<void> {
    this.#sending = this.#sending.then(async () => {
      try {
        const frame = make();
        if (frame === undefined) return;
        await this.#options.transport.publish(topic, frame);
        this.#isPublishFailing = false;
      } catch (error) {
        this.#unpublished += 1;
        if (this.#isPublishFailing) return;
        this.#isPublishFailing = true;
        const problem = error instanceof FaultError ? error.fault : { code: "bridge.publish-failed", message: `A frame on ${topic} could not be published: ${error instanceof Error ? error.message : String(error)}` };
        this.#tell(problem);
      }
    });
    return this.#sending;
  }

  #tell(problem: Fault): void {
    const nowMs = this.#options.clock.monotonicMs();
    const last = this.#troubles.get(problem.code);
    this.#trouble = { problem, atMs: nowMs };
    if (last !== undefined && nowMs - last < TELL_EVERY_MS) return;
    this.#troubles.set(problem.code, nowMs);
    this.#options.onProblem(problem);
  }

  // ── Status ─────────────────────────────────────────────────────────────────

  #health(): { readonly status: "GREEN" | "AMBER" | "RED"; readonly detail: string } {
    if (this.#halted !== undefined) return { status: "RED", detail: this.#halted.message };
    const trouble = this.#trouble;
    const isShown = trouble !== undefined && this.#options.clock.monotonicMs() - trouble.atMs < TROUBLE_SHOWN_MS;
    if (isShown) return { status: "AMBER", detail: trouble.problem.message };
    return { status: "GREEN", detail: this.#isFed ? "the feed has ended; what is kept is served" : "" };
  }

  get status(): ServerStatus {
    const { journals, clock, rejectedHandshakes } = this.#options;
    const { history } = journals;
    const { counters, clients } = this.#desk;
    return {
      history, mode: history.mode, ...this.#health(), clients: clients.statuses(clock.monotonicMs()),
      streams: [...this.#outputs.values()].map((output) => output.served(journals.open(output.key))),
      malformed: counters.malformed, oversized: counters.oversized, refused: counters.refused,
      backfillBytes: counters.backfillBytes, backfillEntries: counters.backfillEntries,
      unsent: counters.unsent + this.#unpublished, rejectedHandshakes: rejectedHandshakes?.() ?? 0,
    };
  }

  async close(): Promise<void> {
    this.#stop.abort();
    for (const output of this.#outputs.values()) output.stop();
    await this.fed.catch(() => undefined);
    await this.#desk.close();
    await this.#sending;
  }
}
