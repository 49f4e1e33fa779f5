// The fault menu: everything that can go wrong on purpose, by name, with its parameters; and the ledger of what did.
import { fault as asFault } from "../../shared/base.ts";
import type { FaultInfo } from "../../shared/faults.ts";
import type { VenueId } from "../../shared/market.ts";

/** In place of a channel: whatever channel the venue's candles come from. */
export const FOLD_CHANNEL = "fold";

/** Which outgoing messages a message fault hits: the next `count` of this symbol and channel (undefined = any). */
interface MessageTarget {
  readonly symbol?: string;
  readonly channel?: string;
  readonly count: number;
}

export type SimFault =
  /** The next messages are never sent, on any connection. */
  | ({ readonly name: "drop" } & MessageTarget)
  /** Sent twice, same bytes. */
  | ({ readonly name: "duplicate" } & MessageTarget)
  /** Sent again with the same id and another quantity. */
  | ({ readonly name: "conflict" } & MessageTarget)
  /** Each is held back and sent after its successor. */
  | ({ readonly name: "reorder" } & MessageTarget)
  /** Cut in the middle (bad JSON), in the real message's place. */
  | ({ readonly name: "malformed" } & MessageTarget)
  /** A price that is a number, a time that is text: in the real message's place. */
  | ({ readonly name: "wrong-type" } & MessageTarget)
  /** An extra frame of a stream that nobody asked for. */
  | ({ readonly name: "unknown-stream" } & MessageTarget)
  /** An extra frame of `bytes`. */
  | ({ readonly name: "oversized"; readonly bytes: number } & MessageTarget)
  /** Event times ten years off, in the real message's place. */
  | ({ readonly name: "far-past" } & MessageTarget)
  | ({ readonly name: "far-future" } & MessageTarget)
  /** A trade reported `delayMs` after its time: old T, ids in sequence. Part of the true candles at its T. */
  | { readonly name: "late-print"; readonly symbol?: string; readonly delayMs: number }
  /** Closes connections: with a close frame, or without a word. `sessions` undefined = all. */
  | { readonly name: "disconnect"; readonly sessions?: number }
  | { readonly name: "abrupt-disconnect"; readonly sessions?: number }
  /** Existing connections fall silent for ever and are never closed. */
  | { readonly name: "half-open"; readonly sessions?: number }
  /** The next connections acknowledge and then say nothing. */
  | { readonly name: "stall-after-ack"; readonly connections: number }
  /** The next connection attempts are answered with 503. */
  | { readonly name: "refuse-connections"; readonly connections: number }
  /** The old combined endpoint acknowledges and stays silent, as the venue's does since 2026-04. */
  | { readonly name: "retired-endpoint"; readonly on: boolean }
  /** The venue plans to close all its connections in this time. Where it gives notice (OKX), it does so at once. */
  | { readonly name: "venue-notice"; readonly seconds: number }
  /** The exchange's clock is off by this much from now on (0 = right again): a step. */
  | { readonly name: "clock-skew"; readonly ms: number }
  /** The symbol is delisted: no data, status SETTLING, REST says invalid symbol. */
  | { readonly name: "dead-symbol"; readonly symbol?: string }
  | { readonly name: "rest-429"; readonly count: number; readonly retryAfterS: number }
  /** Ban: every request is refused until its time is over. */
  | { readonly name: "rest-418"; readonly seconds: number }
  | { readonly name: "rest-403"; readonly seconds: number }
  | { readonly name: "rest-5xx"; readonly count: number }
  | { readonly name: "rest-empty"; readonly count: number }
  /** The next requests get no answer at all. */
  | { readonly name: "rest-hang"; readonly count: number };

export type FaultName = SimFault["name"];
export type MessageFault = Exclude<Extract<SimFault, { readonly count: number }>, { readonly name: `rest-${string}` }>;

interface MenuEntry extends FaultInfo {
  readonly name: FaultName;
  readonly place: "venue";
  make(amount: number): SimFault;
}

function message(name: Exclude<MessageFault["name"], "oversized">, summary: string): Omit<MenuEntry, "place"> {
  return { name, summary, amount: "messages", preset: 1, make: (count) => ({ name, channel: FOLD_CHANNEL, count }) };
}

