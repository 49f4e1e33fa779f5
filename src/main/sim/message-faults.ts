// Message faults on their way out: given one message, which texts are really sent. Knows nothing of sockets.
import type { Outgoing, WireFaults } from "./dialect.ts";
import type { LedgerEntry, MessageFault } from "./faults.ts";

/** One text that goes out. `whole`: a frame as it is, on combined connections too. `intact`: it is the market's message itself. */
export interface Sent { readonly text: string; readonly whole: boolean; readonly intact: boolean; readonly of: Outgoing }

const TEN_YEARS_MS = 315_360_000_000;

interface Waiting {
  readonly fault: MessageFault;
  left: number;
}

type Note = (entry: Pick<LedgerEntry, "what" | "detail" | "stream" | "channel" | "symbol" | "fromId" | "toId" | "ids" | "timeMs">) => void;

export class MessageFaults {
  readonly #note: Note;
  readonly #wire: WireFaults;
  #waiting: Waiting[] = [];
  /** Held back by `reorder`, by stream. */
  readonly #held = new Map<string, Outgoing>();

  constructor(note: Note, wire: WireFaults) {
    this.#note = note;
    this.#wire = wire;
  }

  /** False: every message may go out untouched (the usual case, checked once per message). */
  get active(): boolean {
    return this.#waiting.length > 0 || this.#held.size > 0;
  }

  add(fault: MessageFault): void {
    this.#waiting.push({ fault, left: fault.count });
  }

  /** Held back by `reorder`: it has not come yet. */
  isHeld(message: Outgoing): boolean {
    return this.#held.get(message.stream.key) === message;
  }

  /** The texts to send instead of this one, in order; none when it was dropped or held back. */
  apply(message: Outgoing): readonly Sent[] {
    const { stream } = message;
    const plain: Sent = { text: message.text, whole: false, intact: true, of: message };
    const held = this.#held.get(stream.key);
    if (held !== undefined) {
      this.#held.delete(stream.key);
      return [plain, { text: held.text, whole: false, intact: true, of: held }];
    }
    const waiting = this.#waiting.find(
      ({ fault }) => (fault.symbol === undefined || fault.symbol === stream.symbol) && (fault.channel === undefined || fault.channel === stream.channel),
    );
    if (waiting === undefined) return [plain];
    waiting.left -= 1;
    if (waiting.left <= 0) this.#waiting = this.#waiting.filter((other) => other !== waiting);
    this.#write(waiting.fault, message);
    return this.#perform(waiting.fault, message, plain);
  }

  #perform(fault: MessageFault, message: Outgoing, plain: Sent): readonly Sent[] {
    const { stream, text } = message;
    const wrong = (changed: string): Sent => ({ text: changed, whole: false, intact: false, of: message });
    const whole = (frame: string): Sent => ({ text: frame, whole: true, intact: false, of: message });
    switch (fault.name) {
      case "drop":
        return [];
      case "duplicate":
        return [plain, { ...plain, intact: false }];
      case "conflict":
        return [plain, wrong(this.#wire.conflicting(text))];
      case "reorder":
        this.#held.set(stream.key, message);
        return [];
      case "malformed": {
        const frame = this.#wire.wrapped(stream, text);
        return [whole(frame.slice(0, Math.floor(frame.length * 0.6)))];
      }
      case "wrong-type":
        return [wrong(this.#wire.wrongTypes(text))];
      case "unknown-stream":
        return [plain, whole(this.#wire.unknownStream(stream.symbol))];
      case "oversized":
        return [plain, whole(this.#wire.oversized(stream, fault.bytes))];
      case "far-past":
        return [wrong(this.#wire.shifted(text, -TEN_YEARS_MS))];
      case "far-future":
        return [wrong(this.#wire.shifted(text, TEN_YEARS_MS))];
    }
  }

  #write(fault: MessageFault, { stream, fromId, toId, ids, timeMs }: Outgoing): void {
    const numbers = fromId === undefined || toId === undefined ? {} : { fromId, toId };
    const named = fromId === undefined ? (ids.length === 0 ? "message" : `${ids.length} trades ${ids[0] ?? ""}…`) : fromId === toId ? `id ${fromId}` : `ids ${fromId} … ${toId ?? fromId}`;
    this.#note({
      what: fault.name, stream: stream.key, channel: stream.channel, symbol: stream.symbol, ...numbers, ...(ids.length === 0 || fromId !== undefined ? {} : { ids }),
      timeMs, detail: `${stream.key} ${named}`,
    });
  }
}
