// Two legs of one plan say the same: measures what each alone would have missed, and renews one that has gone silent where the other speaks.
import type { StreamRef } from "../../shared/market.ts";
import type { LegHealth } from "../../shared/protocol/health.ts";
import type { CollectorSettings } from "./collector-settings.ts";
import type { Link } from "./link.ts";
import type { StreamBook } from "./stream-book.ts";
import type { LegIndex } from "./trade-ledger.ts";

export interface LegWatchOptions {
  readonly links: readonly Link[];
  readonly book: StreamBook;
  readonly settings: CollectorSettings;
}

/** Losses of a stream on one leg that are no chance any more. */
const LOSSES_MIN = 5;
const NAMES = ["A", "B"] as const;

export class LegWatch {
  readonly #options: LegWatchOptions;
  /** Losses per link and stream while the stream last spoke on it. */
  readonly #known = new Map<Link, Map<string, number>>();

  constructor(options: LegWatchOptions) {
    this.#options = options;
  }

  /** Call at a steady pace. */
  check(nowMs: number): void {
    const { links, book, settings } = this.#options;
    if (settings.legs === 1) return;
    book.turnLedgers(nowMs);
    for (const link of links) {
      const other = links.find(({ plan, leg }) => plan === link.plan && leg !== link.leg);
      if (other === undefined) continue;
      if (this.#losesSilently(link, other, book.missedBy(link.leg, link.plan.streams), nowMs)) link.rotate();
    }
  }

  #losesSilently(link: Link, other: Link, missed: ReadonlyMap<string, number>, nowMs: number): boolean {
    const known = this.#known.get(link) ?? new Map<string, number>();
    this.#known.set(link, known);
    let loses = false;
    for (const stream of link.plan.streams) {
      const count = missed.get(stream.streamId);
      if (count === undefined) continue;
      const isLoss = count - (known.get(stream.streamId) ?? 0) >= LOSSES_MIN;
      const isSilent = this.#isSilent(link, other, stream, nowMs);
      if (!isSilent || isLoss) known.set(stream.streamId, count);
      loses ||= isSilent && isLoss;
    }
    return loses;
  }

  #isSilent(link: Link, other: Link, { streamId }: StreamRef, nowMs: number): boolean {
    const { legSilentMs } = this.#options.settings;
    const [own] = link.connections;
    const [theirs] = other.connections;
    if (own === undefined || theirs === undefined || !own.isOpen || nowMs - own.openedMs < legSilentMs) return false;
    return nowMs - (own.seen.get(streamId) ?? own.openedMs) >= legSilentMs && nowMs - (theirs.seen.get(streamId) ?? Number.NEGATIVE_INFINITY) < legSilentMs;
  }

  /** One line per leg and plan; empty without legs. Losses are counted in trades, the only messages that can be told from each other. */
  get health(): readonly LegHealth[] {
    const { links, book, settings } = this.#options;
    if (settings.legs === 1) return [];
    return links.map((link) => {
      const missed = [...book.missedBy(link.leg, link.plan.streams).values()].reduce((sum, count) => sum + count, 0);
      return { leg: nameOf(link.leg), connection: link.connections[0]?.name ?? "", open: link.isOpen, messages: link.messages, missed };
    });
  }
}

function nameOf(leg: LegIndex): "A" | "B" {
  return NAMES[leg];
}
