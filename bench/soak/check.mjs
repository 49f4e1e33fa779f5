// After a soak: what the simulator said against what the log holds, and what is missing against what the gap ledger says of it.
import { spawnSync } from "node:child_process";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { product } from "../kit/product.mjs";
import { VENUES } from "./simulator.mjs";

const TAPEDECK = fileURLToPath(new URL("../../bin/tapedeck.mjs", import.meta.url));
const FOLD = new Map(VENUES.map(({ venue, fold }) => [venue, fold]));

/** What each fault may rightly be called in the ledger. Faults that lose nothing are not here. */
const CAUSES = {
  drop: ["id_hole", "venue_candle"],
  malformed: ["quarantine", "id_hole", "venue_candle"],
  disconnect: ["disconnect"],
  "abrupt-disconnect": ["disconnect"],
  "refuse-connections": ["disconnect"],
  "half-open": ["silent", "disconnect"],
  "stall-after-ack": ["first_frame_deadline", "disconnect"],
  "host-sleep": ["host_slept", "disconnect"],
  "clock-step": ["host_slept", "disconnect"],
  // The venue hangs up on who does not read: what a sleep can lead to.
  "slow-consumer": ["disconnect", "host_slept"],
};
/** A fault explains what begins up to this long after it: silence is noticed late, and reconnecting takes its time. */
const AFTER_MS = 75_000;
const BEFORE_MS = 8_000;

/** FNV-1a, as the simulator's account has it. */
function idHash(id) {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index += 1) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** Ids [from, to] as text, ascending, of one trade event; single trades where `singles`. */
function idsOf(event, singles) {
  if (singles && event.firstTradeId !== undefined) return { from: event.firstTradeId, to: event.lastTradeId };
  if (event.sequenceId !== undefined) return { from: event.sequenceFromId ?? event.sequenceId, to: event.sequenceId };
  return { id: event.tradeId };
}

class StreamCount {
  frames = 0;
  ids = 0;
  sum = 0;
  xor = 0;

  add(id) {
    const hash = idHash(id);
    this.ids += 1;
    this.sum = (this.sum + hash) % 2 ** 48;
    this.xor = (this.xor ^ hash) >>> 0;
  }
}

/** Everything that the log holds: frames per stream, ids of the fold streams over the socket, and which single trades it knows from anywhere. */
async function readLog(folder) {
  const { openReader } = await product("main/rawlog/reader");
  const { NodeDisk } = await product("main/rawlog/node-disk");
  const { decoderLookup } = await product("main/venues/registry");
  const reader = await openReader({ disk: new NodeDisk(), folder });
  await reader.refresh();
  const counts = new Map();
  const known = new Map();
  const seqs = { last: 0, holes: 0 };
  for await (const batch of reader.batches({})) {
    for (const record of batch) {
      if (record.seq !== seqs.last + 1) seqs.holes += 1;
      seqs.last = record.seq;
      const { stream, source } = record;
      if (stream.venue === "tapedeck") continue;
      let count = counts.get(stream.streamId);
      if (count === undefined) counts.set(stream.streamId, (count = new StreamCount()));
      if (source === "ws") count.frames += 1;
      if (FOLD.get(stream.venue) !== stream.channel) continue;
      const outcome = decoderLookup(stream)?.(record.payload, { stream, source, recvNs: record.recvNs });
      if (outcome?.kind !== "events") continue;
      let trades = known.get(`${stream.venue}:${stream.symbol}`);
      if (trades === undefined) known.set(`${stream.venue}:${stream.symbol}`, (trades = new Set()));
      for (const event of outcome.events) {
        if (event.kind !== "trade") continue;
        if (source === "ws") {
          const own = idsOf(event, false);
          if (own.id !== undefined) count.add(own.id);
          else for (let id = own.from; id <= own.to; id += 1) count.add(String(id));
        }
        const single = idsOf(event, true);
        if (single.id !== undefined) trades.add(single.id);
        else for (let id = single.from; id <= single.to; id += 1) trades.add(String(id));
      }
    }
  }
  await reader.close();
  return { counts, known, seqs };
}

