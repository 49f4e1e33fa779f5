// Tries an endpoint: can it be reached, does it let us in, does it speak our language, what does it have. Leaves nothing open.
import { FaultError, fault, type Clock, type Timers } from "../../../shared/base.ts";
import type { ProbeReport, RemoteEndpoint } from "../process-messages.ts";
import type { BridgeCodec } from "../wire/codec-types.ts";
import type { Answer, Request } from "../wire/messages.ts";
import { createZmqClientTransport } from "./client-transport.ts";
import { portQuestion } from "./port-question.ts";

export interface ProbeDeps {
  readonly codec: BridgeCodec;
  readonly clock: Clock;
  readonly timers: Timers;
}

const NS_PER_MS = 1e6;

/** Throws `bridge.unreachable bridge.refused bridge.no-answer bridge.bad-answer bridge.needs-keys bridge.bad-address bridge.bad-key`. */
export async function probe(endpoint: RemoteEndpoint, timeoutMs: number, deps: ProbeDeps): Promise<ProbeReport> {
  const { codec, clock, timers } = deps;
  const { rpc, pub = portQuestion(codec), security } = endpoint;
  const transport = createZmqClientTransport({ rpc, pub, security, timers, connectTimeoutMs: timeoutMs });
  const answers = new Answers(rpc, codec);
  const cancel = timers.after(timeoutMs, () => answers.fail(fault("bridge.no-answer", `${rpc} was reached, but did not answer within ${timeoutMs} ms: is it a bridge server, and is this its RPC address?`)));
  try {
    const connected = new Promise<void>((resolve, reject) => {
      transport.listen({
        onLink: (state, detail) => {
          if (state === "connected") resolve();
          if (state !== "lost" && state !== "refused") return;
          const problem = fault(state === "refused" ? "bridge.refused" : "bridge.unreachable", detail);
          reject(problem);
          answers.fail(problem);
        },
        onPublished: () => undefined,
        onAnswer: (frame) => answers.take(frame),
      });
    });
    transport.connect();
    await connected;
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

  fail(problem: FaultError): void {
    this.#failure ??= problem;
    for (const { reject } of this.#waiting.values()) reject(problem);
    this.#waiting.clear();
  }
}
