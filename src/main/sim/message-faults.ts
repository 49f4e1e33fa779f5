// Message faults on their way out: given one message, which texts are really sent. Knows nothing of sockets.
import type { FaultLedger, MessageFault } from "./faults.ts";
import { wrapped } from "./binance-text.ts";

/** One message about to be sent to its stream's subscribers. */
export interface Outgoing {
  readonly stream: string;
  readonly symbol: string;
  /** aggTrade, trade, bookTicker, markPrice. */
  readonly channel: string;
  /** The stream's own id (a, t, u), undefined for markPrice. */
  readonly id: number | undefined;
  readonly timeMs: number;
  /** The `data` member as text. */
  readonly text: string;
}

/** What goes out: data members to wrap as usual, or a whole frame as it is. */
export type Sent = { readonly stream: string; readonly text: string; readonly whole: boolean };

const TEN_YEARS_MS = 315_360_000_000;

/** A message whose quantity differs in its last digit: same id, other bytes. */
export function conflicting(text: string): string {
  return text.replace(/("[qB]":"[\d.]*)(\d)(")/, (_, head: string, digit: string, tail: string) => `${head}${(Number(digit) + 1) % 10}${tail}`);
}

function shifted(text: string, byMs: number): string {
  return text.replace(/("[ET]":)(\d+)/g, (_, head: string, ms: string) => `${head}${Number(ms) + byMs}`);
}

function wrongTypes(text: string): string {
  return text.replace(/("[pb]":)"([\d.]+)"/, "$1$2").replace(/("T":)(\d+)/, '$1"$2"');
}

interface Waiting {
  readonly fault: MessageFault;
  left: number;
}

export class MessageFaults {
  readonly #ledger: FaultLedger;
  #waiting: Waiting[] = [];
  /** Held back by `reorder`, by stream. */
  readonly #held = new Map<string, Outgoing>();

  constructor(ledger: FaultLedger) {
    this.#ledger = ledger;
  }

  /** False: every message may go out untouched (the usual case, checked once per message). */
  get active(): boolean {
    return this.#waiting.length > 0 || this.#held.size > 0;
  }

  add(fault: MessageFault): void {
    this.#waiting.push({ fault, left: fault.count });
  }

  clear(): void {
    this.#waiting = [];
  }

  /** The texts to send instead of this one, in order; none when it was dropped or held back. `nowMs` stamps the ledger. */
  apply(message: Outgoing, nowMs: number): readonly Sent[] {
    const plain: Sent = { stream: message.stream, text: message.text, whole: false };
    const held = this.#held.get(message.stream);
    if (held !== undefined) {
      this.#held.delete(message.stream);
      return [plain, { stream: held.stream, text: held.text, whole: false }];
    }
    const waiting = this.#waiting.find(
      ({ fault }) => (fault.symbol === undefined || fault.symbol === message.symbol) && (fault.channel === undefined || fault.channel === message.channel),
    );
    if (waiting === undefined) return [plain];
    waiting.left -= 1;
    if (waiting.left <= 0) this.#waiting = this.#waiting.filter((other) => other !== waiting);
    this.#note(waiting.fault, message, nowMs);
    return this.#perform(waiting.fault, message, plain);
  }

  #perform(fault: MessageFault, message: Outgoing, plain: Sent): readonly Sent[] {
    switch (fault.name) {
      case "drop":
        return [];
      case "duplicate":
        return [plain, plain];
      case "conflict":
        return [plain, { ...plain, text: conflicting(message.text) }];
      case "reorder":
        this.#held.set(message.stream, message);
        return [];
      case "malformed": {
        const frame = wrapped(message.stream, message.text);
        return [{ stream: message.stream, text: frame.slice(0, Math.floor(frame.length * 0.6)), whole: true }];
      }
      case "wrong-type":
        return [{ ...plain, text: wrongTypes(message.text) }];
      case "unknown-stream":
        return [plain, { stream: message.stream, text: wrapped(`${message.symbol.toLowerCase()}@nobodyKnows`, '{"e":"nobodyKnows"}'), whole: true }];
      case "oversized":
        return [plain, { stream: message.stream, text: wrapped(message.stream, `{"e":"oversized","x":"${"x".repeat(Math.max(0, fault.bytes - 64))}"}`), whole: true }];
      case "far-past":
        return [{ ...plain, text: shifted(message.text, -TEN_YEARS_MS) }];
      case "far-future":
        return [{ ...plain, text: shifted(message.text, TEN_YEARS_MS) }];
    }
  }

  #note(fault: MessageFault, message: Outgoing, nowMs: number): void {
    const ids = message.id === undefined ? {} : { fromId: message.id, toId: message.id };
    this.#ledger.add({
      atMs: nowMs, what: fault.name, stream: message.stream, symbol: message.symbol, ...ids, timeMs: message.timeMs,
      detail: message.id === undefined ? `${message.stream} message` : `${message.stream} id ${message.id}`,
    });
  }
}
