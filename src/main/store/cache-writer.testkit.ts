// A process of its own that holds a cache: writes until it is killed, telling every acknowledged cursor; or only holds it. Started
// with one JSON argument, see `WriterOrders`; bundled by child.testkit.ts.
import { FaultError } from "../../shared/base.ts";
import type { BridgeCache, CacheBatch } from "../bridge/client/types.ts";
import type { StreamKey } from "../bridge/model.ts";
import { openBridgeCache } from "./bridge-cache.ts";
import { historyOf, KEY, madeEntries } from "./made-entries.testkit.ts";

export interface WriterOrders {
  readonly file: string;
  /** `write` until killed; `hold` until killed; `fill` until the first fault, then answer what it was and close. */
  readonly task: "write" | "hold" | "fill";
  readonly seed: number;
  readonly logMegabytesMax: number;
}

export const REMOTE = "far";
export const WRITER_KEYS: readonly StreamKey[] = [KEY, { ...KEY, symbol: "ETHUSDT" }, { ...KEY, sourceId: "other" }];

/** The made-up server lost these: a hole of 10 sequences, so often. */
const HOLE_EVERY = 400;
const HOLE_FROM = 301;
const HOLE_LENGTH = 10;

export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

/** Up to the next hole at most. */
function batchFrom(cursor: number, at: number, count: number): CacheBatch {
  const key = WRITER_KEYS[at] ?? KEY;
  const first = cursor + 1;
  const toHole = (HOLE_FROM - (first % HOLE_EVERY) + HOLE_EVERY) % HOLE_EVERY;
  return { key, history: historyOf("writer"), entries: madeEntries(key, { from: first, count: Math.min(count, toHole) }, at) };
}

async function write(cache: BridgeCache, random: () => number): Promise<never> {
  const known = await cache.streams(REMOTE);
  const cursors = WRITER_KEYS.map((key) => known.find((stream) => stream.key.symbol === key.symbol && stream.key.sourceId === key.sourceId)?.appliedSequence ?? 0);
  for (;;) {
    const touched = random() < 0.3 ? [0, 1, 2] : [Math.floor(random() * 3)];
    const batches: CacheBatch[] = [];
    for (const at of touched) {
      const cursor = cursors[at] ?? 0;
      if ((cursor + 1) % HOLE_EVERY === HOLE_FROM) {
        const hole = { fromSequence: cursor + 1, toSequence: cursor + HOLE_LENGTH, fromMs: cursor, toMs: undefined, why: "RETENTION_EXCEEDED" as const };
        await cache.skip(REMOTE, WRITER_KEYS[at] ?? KEY, historyOf("writer"), hole);
        cursors[at] = hole.toSequence;
      } else {
        const batch = batchFrom(cursor, at, 1 + Math.floor(random() * (random() < 0.5 ? 400 : 20)));
        batches.push(batch);
        cursors[at] = batch.entries.at(-1)?.sequence ?? cursor;
      }
    }
    await cache.applyMany(REMOTE, batches);
    say(cursors);
  }
}

/** Until nothing more goes in: what was refused and how, and that the cache still answers. */
async function fill(cache: BridgeCache): Promise<void> {
  let cursor = 0;
  for (;;) {
    try {
      await cache.apply(REMOTE, KEY, historyOf("writer"), madeEntries(KEY, { from: cursor + 1, count: 200 }));
      cursor += 200;
    } catch (error) {
      if (!(error instanceof FaultError)) throw error;
      const applied = (await cache.streams(REMOTE))[0]?.appliedSequence;
      const shown = (await cache.window(REMOTE, KEY, { untilOpenMs: undefined, bars: 50 })).bars.length;
      const closing = await cache.close().then(() => "closed", (reason: unknown) => (reason instanceof FaultError ? reason.fault.code : String(reason)));
      say({ ...error.fault, acknowledged: cursor, applied, shown, closing });
      return;
    }
  }
}

/** Only in the child: the test that starts it imports this file too. */
const orders = process.argv[2];
if (orders?.startsWith("{\"cacheWriter\":") === true) {
  const { file, task, seed, logMegabytesMax } = (JSON.parse(orders) as { cacheWriter: WriterOrders }).cacheWriter;
  const cache = await openBridgeCache(file, { logMegabytesMax, onNote: (note) => say({ note }) });
  say("open");
  if (task === "write") await write(cache, seeded(seed));
  else if (task === "fill") await fill(cache);
  else await new Promise(() => setInterval(() => undefined, 60_000));
}
