// The bridge's cache in DuckDB: what remotes said, so that the next start paints at once and asks only for what is newer.
import { isMainThread } from "node:worker_threads";
import { assert, fault, FaultError } from "../../shared/base.ts";
import type { BridgeCache, CacheBatch, CachedBar, CachedGrade, CachedStream, CachedWindow, SequenceHole } from "../bridge/client/types.ts";
import type { History, SequencedEntry, StreamKey } from "../bridge/model.ts";
import { cacheFault, troubleOf } from "./cache-faults.ts";
import { CacheFile } from "./cache-file.ts";
import { type CacheSession, LOG_MEGABYTES_MAX } from "./cache-session.ts";
import {
  BAR_FIELDS, type BarRow, barChunks, chunksOf, GAP_COLUMNS, GAP_FIELDS, type GapRow, GRADE_COLUMNS, GRADE_FIELDS, type GradeRow, readBars, readGaps, readGrades,
} from "./cache-tables.ts";
import {
  checkHistory, freshEntries, HOLE_FIELDS, isNewHole, keyText, newStream, readStreams, stateKey, STREAM_FIELDS, streamParameters, type StreamState,
} from "./cached-streams.ts";
import { newestGaps, windowOf } from "./cached-window.ts";

export interface BridgeCacheOptions {
  /** One line for people: a file that could not be used was set aside. */
  readonly onNote?: (note: string) => void;
  /** The log beside the file is folded into it when it is longer; 16 unless told. */
  readonly logMegabytesMax?: number;
}

/**
 * Opens or makes `file` (its folder too). Only on the main thread of a process: DuckDB ends the process when a thread that
 * holds it ends.
 * @throws FaultError `cache.in-use` when another process (or this one) has it open, `cache.no-access`, `cache.disk-full`, `cache.failed`.
 */
export async function openBridgeCache(file: string, options: BridgeCacheOptions = {}): Promise<BridgeCache> {
  assert(isMainThread, "DuckDB lives on the main thread of a process only");
  const cacheFile = await CacheFile.take(file, { onNote: options.onNote ?? (() => undefined), logMegabytesMax: options.logMegabytesMax ?? LOG_MEGABYTES_MAX });
  const cache = new DuckBridgeCache(cacheFile);
  try {
    await cache.open();
    return cache;
  } catch (error) {
    cacheFile.release();
    throw error;
  }
}

const INSERT_STREAM = `INSERT INTO streams (${STREAM_FIELDS}) VALUES (${Array.from({ length: 14 }, (_, at) => `$${at + 1}`).join(", ")})`;
const MOVE_CURSOR = "UPDATE streams SET applied_sequence = $2, bars = $3, newest_open_ms = $4 WHERE stream = $1";
const TABLES_OF_A_STREAM = ["bars", "grades", "gaps", "holes", "streams"];

interface Additions {
  readonly bars: BarRow[];
  readonly grades: GradeRow[];
  readonly gaps: GapRow[];
}

/** A stream as it will be, and what of it is not in the file yet. */
interface Staged {
  state: StreamState;
  readonly known: boolean;
  readonly fresh: SequencedEntry[];
}

