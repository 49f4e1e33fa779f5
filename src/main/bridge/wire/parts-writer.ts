// The tables that many messages share: stream keys, histories, refusals.
import { assert } from "../../../shared/base.ts";
import { SOURCE_ID } from "../../../shared/market.ts";
import { isInterval } from "../../../shared/time.ts";
import { BRIDGE_SYMBOL, type History, type StreamKey } from "../model.ts";
import type { FlatWriter, Ref } from "./flat-writer.ts";
import { HISTORY, REFUSAL, STREAM_KEY } from "./generated/layout.ts";
import type { Refusal } from "./messages.ts";
import { freeText, nameText } from "./text-writer.ts";
import { MODE_NUMBERS, REFUSAL_NUMBERS } from "./words.ts";

/** Requests hold the three of a key themselves, answers as a table: `slots` says where. Nothing but links is written, so other links may follow. */
export interface KeySlots { readonly sourceId: number; readonly symbol: number; readonly interval: number }

export function linkKeyParts(writer: FlatWriter, { sourceId, symbol, interval }: StreamKey, slots: KeySlots): void {
  assert(SOURCE_ID.test(sourceId), `a source id is 1 … 32 of A-Z a-z 0-9 _ -, got ${JSON.stringify(sourceId)}`);
  assert(BRIDGE_SYMBOL.test(symbol), `a symbol is 1 … 64 of A-Z a-z 0-9 _ . -, got ${JSON.stringify(symbol)}`);
  assert(isInterval(interval), `unknown interval ${JSON.stringify(interval)}`);
  writer.link(slots.sourceId, writer.sharedText(sourceId));
  writer.link(slots.symbol, writer.sharedText(symbol));
  writer.link(slots.interval, writer.sharedText(interval));
}

export function writeKey(writer: FlatWriter, key: StreamKey): Ref {
  linkKeyParts(writer, key, STREAM_KEY);
  return writer.end();
}

export function writeHistoryId(writer: FlatWriter, historyId: string): Ref {
  assert(historyId !== "", "a history id may not be empty: sequences without a past would fit any");
  return nameText(writer, historyId, "history_id");
}

export function writeHistory(writer: FlatWriter, history: History | undefined): Ref | undefined {
  if (history === undefined) return undefined;
  const historyId = writeHistoryId(writer, history.historyId);
  const lineage = nameText(writer, history.lineage, "lineage");
  const configDigest = nameText(writer, history.configDigest, "config_digest");
  const version = nameText(writer, history.canonicalizerVersion, "canonicalizer_version");
  const runId = history.runId === "" ? undefined : nameText(writer, history.runId, "run_id");
  writer.link(HISTORY.historyId, historyId);
  writer.u8(HISTORY.mode, MODE_NUMBERS[history.mode]);
  writer.link(HISTORY.lineage, lineage);
  writer.link(HISTORY.configDigest, configDigest);
  writer.link(HISTORY.canonicalizerVersion, version);
  writer.link(HISTORY.runId, runId);
  return writer.end();
}

export function writeRefusal(writer: FlatWriter, refusal: Refusal): Ref {
  const detail = freeText(writer, refusal.detail);
  writer.u8(REFUSAL.code, REFUSAL_NUMBERS[refusal.code]);
  writer.link(REFUSAL.detail, detail);
  writer.u32(REFUSAL.retryAfterMs, refusal.retryAfterMs);
  writer.u16(REFUSAL.supportedVersion, refusal.supportedVersion);
  return writer.end();
}

export function writeOptionalRefusal(writer: FlatWriter, refusal: Refusal | undefined): Ref | undefined {
  return refusal === undefined ? undefined : writeRefusal(writer, refusal);
}
