// Takes request frames, bounds what they may cost, and sends the answers. What an answer says is decided in answers.ts.
import { FaultError, type Clock, type Fault } from "../../../shared/base.ts";
import { msFromNs } from "../../../shared/time.ts";
import type { ClientId, ServerTransport } from "../transport.ts";
import type { BridgeCodec } from "../wire/codec-types.ts";
import { FRAME_BYTES_MAX, type Answer, type Numbered, type Refusal, type RefusalCode, type Request } from "../wire/messages.ts";
import { busy, refusal, type Answers } from "./answers.ts";
import { Clients, type Client } from "./clients.ts";
import type { ServerLimits } from "./types.ts";

/** The largest request, report_applied, has about a hundred bytes per stream: a client that watches thousands reports in parts. */
export const REQUEST_BYTES_MAX = 256 * 1024;
/** Backfills that are read and encoded at the same time: each holds a response in memory and takes its time from publishing. */
const BACKFILLS_AT_ONCE = 2;
/** Of the places for waiting requests, one client may have this part. */
const WAITING_PARTS = 4;

export interface RequestDeskOptions {
  readonly transport: ServerTransport;
  readonly codec: BridgeCodec;
  readonly clock: Clock;
  readonly limits: ServerLimits;
  readonly answers: Answers;
  onProblem(problem: Fault): void;
}

export interface DeskCounters {
  malformed: number;
  oversized: number;
  refused: number;
  unsent: number;
  backfillBytes: number;
  backfillEntries: number;
}

export class RequestDesk {
  readonly counters: DeskCounters = { malformed: 0, oversized: 0, refused: 0, unsent: 0, backfillBytes: 0, backfillEntries: 0 };
  readonly clients: Clients;
  readonly #options: RequestDeskOptions;
  readonly #waiting = new Set<Promise<unknown>>();
  #backfills = 0;
  readonly #backfillQueue: (() => void)[] = [];
  #isClosed = false;