class DuckBridgeCache implements BridgeCache {
  readonly #file: CacheFile;
  /** Undefined after an error: the next call opens anew, so that no half-done transaction lives on. */
  #session: CacheSession | undefined;
  #states = new Map<string, StreamState>();
  #closed = false;
  /** The calls in their order. Its callers wait for their answers, so that it stays short. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(file: CacheFile) {
    this.#file = file;
  }

  open(): Promise<void> {
    return this.#inTurn("open", async () => undefined);
  }

  streams(remote: string): Promise<readonly CachedStream[]> {
    return this.#inTurn("read", async () =>
      [...this.#states.values()].filter((state) => state.remote === remote)
        .map(({ key, history, appliedSequence, holes, bars }) => ({ key, history, appliedSequence, holes, bars }))
        .sort((a, b) => (keyText(a.key) < keyText(b.key) ? -1 : 1)),
    );
  }

  window(remote: string, key: StreamKey, range: { readonly untilOpenMs: number | undefined; readonly bars: number }): Promise<CachedWindow> {
    assert(Number.isSafeInteger(range.bars) && range.bars >= 0, `a window has a whole number of bars, got ${range.bars}`);
    return this.#inTurn("read", async (session) => {
      const state = this.#states.get(stateKey(remote, key));
      if (state === undefined) return { bars: [], empty: [], gaps: [], corrections: [], moreBefore: false };
      return await readWindow(session, state, range);
    });
  }

  versions(remote: string, key: StreamKey, openMs: number): Promise<readonly CachedBar[]> {
    return this.#ofStream(remote, key, async (session, { stream }) =>
      readBars(await session.read(`SELECT ${BAR_FIELDS} FROM bars WHERE stream = $1 AND open_ms = $2`, [stream, openMs])).sort(bySequence));
  }

  gradeHistory(remote: string, key: StreamKey, openMs: number): Promise<readonly CachedGrade[]> {
    return this.#ofStream(remote, key, async (session, { stream }) => {
      const bars = readBars(await session.read(`SELECT ${BAR_FIELDS} FROM bars WHERE stream = $1 AND open_ms = $2 AND grade IS NOT NULL`, [stream, openMs]));
      const sayings = readGrades(await session.read(
        `SELECT ${GRADE_FIELDS} FROM grades WHERE stream = $1 AND from_open_ms <= $2 AND until_open_ms > $2`, [stream, openMs],
      ));
      return [
        ...bars.flatMap(({ grade, sequence, atSeq }) => (grade === undefined ? [] : [{ grade, why: "", sequence, atSeq }])),
        ...sayings.map(({ grade, why, sequence, atSeq }) => ({ grade, why, sequence, atSeq })),
      ].sort(bySequence);
    });
  }

  apply(remote: string, key: StreamKey, history: History, entries: readonly SequencedEntry[]): Promise<void> {
    return this.applyMany(remote, [{ key, history, entries }]);
  }

  applyMany(remote: string, batches: readonly CacheBatch[]): Promise<void> {
    return this.#inTurn("write to", async (session) => {
      const staged = this.#stage(remote, batches);
      if (staged.length === 0) return;
      const additions: Additions = { bars: [], grades: [], gaps: [] };
      for (const one of staged) await prepareRows(session, one, additions);
      const chunks = { bars: barChunks(additions.bars), grades: chunksOf(GRADE_COLUMNS, additions.grades), gaps: chunksOf(GAP_COLUMNS, additions.gaps) };
      await session.transaction(async () => {
        await session.append("bars", chunks.bars);
        await session.append("grades", chunks.grades);
        await session.append("gaps", chunks.gaps);
        for (const { state, known } of staged) await writeState(session, state, known);
      });
      for (const { state } of staged) this.#remember(state);
    });
  }

  skip(remote: string, key: StreamKey, history: History, hole: SequenceHole): Promise<void> {
    return this.#inTurn("write to", async (session) => {
      const { state, known } = this.#stageOf(remote, key, history);
      if (!isNewHole(state, hole)) return;
      const { fromSequence, toSequence, fromMs, toMs, why } = hole;
      const after = { ...state, appliedSequence: toSequence, holes: [...state.holes, { fromSequence, toSequence, fromMs, toMs, why }] };
      await session.transaction(async () => {
        await session.write(`INSERT INTO holes (${HOLE_FIELDS}) VALUES ($1, $2, $3, $4, $5, $6)`, [state.stream, fromSequence, toSequence, fromMs, toMs, why]);
        await writeState(session, after, known);
      });
      this.#remember(after);
    });
  }

  reset(remote: string, key: StreamKey): Promise<void> {
    return this.#inTurn("write to", async (session) => {
      const state = this.#states.get(stateKey(remote, key));
      if (state === undefined) return;
      await session.transaction(async () => {
        for (const table of TABLES_OF_A_STREAM) await session.write(`DELETE FROM ${table} WHERE stream = $1`, [state.stream]);
      });
      this.#states.delete(stateKey(remote, key));
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return await this.#last.then(() => undefined);
    const closing = this.#inTurn("close", (session) => session.execute("CHECKPOINT"));
    this.#closed = true;
    this.#last = closing.then(() => this.#end(), () => this.#end());
    try {
      await closing;
    } finally {
      await this.#last;
    }
  }

  #end(): void {
    this.#session?.close();
    this.#session = undefined;
    this.#file.release();
  }

  #ofStream<T>(remote: string, key: StreamKey, run: (session: CacheSession, state: StreamState) => Promise<readonly T[]>): Promise<readonly T[]> {
    return this.#inTurn("read", async (session) => {
      const state = this.#states.get(stateKey(remote, key));
      return state === undefined ? [] : await run(session, state);
    });
  }

  #inTurn<T>(doing: string, run: (session: CacheSession) => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(fault("cache.closed", `Cannot ${doing} the bridge cache ${this.#file.path}: it was closed`));
    const turn = this.#last.then(async () => {
      try {
        this.#session ??= await this.#opened();
        return await run(this.#session);
      } catch (error) {
        throw await this.#afterError(error, doing);
      }
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #opened(): Promise<CacheSession> {
    const session = await this.#file.open();
    try {
      const streams = await session.read(`SELECT ${STREAM_FIELDS} FROM streams`, []);
      const holes = await session.read(`SELECT ${HOLE_FIELDS} FROM holes ORDER BY from_sequence`, []);
      this.#states = new Map(readStreams(streams, holes).map((state) => [stateKey(state.remote, state.key), state]));
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /** What was refused before anything was written leaves the session as it is; after anything else it begins anew. */
  async #afterError(error: unknown, doing: string): Promise<unknown> {
    if (error instanceof FaultError || (error instanceof Error && error.message.startsWith("Invariant"))) return error;
    this.#session?.close();
    this.#session = undefined;
    const refused = cacheFault(error, doing, this.#file.path);
    if (troubleOf(error) === "damaged") await this.#file.setAside(refused.message);
    return refused;
  }