const ENTRIES: readonly Omit<MenuEntry, "place">[] = [
  { ...message("drop", "the next trades are never sent"), preset: 3 },
  message("duplicate", "the next trades are sent twice"),
  message("conflict", "the next trades are sent again with another quantity"),
  message("reorder", "the next trades are sent after their successors"),
  message("malformed", "the next trades arrive as broken JSON"),
  message("wrong-type", "the next trades arrive with wrong types"),
  message("unknown-stream", "extra frames of a stream nobody asked for"),
  { name: "oversized", summary: "one extra frame of this size", amount: "megabytes", preset: 10, make: (megabytes) => ({ name: "oversized", count: 1, bytes: Math.round(megabytes * 1_048_576) }) },
  message("far-past", "the next trades carry a time ten years ago"),
  message("far-future", "the next trades carry a time ten years ahead"),
  { name: "late-print", summary: "a trade is reported late", amount: "seconds late", preset: 20, make: (seconds) => ({ name: "late-print", delayMs: Math.round(seconds * 1_000) }) },
  { name: "disconnect", summary: "connections are closed", amount: "connections (0 = all)", preset: 0, make: (sessions) => (sessions > 0 ? { name: "disconnect", sessions } : { name: "disconnect" }) },
  { name: "abrupt-disconnect", summary: "connections break without a word", amount: "connections (0 = all)", preset: 0, make: (sessions) => (sessions > 0 ? { name: "abrupt-disconnect", sessions } : { name: "abrupt-disconnect" }) },
  { name: "half-open", summary: "connections fall silent and stay open", amount: "connections (0 = all)", preset: 0, make: (sessions) => (sessions > 0 ? { name: "half-open", sessions } : { name: "half-open" }) },
  { name: "stall-after-ack", summary: "new connections acknowledge, then say nothing", amount: "connections", preset: 1, make: (connections) => ({ name: "stall-after-ack", connections }) },
  { name: "refuse-connections", summary: "new connections are refused with 503", amount: "connections", preset: 3, make: (connections) => ({ name: "refuse-connections", connections }) },
  { name: "venue-notice", summary: "the venue is about to close its connections, and says so where it gives notice", amount: "seconds until then", preset: 60, make: (seconds) => ({ name: "venue-notice", seconds }) },
  { name: "retired-endpoint", summary: "the old endpoint acknowledges and stays silent", amount: "1 = on, 0 = off", preset: 1, make: (on) => ({ name: "retired-endpoint", on: on !== 0 }) },
  { name: "clock-skew", summary: "the exchange's clock is off", amount: "milliseconds (0 = right)", preset: 1_500, make: (ms) => ({ name: "clock-skew", ms: Math.round(ms) }) },
  { name: "dead-symbol", summary: "a symbol is delisted (MATICUSDT where it is traded: it lives on as POLUSDT)", amount: "ignored", preset: 1, make: () => ({ name: "dead-symbol" }) },
  { name: "rest-429", summary: "requests are told to slow down", amount: "requests", preset: 3, make: (count) => ({ name: "rest-429", count, retryAfterS: 2 }) },
  { name: "rest-418", summary: "the address is banned", amount: "seconds", preset: 120, make: (seconds) => ({ name: "rest-418", seconds }) },
  { name: "rest-403", summary: "the firewall blocks the address", amount: "seconds", preset: 60, make: (seconds) => ({ name: "rest-403", seconds }) },
  { name: "rest-5xx", summary: "requests fail with 503", amount: "requests", preset: 3, make: (count) => ({ name: "rest-5xx", count }) },
  { name: "rest-empty", summary: "requests are answered with an empty list", amount: "requests", preset: 3, make: (count) => ({ name: "rest-empty", count }) },
  { name: "rest-hang", summary: "requests get no answer", amount: "requests", preset: 1, make: (count) => ({ name: "rest-hang", count }) },
];

/** Every fault by name, for `record --fault`, the screen and HTTP. Message faults hit the stream that the venue's candles come from. */
export const FAULT_MENU: readonly MenuEntry[] = Object.freeze(ENTRIES.map((entry) => ({ place: "venue" as const, ...entry })));

const AMOUNT_MAX = 1_000_000_000;

/** `drop`, 5 → the fault. Faults: `sim.unknown-fault`, `sim.bad-amount`, each naming what would be right. */
export function faultFromMenu(name: string, amount?: number): SimFault {
  const entry = FAULT_MENU.find((candidate) => candidate.name === name);
  if (entry === undefined) {
    throw asFault("sim.unknown-fault", `the simulator has no fault ${JSON.stringify(name)}; it has ${FAULT_MENU.map((known) => known.name).join(", ")}`);
  }
  const value = amount ?? entry.preset;
  const zeroAllowed = entry.preset === 0 || name === "retired-endpoint" || name === "clock-skew";
  const plausible = Number.isFinite(value) && Math.abs(value) <= AMOUNT_MAX && (value > 0 || (value === 0 && zeroAllowed) || name === "clock-skew");
  if (!plausible) throw asFault("sim.bad-amount", `fault ${name} takes an amount of ${entry.amount}, got ${value}`);
  return entry.make(value);
}

/** One line of the ledger: what the simulator did to its client, when, and to which ids. */
export interface LedgerEntry {
  readonly at: number;
  readonly venue: VenueId;
  /** Exchange time (stamped clock), epoch ms. */
  readonly atMs: number;
  /** Exchange time without skew, epoch ms: the host's own time while its clock is right. */
  readonly trueMs: number;
  readonly what: FaultName | "slow-consumer" | "session-age" | "session-idle" | "flood" | "market-leap";
  /** The stream's name on the wire. */
  readonly stream?: string;
  readonly channel?: string;
  readonly symbol?: string;
  /** Ids hit, both inclusive, where they are numbers (`a`, `t`, OKX's ids one by one). */
  readonly fromId?: number;
  readonly toId?: number;
  /** The same as text, each of them (Bybit's UUIDs). */
  readonly ids?: readonly string[];
  /** Stamped time of the trade hit. */
  readonly timeMs?: number;
  readonly sessions?: readonly string[];
  readonly detail: string;
}

const LEDGER_MAX = 100_000;

/** What was injected, complete up to its bound (then the oldest go, and `forgotten` counts them). */
export class FaultLedger {
  readonly #entries: LedgerEntry[] = [];
  #at = 0;
  forgotten = 0;

  add(entry: Omit<LedgerEntry, "at">): void {
    this.#at += 1;
    this.#entries.push({ at: this.#at, ...entry });
    if (this.#entries.length > LEDGER_MAX) {
      this.#entries.shift();
      this.forgotten += 1;
    }
  }

  get entries(): readonly LedgerEntry[] {
    return this.#entries;
  }
}
