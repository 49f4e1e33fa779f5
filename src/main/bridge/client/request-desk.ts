// Requests of one link: numbered, a bounded number under way at once, asked again when no answer comes in time, held back when
// the server is busy. Answers that nobody waits for any more are ignored.
import type { Clock, Timers } from "../../../shared/base.ts";
import type { Answer, Refusal, Request } from "../wire/messages.ts";

export interface RequestDeskOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly timeoutMs: number;
  /** Encodes and hands over; false when the transport cannot take it now. */
  send(correlationId: number, request: Request): boolean;
  /** Nothing has been answered for long, although asked several times. Told once per link. */
  onSilent(detail: string): void;
}

interface Ask {
  readonly owner: string;
  readonly request: Request;
  readonly onAnswer: (answer: Answer) => void;
  firstSentMs: number | undefined;
  sentMs: number;
  deadlineMs: number;
  /** In a row, without an answer to anything in between. */
  timeouts: number;
}

/** Enough to hide the round trip with twenty streams, few enough that a server's queue for one client stays short. */
const IN_FLIGHT_MAX = 8;
/** A pipe that is full is tried again after so long. */
const RESEND_MS = 50;
/** One lost answer may be an accident; after so many without any other answer the link is dead. */
const TIMEOUTS_MAX = 3;
const BUSY_MIN_MS = 20;
const BUSY_MAX_MS = 60_000;

export class RequestDesk {
  readonly #options: RequestDeskOptions;
  #queue: Ask[] = [];
  readonly #underWay = new Map<number, Ask>();
  #lastId = 0;
  #isOpen = false;
  #lastAnswerMs = -Infinity;
  #notBeforeMs = 0;
  #isBusy = false;
  #timeouts = 0;
  #cancelWake: (() => void) | undefined;

  constructor(options: RequestDeskOptions) {
    this.#options = options;
  }

  /** Requests that got no answer in time, since the start. */
  get timeouts(): number {
    return this.#timeouts;
  }
  /** The server asked to wait. */
  get isBusy(): boolean {
    return this.#isBusy && this.#options.clock.monotonicMs() < this.#notBeforeMs;
  }

  open(): void {
    this.#isOpen = true;
    this.#notBeforeMs = 0;
    this.#isBusy = false;
    this.#pump();
  }

  /** Forgets everything that was asked. */
  shut(): void {
    this.#isOpen = false;
    this.#queue = [];
    this.#underWay.clear();
    this.#cancelWake?.();
    this.#cancelWake = undefined;
  }

  /** Asks until it is answered, forgotten, or the desk is shut. BUSY is not told: it is asked again when the server says so. */
  ask(owner: string, request: Request, onAnswer: (answer: Answer) => void): void {
    this.#queue.push({ owner, request, onAnswer, firstSentMs: undefined, sentMs: 0, deadlineMs: 0, timeouts: 0 });
    this.#pump();
  }

  /** Asks nothing: no answer will come. Lost when the transport cannot take it. */
  tell(request: Request): boolean {
    return this.#isOpen && this.#options.send((this.#lastId += 1), request);
  }

  isAsking(owner: string): boolean {
    return this.#queue.some((ask) => ask.owner === owner) || [...this.#underWay.values()].some((ask) => ask.owner === owner);
  }

  forget(owner: string): void {
    this.#queue = this.#queue.filter((ask) => ask.owner !== owner);
    for (const [id, ask] of this.#underWay) if (ask.owner === owner) this.#underWay.delete(id);
    this.#pump();
  }

  /** Is this number one that an answer is waited for under? */
  awaits(correlationId: number): boolean {
    return this.#underWay.has(correlationId);
  }

  /** False when nobody waits for it. */
  answered(correlationId: number, answer: Answer): boolean {
    const ask = this.#underWay.get(correlationId);
    if (ask === undefined) return false;
    this.#underWay.delete(correlationId);
    const nowMs = this.#options.clock.monotonicMs();
    this.#lastAnswerMs = nowMs;
    const refusal = refusalOf(answer);
    if (refusal?.code === "BUSY") {
      this.#notBeforeMs = nowMs + Math.min(BUSY_MAX_MS, Math.max(BUSY_MIN_MS, refusal.retryAfterMs));
      this.#isBusy = true;
      ask.firstSentMs = undefined;
      this.#queue.unshift(ask);
    } else {
      ask.onAnswer(answer);
    }
    this.#pump();
    return true;
  }

  #pump(): void {
    if (!this.#isOpen) return;
    const nowMs = this.#options.clock.monotonicMs();
    while (this.#underWay.size < IN_FLIGHT_MAX && nowMs >= this.#notBeforeMs) {
      const ask = this.#queue.shift();
      if (ask === undefined) break;
      const id = (this.#lastId += 1);
      // Awaited before it is sent: a transport may answer within the call.
      this.#underWay.set(id, ask);
      ask.firstSentMs ??= nowMs;
      ask.sentMs = nowMs;
      ask.deadlineMs = nowMs + this.#options.timeoutMs;
      if (this.#options.send(id, ask.request)) continue;
      this.#underWay.delete(id);
      this.#queue.unshift(ask);
      this.#notBeforeMs = nowMs + RESEND_MS;
      this.#isBusy = false;
    }
    this.#schedule(nowMs);
  }

  #schedule(nowMs: number): void {
    this.#cancelWake?.();
    this.#cancelWake = undefined;
    let wakeMs = this.#queue.length > 0 && this.#underWay.size < IN_FLIGHT_MAX ? this.#notBeforeMs : Infinity;
    for (const ask of this.#underWay.values()) wakeMs = Math.min(wakeMs, ask.deadlineMs);
    if (wakeMs === Infinity) return;
    this.#cancelWake = this.#options.timers.after(Math.max(0, wakeMs - nowMs), () => {
      this.#cancelWake = undefined;
      this.#wake();
    });
  }

  #wake(): void {
    const nowMs = this.#options.clock.monotonicMs();
    let silent: Ask | undefined;
    for (const [id, ask] of [...this.#underWay]) {
      if (nowMs < ask.deadlineMs) continue;
      this.#underWay.delete(id);
      this.#queue.unshift(ask);
      this.#timeouts += 1;
      // An answer to another request since then: this one was lost alone.
      ask.timeouts = this.#lastAnswerMs >= ask.sentMs ? 0 : ask.timeouts + 1;
      if (ask.timeouts >= TIMEOUTS_MAX) silent = ask;
    }
    if (silent !== undefined) {
      this.#options.onSilent(`no answer to ${silent.request.type} for ${Math.round((nowMs - (silent.firstSentMs ?? nowMs)) / 1_000)} s`);
      return;
    }
    this.#pump();
  }
}

export function refusalOf(answer: Answer): Refusal | undefined {
  return answer.type === "health" || answer.type === "resync_notice" ? undefined : answer.refusal;
}