function readGaps(folder) {
  const data = dirname(dirname(folder));
  const answer = spawnSync(process.execPath, [TAPEDECK, "gaps", "--data", data, "--capture", basename(folder), "--json"], { encoding: "utf8", maxBuffer: 1 << 30 });
  if (answer.status !== 0) throw new Error(`tapedeck gaps ended with ${answer.status}: ${answer.stderr}`);
  return answer.stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** Undisturbed: every frame that was said is in the log, once, with exactly the ids that were said. */
function checkExact(said, { counts }, findings) {
  let frames = 0;
  let wrong = 0;
  for (const stream of said.streams) {
    const id = `${stream.venue}:${stream.symbol}:${stream.channel}`;
    const found = counts.get(id);
    frames += stream.frames;
    if ((found?.frames ?? 0) !== stream.frames) {
      wrong += Math.abs((found?.frames ?? 0) - stream.frames);
      findings.push(`${id}: ${stream.frames} frames were said, ${found?.frames ?? 0} are in the log`);
    } else if (found !== undefined && FOLD.get(stream.venue) === stream.channel && (found.ids !== stream.saidIds || found.sum !== stream.saidSum || found.xor !== stream.saidXor)) {
      wrong += 1;
      findings.push(`${id}: the ids in the log (${found.ids}) are not those that were said (${stream.saidIds})`);
    }
  }
  return { frames, wrong };
}

const gapUntil = (gap) => gap.to_ts_ms ?? Number.POSITIVE_INFINITY;

/** Faults near a time at a venue, by the names that the ledger may use for them. */
function causesNear(faults, { venue, symbol, fromMs, toMs }) {
  const near = faults.filter((fault) => (fault.venue === undefined || fault.venue === venue) && (fault.symbol === undefined || fault.symbol === symbol) &&
    fault.atMs >= fromMs - AFTER_MS && fault.atMs <= toMs + BEFORE_MS);
  return new Set(near.flatMap(({ name }) => CAUSES[name] ?? []));
}

function checkLedger({ gaps, trades, known, faults, findings }) {
  let missing = 0;
  let uncovered = 0;
  let wrongCause = 0;
  for (const [instrument, made] of trades) {
    const have = known.get(instrument) ?? new Set();
    const first = made.findIndex(({ id }) => have.has(id));
    const [venue, symbol] = instrument.split(":");
    const own = gaps.filter(({ stream_id: id }) => id === `${instrument}:${FOLD.get(venue)}`);
    for (const { id, timeMs, market } of made.slice(Math.max(0, first))) {
      if (!market || have.has(id)) continue;
      missing += 1;
      const covering = own.filter((gap) => gap.state !== "repaired" && gap.from_ts_ms <= timeMs && timeMs <= gapUntil(gap));
      if (covering.length === 0) {
        uncovered += 1;
        const near = own.filter((gap) => gap.from_ts_ms - 5_000 <= timeMs && timeMs <= gapUntil(gap) + 5_000).map((gap) => `${gap.cause} ${gap.state} ${gap.from_ts_ms}…${gap.to_ts_ms}`);
        findings.unshift(`${instrument} trade ${id} of ${timeMs} is missing and under no entry of the ledger; near it: ${near.join(", ") || "nothing"}`);
        continue;
      }
      // A gap has the cause of its beginning; what goes wrong while it is open opens no other.
      const allowed = causesNear(faults, { venue, symbol, fromMs: Math.min(timeMs, ...covering.map((gap) => gap.from_ts_ms)), toMs: timeMs });
      if (covering.some(({ cause }) => allowed.has(cause))) continue;
      wrongCause += 1;
      findings.push(`${instrument} trade ${id}: the ledger says ${covering.map(({ cause }) => cause).join(", ")}, the faults near it would be ${[...allowed].join(", ") || "none"}`);
    }
  }
  return { missing, uncovered, wrongCause };
}

function checkReasons({ gaps, faults, findings }) {
  let baseless = 0;
  for (const gap of gaps) {
    const [venue, symbol] = gap.stream_id.split(":");
    const allowed = causesNear(faults, { venue, symbol, fromMs: gap.from_ts_ms, toMs: Math.min(gapUntil(gap), gap.from_ts_ms + AFTER_MS) });
    if (allowed.has(gap.cause)) continue;
    baseless += 1;
    findings.push(`the ledger's ${gap.stream_id} ${gap.cause} ${new Date(gap.from_ts_ms).toISOString()} (${gap.state}: ${gap.detail}) has no fault behind it`);
  }
  return baseless;
}

export async function checkCapture({ folder, said, ledger, trades, injected, isFaulty }) {
  const findings = [];
  const log = await readLog(folder);
  // A recording that was stopped on purpose ends every stream.
  const gaps = readGaps(folder);
  const figures = [{ what: "messages in the log", value: log.seqs.last }, { what: "holes in the numbering", value: log.seqs.holes, target: { atMost: 0 } }];
  if (!isFaulty) {
    const { frames, wrong } = checkExact(said, log, findings);
    figures.push({ what: "frames that the simulator said", value: frames }, { what: "frames lost or doubled", value: wrong, target: { atMost: 0 } }, { what: "entries of the gap ledger", value: gaps.length, target: { atMost: 0 } });
    for (const gap of gaps.slice(0, 10)) findings.push(`gap: ${gap.stream_id} ${gap.cause} ${gap.state} ${gap.detail}`);
    return { figures, findings };
  }
  const slow = ledger.filter(({ what }) => what === "slow-consumer" || what === "session-age").map(({ venue, trueMs, what }) => ({ name: what, venue, atMs: trueMs }));
  const faults = [...injected, ...slow];
  const { missing, uncovered, wrongCause } = checkLedger({ gaps, trades, known: log.known, faults, findings });
  const repaired = gaps.filter(({ state }) => state === "repaired").length;
  figures.push(
    { what: "entries of the gap ledger", value: gaps.length }, { what: "… repaired", value: repaired },
    { what: "trades missing in the end", value: missing }, { what: "… under no entry of the ledger", value: uncovered, target: { atMost: 0 } },
    { what: "… under an entry with another cause", value: wrongCause, target: { atMost: 0 } },
    { what: "entries of the ledger without a fault", value: checkReasons({ gaps, faults, findings }), target: { atMost: 0 } },
  );
  return { figures, findings };
}
