// What a reconnect missed of a stream, judged from the last event times of its instrument before it and the first one after it. Pure; in memory
// only, never written: the log says what came, and the canonicalizer judges that.
import type { EventKind, Instrument } from "../../shared/market.ts";

/** Event times of an instrument's newest messages, epoch ms; 0: none yet. */
export interface AlignmentEvent extends Instrument {
  bboMs: number;
  tradeMs: number;
  markPriceMs: number;
  fundingMs: number;
  openInterestMs: number;
}

export type Missed =
  /** It was carried all the time, or nothing came before that could go on. */
  | { readonly kind: "nothing" }
  /** Ids are contiguous: the next one shows exactly which are missing. */
  | { readonly kind: "known_ids" }
  /** Ids have no order: the span has to be asked for, and trades in it are unknown until then. */
  | { readonly kind: "span"; readonly fromMs: number; readonly toMs: number }
  /** Messages that nothing brings back, and that nothing needs: each says the whole state at its time. */
  | { readonly kind: "passed"; readonly forMs: number }
  /** The stream says how things stand: its first message says all that was missed. */
  | { readonly kind: "healed"; readonly forMs: number };

export interface Reconnect {
  readonly kinds: readonly EventKind[];
  readonly ids: "contiguous" | "unordered" | "none";
  /** Another connection carried the stream across. */
  readonly carried: boolean;
  readonly before: AlignmentEvent;
  /** Event time of the first message after it, epoch ms. */
  readonly firstMs: number;
}

const FIELD: Readonly<Partial<Record<EventKind, "bboMs" | "tradeMs" | "markPriceMs" | "fundingMs" | "openInterestMs">>> = {
  bbo: "bboMs", trade: "tradeMs", mark_price: "markPriceMs", funding: "fundingMs", open_interest: "openInterestMs",
};

export function unaligned({ venue, symbol }: Instrument): AlignmentEvent {
  return { venue, symbol, bboMs: 0, tradeMs: 0, markPriceMs: 0, fundingMs: 0, openInterestMs: 0 };
}

/** A message told these kinds at this time. A late one does not turn the time back. */
export function align(alignment: AlignmentEvent, kinds: readonly EventKind[], eventMs: number): void {
  for (const kind of kinds) {
    const field = FIELD[kind];
    if (field !== undefined && eventMs > alignment[field]) alignment[field] = eventMs;
  }
}

/** The newest time at which the instrument told any of the kinds; 0: never. */
export function lastMs(alignment: AlignmentEvent, kinds: readonly EventKind[]): number {
  return kinds.reduce((newest, kind) => {
    const field = FIELD[kind];
    return field === undefined ? newest : Math.max(newest, alignment[field]);
  }, 0);
}

export function missedBy({ kinds, ids, carried, before, firstMs }: Reconnect): Missed {
  const fromMs = lastMs(before, kinds);
  if (carried || fromMs === 0) return { kind: "nothing" };
  const forMs = Math.max(0, firstMs - fromMs);
  if (kinds.includes("trade")) {
    if (ids === "contiguous") return { kind: "known_ids" };
    return { kind: "span", fromMs, toMs: fromMs + forMs };
  }
  // Quotes change between any two messages; the others say a value that holds until the next.
  return kinds.includes("bbo") ? { kind: "passed", forMs } : { kind: "healed", forMs };
}

function length(ms: number): string {
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}

const WORD: Readonly<Record<EventKind, string>> = {
  bbo: "BBO", trade: "trades", mark_price: "mark price", funding: "funding", open_interest: "open interest", venue_candle: "venue candles",
};

/** For a person; undefined where nothing was missed, or where the gap ledger says it better. */
export function missedText(missed: Missed, kinds: readonly EventKind[]): string | undefined {
  const what = kinds.map((kind) => WORD[kind]).join(", ");
  switch (missed.kind) {
    case "nothing":
    case "known_ids":
    case "span":
      return undefined;
    case "passed":
      return `missed ${length(missed.forMs)} of ${what} during a reconnect`;
    case "healed":
      return `no ${what} for ${length(missed.forMs)} during a reconnect; the message after it says how things stand`;
  }
}
