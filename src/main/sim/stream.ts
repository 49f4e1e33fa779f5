// One stream of a simulated venue (a channel of a symbol): who listens, and the exact account of what was made and said, in bounded memory.
import type { WireSession } from "./session.ts";

/** One minute of a stream's account, by the minute of the trades' own time (of the message where it has no trades). */
export interface MinuteTally {
  /** Messages of the market, whether or not anybody listened. */
  made: number;
  /** Messages that went out on at least one connection as they were meant (not those that a fault kept back or changed). */
  said: number;
  madeIds: number;
  saidIds: number;
  /** Sum (mod 2^48) and XOR of `idHash` over the ids. */
  madeSum: number;
  madeXor: number;
  saidSum: number;
  saidXor: number;
}

/** A stretch of a trade stream for which there was no connection that listens (what a message fault took is in the ledger instead). Ids are the stream's; both ends inclusive. */
export interface Unheard {
  readonly fromId: string;
  toId: string;
  /** Trade times. */
  readonly fromMs: number;
  toMs: number;
  count: number;
}

/** Two days of minutes; the oldest go first. */
const MINUTES_MAX = 2_880;
const UNHEARD_MAX = 10_000;
const SUM_MODULUS = 2 ** 48;

/** 32-bit FNV-1a of an id's text: what sums and XORs of ids are made of, here and in whoever compares. */
export function idHash(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index += 1) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

function emptyTally(): MinuteTally {
  return { made: 0, said: 0, madeIds: 0, saidIds: 0, madeSum: 0, madeXor: 0, saidSum: 0, saidXor: 0 };
}

/** What one message says: the ids of its trades as text, ascending; none for messages without trades. */
export interface Told { readonly ids: readonly string[]; readonly timeMs: number }

export class StreamState {
  /** The venue's name of the stream on the wire. */
  readonly key: string;
  readonly symbol: string;
  /** The adapters' channel word. */
  readonly channel: string;
  /** Connections that subscribed. */
  readonly sessions = new Set<WireSession>();
  readonly total = emptyTally();
  /** Frames over all connections, doubles and faulty ones included. */
  frames = 0;
  readonly minutes = new Map<number, MinuteTally>();
  readonly unheard: Unheard[] = [];
  forgottenUnheard = 0;
  #silence: Unheard | undefined;
  #minuteMs = -1;
  #minute: MinuteTally = this.total;

  constructor(key: string, symbol: string, channel: string) {
    this.key = key;
    this.symbol = symbol;
    this.channel = channel;
  }

  get heard(): boolean {
    return this.sessions.size > 0;
  }

  /** The market made a message; `said`: somebody was told it as it was meant; `listened`: somebody would have heard it. */
  count(told: Told, said: boolean, listened: boolean): void {
    const minute = this.#minuteOf(told.timeMs);
    let sum = 0;
    let xor = 0;
    for (const id of told.ids) {
      const hash = idHash(id);
      sum += hash;
      xor = (xor ^ hash) >>> 0;
    }
    add(this.total, told.ids.length, sum, xor, said);
    add(minute, told.ids.length, sum, xor, said);
    if (told.ids.length > 0) this.#hearing(told, listened);
  }

  #minuteOf(timeMs: number): MinuteTally {
    const minuteMs = timeMs - (timeMs % 60_000);
    if (minuteMs === this.#minuteMs) return this.#minute;
    let minute = this.minutes.get(minuteMs);
    if (minute === undefined) {
      minute = emptyTally();
      this.minutes.set(minuteMs, minute);
      for (const oldest of this.minutes.keys()) {
        if (this.minutes.size <= MINUTES_MAX) break;
        this.minutes.delete(oldest);
      }
    }
    this.#minuteMs = minuteMs;
    this.#minute = minute;
    return minute;
  }

  #hearing(told: Told, listened: boolean): void {
    if (listened) {
      this.#silence = undefined;
      return;
    }
    const toId = told.ids.at(-1) ?? "";
    if (this.#silence !== undefined) {
      this.#silence.toId = toId;
      this.#silence.toMs = Math.max(this.#silence.toMs, told.timeMs);
      this.#silence.count += told.ids.length;
      return;
    }
    this.#silence = { fromId: told.ids[0] ?? "", toId, fromMs: told.timeMs, toMs: told.timeMs, count: told.ids.length };
    this.unheard.push(this.#silence);
    if (this.unheard.length > UNHEARD_MAX) {
      this.unheard.shift();
      this.forgottenUnheard += 1;
    }
  }
}

function add(tally: MinuteTally, ids: number, sum: number, xor: number, said: boolean): void {
  tally.made += 1;
  tally.madeIds += ids;
  tally.madeSum = (tally.madeSum + sum) % SUM_MODULUS;
  tally.madeXor = (tally.madeXor ^ xor) >>> 0;
  if (!said) return;
  tally.said += 1;
  tally.saidIds += ids;
  tally.saidSum = (tally.saidSum + sum) % SUM_MODULUS;
  tally.saidXor = (tally.saidXor ^ xor) >>> 0;
}