  #stage(remote: string, batches: readonly CacheBatch[]): readonly Staged[] {
    const staged = new Map<string, Staged>();
    for (const { key, history, entries } of batches) {
      const name = stateKey(remote, key);
      const one = staged.get(name) ?? this.#stageOf(remote, key, history, staged.size);
      checkHistory(one.state, history);
      const fresh = freshEntries(one.state, entries);
      one.fresh.push(...fresh);
      one.state = { ...one.state, appliedSequence: fresh.at(-1)?.sequence ?? one.state.appliedSequence };
      staged.set(name, one);
    }
    return [...staged.values()].filter(({ known, fresh }) => !known || fresh.length > 0);
  }

  #stageOf(remote: string, key: StreamKey, history: History, stagedBefore = 0): Staged {
    const known = this.#states.get(stateKey(remote, key));
    if (known !== undefined) checkHistory(known, history);
    const stream = Math.max(0, ...[...this.#states.values()].map((state) => state.stream)) + 1 + stagedBefore;
    return { state: known ?? newStream({ stream, remote, key, history }), known: known !== undefined, fresh: [] };
  }

  #remember(state: StreamState): void {
    this.#states.set(stateKey(state.remote, state.key), state);
  }
}

function bySequence(a: { readonly sequence: number }, b: { readonly sequence: number }): number {
  return a.sequence - b.sequence;
}

async function writeState(session: CacheSession, state: StreamState, known: boolean): Promise<void> {
  if (known) await session.write(MOVE_CURSOR, [state.stream, state.appliedSequence, state.bars, state.newestOpenMs]);
  else await session.write(INSERT_STREAM, streamParameters(state));
}

/** Sorts the entries into their tables, and finds out which bars are the first of their bucket. */
async function prepareRows(session: CacheSession, staged: Staged, additions: Additions): Promise<void> {
  const { state } = staged;
  const { stream, newestOpenMs = -Infinity } = state;
  const seen = await oldBuckets(session, stream, staged.fresh.flatMap((entry) => (entry.kind === "bar" && entry.bar.openMs <= newestOpenMs ? [entry.bar.openMs] : [])));
  let { bars } = state;
  let newest = newestOpenMs;
  for (const entry of staged.fresh) {
    if (entry.kind === "bar") {
      const { openMs } = entry.bar;
      const first = !seen.has(openMs);
      seen.add(openMs);
      if (first) bars += 1;
      newest = Math.max(newest, openMs);
      additions.bars.push({ stream, entry, first });
    } else if (entry.kind === "grade") additions.grades.push({ stream, entry });
    else additions.gaps.push({ stream, entry });
  }
  staged.state = { ...state, bars, newestOpenMs: newest === -Infinity ? undefined : newest };
}

/** Which of these buckets, none newer than the newest, have a bar already. */
async function oldBuckets(session: CacheSession, stream: number, candidates: readonly number[]): Promise<Set<number>> {
  if (candidates.length === 0) return new Set();
  const from = candidates.reduce((least, openMs) => Math.min(least, openMs));
  const to = candidates.reduce((most, openMs) => Math.max(most, openMs));
  const [found = []] = await session.read("SELECT open_ms FROM bars WHERE stream = $1 AND first AND open_ms BETWEEN $2 AND $3", [stream, from, to]);
  return new Set(found.map(Number));
}

/** Bounds for statements where a window has none. */
const ALWAYS = Number.MAX_SAFE_INTEGER;

async function readWindow(
  session: CacheSession, { stream, key }: StreamState, range: { readonly untilOpenMs: number | undefined; readonly bars: number },
): Promise<CachedWindow> {
  const until = range.untilOpenMs ?? ALWAYS;
  const [newestFirst = []] = await session.read(
    "SELECT open_ms FROM bars WHERE stream = $1 AND first AND open_ms < $2 ORDER BY open_ms DESC LIMIT $3", [stream, until, range.bars + 1],
  );
  const moreBefore = newestFirst.length > range.bars;
  if (range.bars === 0) return { bars: [], empty: [], gaps: [], corrections: [], moreBefore };
  const from = moreBefore ? Number(newestFirst[range.bars - 1]) : -ALWAYS;
  const versions = readBars(await session.read(`SELECT ${BAR_FIELDS} FROM bars WHERE stream = $1 AND open_ms >= $2 AND open_ms < $3`, [stream, from, until]));
  const sayings = readGrades(await session.read(
    `SELECT ${GRADE_FIELDS} FROM grades WHERE stream = $1 AND until_open_ms > $2 AND from_open_ms < $3`, [stream, from, until],
  ));
  // Every version of each gap that touches the window in one of them; which one holds is decided below.
  const gaps = newestGaps(readGaps(await session.read(
    `SELECT ${GAP_FIELDS} FROM gaps WHERE stream = $1 AND gap_id IN (SELECT gap_id FROM gaps WHERE stream = $1 AND (to_ms IS NULL OR to_ms >= $2) AND from_ms < $3)`,
    [stream, from, until],
  ))).filter(({ fromMs, toMs }) => fromMs < until && (toMs ?? until) >= from);
  const span = { fromMs: moreBefore ? from : -Infinity, untilMs: range.untilOpenMs ?? Infinity };
  return { ...windowOf({ interval: key.interval, span, versions, sayings }), gaps, moreBefore };
}