  constructor(options: RequestDeskOptions) {
    this.#options = options;
    this.clients = new Clients(options.limits);
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  /** Never throws and never waits: what cannot be taken is refused, or ignored where even refusing costs too much. */
  receive(id: ClientId, frame: Uint8Array): void {
    if (this.#isClosed) return;
    const client = this.clients.heard(id, this.#nowMs(), msFromNs(this.#options.clock.wallNs()));
    client.requests += 1;
    if (frame.length > REQUEST_BYTES_MAX) {
      this.counters.oversized += 1;
      this.#refuseFrame(client, frame, refusal("MALFORMED", `a request of ${frame.length} bytes is not read, ${REQUEST_BYTES_MAX} are the most`));
      return;
    }
    if (!client.requestTokens.take(1, this.#nowMs())) {
      this.#refuseFrame(client, frame, busy("too many requests", client.requestTokens.waitMs(1, this.#nowMs())));
      return;
    }
    const decoded = this.#options.codec.decodeRequest(frame);
    if (!decoded.ok) {
      this.counters[decoded.fault.code === "wire.oversized" ? "oversized" : "malformed"] += 1;
      const code: RefusalCode = decoded.fault.code === "wire.version" ? "VERSION_UNSUPPORTED" : "MALFORMED";
      this.#refuseFrame(client, frame, refusal(code, decoded.fault.message));
      return;
    }
    this.#take(client, decoded.value);
  }

  #ignore(client: Client): void {
    client.refused += 1;
    this.counters.refused += 1;
  }

  /** Of a frame that was not (or could not be) decoded. */
  #refuseFrame(client: Client, frame: Uint8Array, why: Refusal): void {
    if (!client.refusalTokens.take(1, this.#nowMs())) {
      this.#ignore(client);
      return;
    }
    const correlationId = this.#options.codec.correlationIdOf(frame);
    if (correlationId === undefined) this.#ignore(client);
    else this.#refuse(client, correlationId, why);
  }

  #refuse(client: Client, correlationId: number, why: Refusal): void {
    this.#ignore(client);
    if (!this.#hasRoom(client)) return;
    this.#track(client, this.#send(client, correlationId, { type: "refusal", refusal: why }));
  }

  #hasRoom(client: Client): boolean {
    const most = Math.max(1, Math.floor(this.#options.limits.waitingMax / WAITING_PARTS));
    return this.#waiting.size < this.#options.limits.waitingMax && client.waiting < most;
  }

  #take(client: Client, { correlationId, message }: Numbered<Request>): void {
    if (message.type === "report_applied") {
      // Mostly there is nothing to say, so it takes no place; advice comes again with a later report if there is none left.
      const advice = this.#options.answers.reported(client, message, this.#nowMs());
      if (advice.length > 0 && this.#hasRoom(client)) this.#track(client, this.#sendAll(client, advice));
      return;
    }
    const fullMs = message.type === "backfill" ? client.fullMs(this.#nowMs()) : 0;
    if (fullMs > 0) {
      // Reading and encoding for somebody who does not read would be at everybody's cost. The refusal is small, and lost if nothing fits.
      this.#refuse(client, correlationId, busy("answers are waiting to be read", fullMs));
    } else if (this.#hasRoom(client)) {
      this.#track(client, this.#serve(client, correlationId, message));
    } else if (client.refusalTokens.take(1, this.#nowMs())) {
      this.#ignore(client);
      // Not tracked: there is no room. Bounded by the tokens.
      void this.#send(client, correlationId, { type: "refusal", refusal: busy("too many requests are waiting", 1_000) });
    } else {
      this.#ignore(client);
    }
  }

  #track(client: Client, work: Promise<unknown>): void {
    client.waiting += 1;
    this.#waiting.add(work);
    void work.finally(() => {
      client.waiting -= 1;
      this.#waiting.delete(work);
    });
  }

  /** Never rejects. */
  async #serve(client: Client, correlationId: number, request: Exclude<Request, { type: "report_applied" }>): Promise<void> {
    try {
      if (request.type === "backfill") await this.#backfill(client, correlationId, request);
      else await this.#send(client, correlationId, this.#counted(client, this.#options.answers.answer(client, request, this.#nowMs())));
    } catch (error) {
      const problem = error instanceof FaultError ? error.fault : { code: "bridge.request-failed", message: `The bridge server could not answer ${request.type}: ${String(error)}` };
      this.#options.onProblem(problem);
      this.#ignore(client);
      await this.#send(client, correlationId, { type: "refusal", refusal: refusal("INTERNAL", problem.message, 1_000) });
    }
  }

  async #sendAll(client: Client, advice: readonly Answer[]): Promise<void> {
    for (const notice of advice) await this.#send(client, 0, notice);
  }

  #counted(client: Client, answer: Answer): Answer {
    if ("refusal" in answer && answer.refusal !== undefined) this.#ignore(client);
    return answer;
  }

  async #backfill(client: Client, correlationId: number, request: Request & { readonly type: "backfill" }): Promise<void> {
    await this.#backfillTurn();
    try {
      if (this.#isClosed) return;
      const answer = this.#counted(client, await this.#options.answers.backfill(client, request, this.#nowMs()));
      if (answer.type !== "backfill_response") {
        await this.#send(client, correlationId, answer);
        return;
      }
      const bytes = await this.#send(client, correlationId, answer, request.acceptsZstd);
      this.counters.backfillBytes += bytes;
      if (bytes > 0) this.counters.backfillEntries += answer.entries.length;
    } finally {
      this.#backfills -= 1;
      this.#backfillQueue.shift()?.();
    }
  }

  async #backfillTurn(): Promise<void> {
    if (this.#backfills >= BACKFILLS_AT_ONCE) await new Promise<void>((resolve) => this.#backfillQueue.push(resolve));
    this.#backfills += 1;
  }

  /** Bytes sent; 0 when they could not be: one client's full pipe is its own trouble. Never rejects. */
  async #send(client: Client, correlationId: number, answer: Answer, acceptsZstd = false): Promise<number> {
    try {
      const frame = this.#options.codec.encodeAnswer(correlationId, answer, { acceptsZstd });
      if (frame.length > FRAME_BYTES_MAX) throw new Error(`the answer ${answer.type} has ${frame.length} bytes, ${FRAME_BYTES_MAX} are the most`);
      const outcome = await this.#options.transport.answer(client.id, frame);
      if (outcome === "sent") {
        if (answer.type === "backfill_response") client.tookAnswer();
        return frame.length;
      }
      if (outcome === "full" && answer.type === "backfill_response") client.wasFull(this.#nowMs());
      if (outcome === "gone") this.clients.forget(client.id);
    } catch (error) {
      this.#options.onProblem(error instanceof FaultError ? error.fault : { code: "bridge.answer-failed", message: `The bridge server could not send an answer: ${error instanceof Error ? error.message : String(error)}` });
    }
    this.counters.unsent += 1;
    return 0;
  }

  /** Takes nothing more and waits for what is being answered. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#waiting.size > 0) await Promise.all(this.#waiting);
  }
}

