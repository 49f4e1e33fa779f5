// Seeking and stepping back in a capture of ten million events, through the tape that the player holds (all intervals, as on
// screen). The first pass over the capture, which makes checkpoints, is reported by itself.
import { marketCapture } from "./kit/captures.mjs";
import { hasSharedCapture, MARKET_NAME, SYMBOL } from "./kit/market.mjs";
import { product } from "./kit/product.mjs";
import { note, progress, progressDone, quantile, Report } from "./kit/report.mjs";

const EVENTS = 10_000_000;
const SAMPLES = 300;
const FAR_SAMPLES = 100;
const FAR = 100;
const INDEX_PIECE = 250_000;
const SEEK_P99_MS = 50;
const STEP_P99_MS = 20;

const { openReader } = await product("main/rawlog/reader");
const { NodeDisk } = await product("main/rawlog/node-disk");
const { sha256 } = await product("main/rawlog/sha256");
const { NodeClock } = await product("main/net/node-clock");
const { openTape } = await product("main/replay/tape");
const { decoderLookup } = await product("main/venues/registry");

const never = new AbortController().signal;

/** Mulberry32, so that each run looks at the same places. */
function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function timed(run) {
  const started = performance.now();
  await run();
  return performance.now() - started;
}

async function indexAll(tape) {
  const started = performance.now();
  for (let seq = INDEX_PIECE; tape.indexedSeq < tape.endSeq; seq += INDEX_PIECE) {
    await tape.index(seq, never);
    progress(`${tape.indexedSeq.toLocaleString("en-US")} of ${tape.endSeq.toLocaleString("en-US")} indexed`);
  }
  progressDone();
  return performance.now() - started;
}

async function stepBack(tape, count) {
  const { ordinal } = tape.point;
  const took = await timed(() => tape.stepEvents(-count, never));
  const expected = Math.max(0, ordinal - count);
  if (tape.point.ordinal !== expected) throw new Error(`stepped back ${count} from event ${ordinal} to ${tape.point.ordinal} instead of ${expected}`);
  return took;
}

function addQuantiles(report, name, milliseconds, p99) {
  report.one({ name: `${name}, p50`, value: quantile(milliseconds, 0.5), unit: "ms" });
  report.one({ name: `${name}, p99`, value: quantile(milliseconds, 0.99), unit: "ms", target: p99 === undefined ? undefined : { atMost: p99 } });
}

async function measure(tape, report) {
  const random = seeded(1);
  const somewhere = () => 1 + Math.floor(random() * tape.endSeq);
  const { fromNs, toNs } = tape.range;
  const fromMs = Number(fromNs / 1_000_000n);
  const spanMs = Number((toNs - fromNs) / 1_000_000n);
  const bySeq = [];
  const byTime = [];
  const afterSeek = [];
  const consecutive = [];
  const far = [];
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const seq = somewhere();
    bySeq.push(await timed(() => tape.seekSeq(seq, undefined, never)));
    if (tape.point.seq > seq) throw new Error(`sought seq ${seq}, stands at ${tape.point.seq}`);
    afterSeek.push(await stepBack(tape, 1));
  }
  for (let sample = 0; sample < SAMPLES; sample += 1) {
    const ms = fromMs + random() * spanMs;
    byTime.push(await timed(() => tape.seekTime({ ms, fit: "clamped" }, never)));
  }
  await tape.seekSeq(somewhere(), undefined, never);
  for (let sample = 0; sample < SAMPLES * 3; sample += 1) consecutive.push(await stepBack(tape, 1));
  for (let sample = 0; sample < FAR_SAMPLES; sample += 1) {
    await tape.seekSeq(somewhere(), undefined, never);
    far.push(await stepBack(tape, FAR));
  }
  addQuantiles(report, "seek to a random event", bySeq, SEEK_P99_MS);
  addQuantiles(report, "seek to a random time", byTime, SEEK_P99_MS);
  addQuantiles(report, "step back by one after a seek", afterSeek, STEP_P99_MS);
  addQuantiles(report, "step back by one, one after another", consecutive, STEP_P99_MS);
  addQuantiles(report, `step back by ${FAR} after a seek`, far, STEP_P99_MS);
}

function megabytes(bytes) {
  return bytes / 1e6;
}

if (!hasSharedCapture) note(`seek: ../shared/data is absent, measured on ${MARKET_NAME}`);
const folder = await marketCapture({ count: EVENTS });
globalThis.gc?.();
const before = process.memoryUsage();
const reader = await openReader({ disk: new NodeDisk(), folder });
const tape = await openTape({ reader, decoders: decoderLookup, sha256, clock: new NodeClock(), instruments: [{ venue: "binance-usdm", symbol: SYMBOL }] });
const indexMs = await indexAll(tape);
const report = new Report("seek");
report.one({ name: `first pass over ${EVENTS.toLocaleString("en-US")} events`, value: indexMs / 1_000, unit: "s" });
report.one({ name: "… rate", value: (EVENTS * 1_000) / indexMs, unit: "events/s" });
report.one({ name: "… checkpoints", value: tape.checkpointCount, unit: "" });
await measure(tape, report);
globalThis.gc?.();
const after = process.memoryUsage();
report.one({ name: "heap and buffers that the tape holds", value: megabytes(after.heapUsed + after.external - before.heapUsed - before.external), unit: "MB" });
report.one({ name: "resident memory of the process", value: megabytes(after.rss), unit: "MB" });
report.print();
await tape.close();
