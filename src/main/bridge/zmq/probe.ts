// Tries an endpoint: can it be reached, does it let us in, does it speak our language, what does it have. Leaves nothing open.
import { FaultError, fault, type Clock, type StopSignal, type Timers } from "../../../shared/base.ts";
import type { ProbeReport, RemoteEndpoint } from "../process-messages.ts";
import type { BridgeCodec } from "../wire/codec-types.ts";
import type { Answer, Request } from "../wire/messages.ts";
import { createZmqClientTransport } from "./client-transport.ts";
import { portQuestion } from "./port-question.ts";

export interface ProbeDeps {
  readonly codec: BridgeCodec;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Ends it at once, with `bridge.stopped`. */
  readonly stop: StopSignal;
}

const NS_PER_MS = 1e6;
/** The probe has its own deadline, over everything: the transport's comes later. */
const BEYOND = 2;

/** Throws `bridge.unreachable bridge.refused bridge.no-answer bridge.bad-answer bridge.needs-keys bridge.bad-address bridge.bad-key bridge.stopped`. */
export async function probe(endpoint: RemoteEndpoint, timeoutMs: number, deps: ProbeDeps): Promise<ProbeReport> {
  const { codec, clock, timers, stop } = deps;
  const { rpc, pub = portQuestion(codec), security } = endpoint;
  const transport = createZmqClientTransport({ rpc, pub, security, timers, connectTimeoutMs: BEYOND * timeoutMs });
  const answers = new Answers(rpc, codec);
  const failed = new Promise<never>((_resolve, reject) => answers.onFailure(reject));
  failed.catch(() => undefined); // Heard where it is waited for; after the last answer nobody waits any more.
  const onStop = (): void => answers.fail(fault("bridge.stopped", `Trying ${rpc} was stopped`));
  stop.addEventListener("abort", onStop);
  let isConnected = false;
  const cancel = timers.after(timeoutMs, () => {
    answers.fail(isConnected
      ? fault("bridge.no-answer", `${rpc} was reached, but did not answer within ${timeoutMs} ms: is this its RPC address?`)
      : fault("bridge.unreachable", `No answer from ${rpc} within ${timeoutMs} ms: check the address, and that a bridge server listens there`));
  });
  try {
    const connected = new Promise<void>((resolve) => {
      transport.listen({
        onLink: (state, detail) => {
          if (state === "connected") {
            isConnected = true;
            resolve();
          } else if (state !== "connecting") answers.fail(fault(state === "refused" ? "bridge.refused" : "bridge.unreachable", detail));
        },
        onPublished: () => undefined,
        onAnswer: (frame) => answers.take(frame),
      });
    });
    transport.connect();
    await Promise.race([connected, failed]);
    const ask = <T extends Answer["type"]>(request: Request, type: T): Promise<Extract<Answer, { type: T }>> => answers.ask(type, (id) => transport.request(codec.encodeRequest(id, request)));
    const askedMs = clock.monotonicMs();
    const health = await ask({ type: "health" }, "health");
    const roundTripMs = clock.monotonicMs() - askedMs;
    // The server read its clock somewhere within the round trip: taken to be in its middle.
    const clockOffsetMs = Number(health.nowNs - clock.wallNs()) / NS_PER_MS + roundTripMs / 2;
    const { streams } = await ask({ type: "list_streams" }, "streams");
    return {
      serverVersion: health.serverVersion, mode: health.history?.mode ?? "live", roundTripMs, clockOffsetMs,
      streams: streams.map(({ key, latestSequence }) => ({ ...key, latestSequence })),
    };
  } finally {
    cancel();
    stop.removeEventListener("abort", onStop);
    await transport.close();
  }
}

interface Waiting {
  readonly type: Answer["type"];
  readonly resolve: (answer: Answer) => void;
  readonly reject: (problem: FaultError) => void;
}

class Answers {
  readonly #rpc: string;
  readonly #codec: BridgeCodec;
  readonly #waiting = new Map<number, Waiting>();
  #failure: FaultError | undefined;
  #onFailure: (problem: FaultError) => void = () => undefined;
  #lastId = 0;

  constructor(rpc: string, codec: BridgeCodec) {
    this.#rpc = rpc;
    this.#codec = codec;
  }

  ask<T extends Answer["type"]>(type: T, send: (id: number) => boolean): Promise<Extract<Answer, { type: T }>> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#waiting.set(id, { type, resolve: (answer) => resolve(answer as Extract<Answer, { type: T }>), reject });
      if (!send(id)) this.fail(fault("bridge.unreachable", `${this.#rpc} takes no requests`));
    });
  }

  take(frame: Uint8Array): void {
    const decoded = this.#codec.decodeAnswer(frame);
    if (!decoded.ok) return this.fail(fault("bridge.bad-answer", `${this.#rpc} answers in a language that this version does not read: ${decoded.fault.message}`));
    const { correlationId, message } = decoded.value;
    const waiting = this.#waiting.get(correlationId);
    if (waiting === undefined) return;
    this.#waiting.delete(correlationId);
    if (message.type === waiting.type) waiting.resolve(message);
    else if (message.type === "refusal") waiting.reject(fault("bridge.refused", `${this.#rpc} refuses: ${message.refusal.detail}`, { refusal: message.refusal.code }));
    else waiting.reject(fault("bridge.bad-answer", `${this.#rpc} answered ${message.type} to ${waiting.type}`));
  }

  onFailure(listener: (problem: FaultError) => void): void {
    this.#onFailure = listener;
  }

  /** The first one counts. */
  fail(problem: FaultError): void {
    if (this.#failure !== undefined) return;
    this.#failure = problem;
    this.#onFailure(problem);
    for (const { reject } of this.#waiting.values()) reject(problem);
    this.#waiting.clear();
  }
}
