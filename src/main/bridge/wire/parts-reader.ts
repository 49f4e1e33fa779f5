// Reads the tables that many messages share: stream keys, histories, modes, refusals.
import { SOURCE_ID } from "../../../shared/market.ts";
import { isInterval } from "../../../shared/time.ts";
import { BRIDGE_SYMBOL, type BridgeMode, type History, type StreamKey } from "../model.ts";
import { malformed, type FlatTable } from "./flat-reader.ts";
import { HISTORY, REFUSAL, STREAM_KEY } from "./generated/layout.ts";
import type { Refusal } from "./messages.ts";
import { MODE_NAMES, NAME_BYTES_MAX, REFUSAL_NAMES, TEXT_BYTES_MAX } from "./words.ts";

/** Requests hold the three of a key themselves, answers as a table: `slots` says where. */
export interface KeySlots { readonly sourceId: number; readonly symbol: number; readonly interval: number }

export function readKeyParts(table: FlatTable, slots: KeySlots): StreamKey {
  const sourceId = table.requiredText(slots.sourceId, "source_id", 32);
  if (!SOURCE_ID.test(sourceId)) throw malformed(`${table.named("source_id")} is ${JSON.stringify(sourceId)}; 1 … 32 of A-Z a-z 0-9 _ - are allowed`);
  const symbol = table.requiredText(slots.symbol, "symbol", 64);
  if (!BRIDGE_SYMBOL.test(symbol)) throw malformed(`${table.named("symbol")} is ${JSON.stringify(symbol)}; 1 … 64 of A-Z a-z 0-9 _ . - are allowed`);
  const interval = table.requiredText(slots.interval, "interval", 8);
  if (!isInterval(interval)) throw malformed(`${table.named("interval")} is ${JSON.stringify(interval)}, which this version does not know`);
  return { sourceId, symbol, interval };
}

export function readKey(table: FlatTable, slot: number): StreamKey {
  return readKeyParts(table.table(slot, "stream_key", "StreamKey"), STREAM_KEY);
}

export function readMode(table: FlatTable, slot: number): BridgeMode {
  const mode = MODE_NAMES[table.u8(slot)];
  if (mode === undefined) throw malformed(`${table.named("mode")} is ${table.u8(slot)}, which this version does not know`);
  return mode;
}

/** Never empty: sequences without a past would fit any. */
export function readHistoryId(table: FlatTable, slot: number): string {
  const historyId = table.requiredText(slot, "history_id", NAME_BYTES_MAX);
  if (historyId === "") throw malformed(`${table.named("history_id")} is empty`);
  return historyId;
}

export function readHistory(table: FlatTable, slot: number): History | undefined {
  const history = table.optionalTable(slot, "history", "History");
  if (history === undefined) return undefined;
  return {
    historyId: readHistoryId(history, HISTORY.historyId), mode: readMode(history, HISTORY.mode),
    lineage: history.requiredText(HISTORY.lineage, "lineage", NAME_BYTES_MAX),
    configDigest: history.requiredText(HISTORY.configDigest, "config_digest", NAME_BYTES_MAX),
    canonicalizerVersion: history.requiredText(HISTORY.canonicalizerVersion, "canonicalizer_version", NAME_BYTES_MAX),
    runId: history.text(HISTORY.runId, "run_id", NAME_BYTES_MAX),
  };
}

export function readRefusal(table: FlatTable): Refusal {
  const code = REFUSAL_NAMES[table.u8(REFUSAL.code)];
  if (code === undefined) throw malformed(`${table.named("code")} is ${table.u8(REFUSAL.code)}, which this version does not know`);
  return {
    code, detail: table.text(REFUSAL.detail, "detail", TEXT_BYTES_MAX), retryAfterMs: table.u32(REFUSAL.retryAfterMs),
    supportedVersion: table.u16(REFUSAL.supportedVersion),
  };
}

export function readOptionalRefusal(table: FlatTable, slot: number): Refusal | undefined {
  const refusal = table.optionalTable(slot, "refusal", "Refusal");
  return refusal === undefined ? undefined : readRefusal(refusal);
}
