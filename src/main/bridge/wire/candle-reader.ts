// Candle tables as entries and forming bars; whatever a sender may have got wrong about them is refused.
import type { BarValues } from "../../../shared/candles.ts";
import type { BridgeBar, BridgeForming, BridgeGap, Entry, SequencedEntry } from "../model.ts";
import { malformed, type FlatFrame, type FlatTable } from "./flat-reader.ts";
import { CANDLE, ENTRY_KIND_VALUES, GAP } from "./generated/layout.ts";
import { GRADE_NAMES, isGapCause, isGapState, isReason, NAME_BYTES_MAX, TEXT_BYTES_MAX } from "./words.ts";

const WORD_BYTES_MAX = 32;
const DIGEST_BYTES = 32;
/** What a bar costs of the frame's budget, besides its table: about its size on the wire. */
const BAR_COST = 192;

function readValues(table: FlatTable): BarValues {
  return {
    open: table.decimal(CANDLE.open, "open"), high: table.decimal(CANDLE.high, "high"), low: table.decimal(CANDLE.low, "low"),
    close: table.decimal(CANDLE.close, "close"), volume: table.decimal(CANDLE.volume, "volume"),
    quoteVolume: table.decimal(CANDLE.quoteVolume, "quote_volume"), tradeCount: table.count(CANDLE.tradeCount, "trade_count"),
    takerBuyVolume: table.decimal(CANDLE.takerBuyVolume, "taker_buy_volume"),
    takerBuyQuoteVolume: table.decimal(CANDLE.takerBuyQuoteVolume, "taker_buy_quote_volume"),
  };
}

function readGap(table: FlatTable, detail: string): BridgeGap {
  const cause = table.requiredText(GAP.cause, "cause", WORD_BYTES_MAX);
  if (!isGapCause(cause)) throw malformed(`${table.named("cause")} is ${JSON.stringify(cause)}, which this version does not know`);
  const state = table.requiredText(GAP.state, "state", WORD_BYTES_MAX);
  if (!isGapState(state)) throw malformed(`${table.named("state")} is ${JSON.stringify(state)}, which this version does not know`);
  return {
    gapId: table.requiredText(GAP.gapId, "gap_id", NAME_BYTES_MAX), streamId: table.requiredText(GAP.streamId, "stream_id", NAME_BYTES_MAX),
    fromMs: table.safe(GAP.fromTs, "from_ts"), toMs: table.optionalSafe(GAP.toTs, "to_ts"),
    fromId: table.optionalCount(GAP.fromId, "from_id"), toId: table.optionalCount(GAP.toId, "to_id"),
    missing: table.optionalCount(GAP.missing, "missing"), cause, state, attempts: table.u32(GAP.attempts), detail,
  };
}

export function readForming(table: FlatTable): BridgeForming {
  return {
    openMs: table.safe(CANDLE.ts, "ts"), values: readValues(table), atSeq: table.count(CANDLE.atSeq, "at_seq"), knownNs: table.i64(CANDLE.knownNs),
  };
}

/** Reads the entries of one frame. Reasons repeat, mostly as the same text in the same place. */
export class EntryReader {
  readonly #frame: FlatFrame;
  #reasonPlace = 0;
  #reason: BridgeBar["reason"] = "watermark";

  constructor(frame: FlatFrame) {
    this.#frame = frame;
  }

  #readReason(table: FlatTable): BridgeBar["reason"] {
    const place = table.place(CANDLE.reason, "reason");
    if (place === this.#reasonPlace && place !== 0) return this.#reason;
    const reason = table.requiredText(CANDLE.reason, "reason", WORD_BYTES_MAX);
    if (!isReason(reason)) throw malformed(`${table.named("reason")} is ${JSON.stringify(reason)}, which this version does not know`);
    this.#reasonPlace = place;
    this.#reason = reason;
    return reason;
  }

  #grade(table: FlatTable): BridgeBar["grade"] {
    const number = table.u8(CANDLE.grade);
    const grade = GRADE_NAMES[number];
    if (grade === undefined && number !== 0) throw malformed(`${table.named("grade")} is ${number}, which this version does not know`);
    return grade;
  }

  #bar(table: FlatTable, kind: number, sequence: number): SequencedEntry {
    this.#frame.spend(BAR_COST, "a batch of bars");
    const revision = table.u32(CANDLE.revision);
    const isSealed = kind === ENTRY_KIND_VALUES.SEALED;
    if (isSealed ? revision !== 1 : revision < 2) throw malformed(`${table.named("revision")} is ${revision} of a ${isSealed ? "sealed bar" : "correction"}`);
    return {
      kind: "bar",
      bar: {
        openMs: table.safe(CANDLE.ts, "ts"), values: readValues(table), revision, reason: this.#readReason(table),
        digest: table.optionalHex(CANDLE.digest, "digest", DIGEST_BYTES), grade: this.#grade(table),
      },
      atSeq: table.count(CANDLE.atSeq, "at_seq"), knownNs: table.i64(CANDLE.knownNs), sequence,
    };
  }

  #mark(table: FlatTable, kind: number): Entry {
    const origin = { atSeq: table.count(CANDLE.atSeq, "at_seq"), knownNs: table.i64(CANDLE.knownNs) };
    const why = table.text(CANDLE.why, "why", TEXT_BYTES_MAX);
    const fromMs = table.safe(CANDLE.ts, "ts");
    if (kind === ENTRY_KIND_VALUES.GAP) {
      const gap = readGap(table.table(CANDLE.gap, "gap", "Gap"), why);
      if (gap.fromMs !== fromMs) throw malformed(`${table.named("ts")} is ${fromMs}, but its gap begins at ${gap.fromMs}`);
      return { kind: "gap", gap, ...origin };
    }
    const untilOpenMs = table.safe(CANDLE.untilTs, "until_ts");
    if (untilOpenMs < fromMs) throw malformed(`${table.named("until_ts")} is ${untilOpenMs}, before ts ${fromMs}`);
    const grade = this.#grade(table);
    if (grade === undefined) throw malformed(`${table.named("grade")} is missing`);
    return { kind: "grade", fromOpenMs: fromMs, untilOpenMs, grade, why, ...origin };
  }

  entry(table: FlatTable, sequence: number): SequencedEntry {
    const kind = table.u8(CANDLE.kind);
    switch (kind) {
      case ENTRY_KIND_VALUES.SEALED:
      case ENTRY_KIND_VALUES.CORRECTION:
        return this.#bar(table, kind, sequence);
      case ENTRY_KIND_VALUES.GRADE:
      case ENTRY_KIND_VALUES.GAP:
        return { ...this.#mark(table, kind), sequence };
      default:
        throw malformed(`${table.named("kind")} is ${kind}, which this version does not know`);
    }
  }
}
