// The raw log's vocabulary: what one recorded message is, to writers and readers alike. Pure.
import type { MessageSource, StreamRef } from "./market.ts";
import { streamRef } from "./market.ts";

/** Version of the ten-field raw event schema (contract 000) as Tapedeck writes it. */
export const RAW_SCHEMA_VERSION = 1;

/** What a writer is given. `seq` and `ingest_seq` are absent on purpose: only the writer stamps them. */
export interface RawDraft {
  readonly stream: StreamRef;
  readonly source: MessageSource;
  /** Names the socket or request series, unique within the capture: `binance-usdm.ws.3`, `import.1`. */
  readonly connection: string;
  readonly recvNs: bigint;
  /** Venue time of the message, 0n when it carries none. */
  readonly eventNs: bigint;
  /** Exactly the bytes received. */
  readonly payload: Uint8Array;
}

/** One message of the log. `seq` is THE order: dense per capture, from 1. */
export interface RawRecord extends RawDraft {
  readonly seq: number;
  /** Strictly increasing per stream, from 1. */
  readonly ingestSeq: number;
}

/** More items in one message than this are refused: the sub-position has 16 bits. */
export const ITEMS_PER_MESSAGE_MAX = 65_535;

/** Contract 001's event `seq`: raw seq × 2^16 + position in the message. */
export function eventSeq(rawSeq: number, position: number): bigint {
  return BigInt(rawSeq) * 65_536n + BigInt(position);
}
export function rawSeqOf(seq: bigint): number {
  return Number(seq / 65_536n);
}
export function positionOf(seq: bigint): number {
  return Number(seq % 65_536n);
}

/** The one stream that Tapedeck itself writes: control records (see control.ts). */
export const CONTROL_STREAM: StreamRef = Object.freeze(streamRef("tapedeck", "_", "control"));
export const CONTROL_CONNECTION = "tapedeck";
