// What the cache knows of each stream by heart: cursor, history, holes, counts; and which of the entries offered to it are new.
import type { DuckDBValue } from "@duckdb/node-api";
import { assert, fault } from "../../shared/base.ts";
import { isInterval } from "../../shared/time.ts";
import type { CacheBatch, CachedStream, SequenceHole } from "../bridge/client/types.ts";
import type { BridgeMode, History, SequencedEntry, StreamKey } from "../bridge/model.ts";

export interface StreamState extends CachedStream {
  /** Of its rows in the file. */
  readonly stream: number;
  readonly remote: string;
  /** Undefined as long as there are no bars. */
  readonly newestOpenMs: number | undefined;
}

/** As the bridge names a stream: no source has a dot, and no interval. */
export function keyText({ sourceId, symbol, interval }: StreamKey): string {
  return `${sourceId}.${symbol}.${interval}`;
}

/** A remote's settings id says nothing about dots or blanks; a stream's name has no line break. */
export function stateKey(remote: string, key: StreamKey): string {
  return `${remote}\n${keyText(key)}`;
}

export function newStream(options: { readonly stream: number; readonly remote: string; readonly key: StreamKey; readonly history: History }): StreamState {
  const { sourceId, symbol, interval } = options.key;
  return { ...options, key: { sourceId, symbol, interval }, appliedSequence: 0, holes: [], bars: 0, newestOpenMs: undefined };
}

const nameOf = (state: StreamState): string => `${keyText(state.key)} of remote ${state.remote}`;

/** @throws FaultError `cache.other-history`. */
export function checkHistory(state: StreamState, history: History): void {
  if (state.history.historyId === history.historyId) return;
  throw fault(
    "cache.other-history",
    `Cannot add to ${nameOf(state)}: it is cached under history ${state.history.historyId}, this is ${history.historyId}; reset the stream first`,
  );
}

/** The entries behind the cursor. @throws FaultError `cache.out-of-order` when one is missing before or among them. */
export function freshEntries(state: StreamState, entries: CacheBatch["entries"]): readonly SequencedEntry[] {
  const first = entries[0]?.sequence ?? state.appliedSequence + 1;
  const breakAt = entries.findIndex(({ sequence }, index) => sequence !== first + index);
  if (breakAt !== -1) throw outOfOrder(state, `sequence ${entries[breakAt]?.sequence} after ${first + breakAt - 1}`);
  if (first > state.appliedSequence + 1) throw outOfOrder(state, `sequence ${first} after ${state.appliedSequence}`);
  return entries.slice(state.appliedSequence + 1 - first);
}

/** False when the hole lies behind the cursor already. @throws FaultError `cache.out-of-order` unless it begins right after it. */
export function isNewHole(state: StreamState, hole: SequenceHole): boolean {
  assert(hole.fromSequence <= hole.toSequence, `a hole goes forward, got ${hole.fromSequence} to ${hole.toSequence}`);
  if (hole.toSequence <= state.appliedSequence) return false;
  if (hole.fromSequence !== state.appliedSequence + 1) throw outOfOrder(state, `a hole from ${hole.fromSequence} to ${hole.toSequence} after ${state.appliedSequence}`);
  return true;
}

function outOfOrder(state: StreamState, what: string): Error {
  return fault("cache.out-of-order", `Cannot add to ${nameOf(state)}: ${what}; next is ${state.appliedSequence + 1}`);
}

export const STREAM_FIELDS =
  "stream, remote, source_id, symbol, interval, history_id, mode, lineage, config_digest, canonicalizer_version, run_id, applied_sequence, bars, newest_open_ms";
export const HOLE_FIELDS = "stream, from_sequence, to_sequence, from_ms, to_ms, why";

type Columns = readonly (readonly DuckDBValue[])[];

const numberOrNone = (value: DuckDBValue | undefined): number | undefined => (value === null || value === undefined ? undefined : Number(value));

export function readStreams(streams: Columns, holes: Columns): StreamState[] {
  const holesOf = new Map<number, SequenceHole[]>();
  holes[0]?.forEach((id, row) => holesOf.set(Number(id), [...(holesOf.get(Number(id)) ?? []), readHole(holes, row)]));
  return (streams[0] ?? []).map((id, row) => {
    const text = (column: number): string => streams[column]?.[row] as string;
    const stream = Number(id);
    const interval = text(4);
    assert(isInterval(interval), `the cache holds an interval ${interval}`);
    return {
      stream, remote: text(1), key: { sourceId: text(2), symbol: text(3), interval },
      history: {
        historyId: text(5), mode: text(6) as BridgeMode, lineage: text(7), configDigest: text(8), canonicalizerVersion: text(9), runId: text(10),
      },
      appliedSequence: Number(streams[11]?.[row]), bars: Number(streams[12]?.[row]), newestOpenMs: numberOrNone(streams[13]?.[row]),
      holes: holesOf.get(stream) ?? [],
    };
  });
}

function readHole(holes: Columns, row: number): SequenceHole {
  return {
    fromSequence: Number(holes[1]?.[row]), toSequence: Number(holes[2]?.[row]), fromMs: numberOrNone(holes[3]?.[row]), toMs: numberOrNone(holes[4]?.[row]),
    why: holes[5]?.[row] as SequenceHole["why"],
  };
}

export function streamParameters(state: StreamState): readonly (string | number | undefined)[] {
  const { key, history } = state;
  return [
    state.stream, state.remote, key.sourceId, key.symbol, key.interval,
    history.historyId, history.mode, history.lineage, history.configDigest, history.canonicalizerVersion, history.runId,
    state.appliedSequence, state.bars, state.newestOpenMs,
  ];
}
