// Fills the cache folder of tardis-dev with market messages, in the form in which it keeps downloads: one gz file per minute of
// local time, `<local time with 7 decimals> <message as received>` per line. From then on it replays without any network.
import { createRequire } from "node:module";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { built, cacheFolder } from "./captures.mjs";
import { marketMessages } from "./market.mjs";
import { addReference, emptyReference } from "./replay-sums.mjs";
import { note, progress, progressDone } from "./report.mjs";

const MINUTE_MS = 60_000;
const NEWLINE = Buffer.from("\n");

const PACKAGE = fileURLToPath(new URL("../node_modules/tardis-dev/", import.meta.url));
const load = createRequire(import.meta.url);
export const tardis = load(PACKAGE);
export const TARDIS_VERSION = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")).version;
/** Its own words for where a slice lies, so that we cannot get them wrong. */
const { formatDateToPath, optimizeFilters, sha256 } = load(join(PACKAGE, "dist/handy.js"));

const FILTERS = [{ channel: "trade", symbols: ["btcusdt"] }, { channel: "bookTicker", symbols: ["btcusdt"] }];

function slicePath(cacheDir, minuteMs) {
  return join(cacheDir, "feeds/binance-futures", sha256(optimizeFilters(FILTERS)), `${formatDateToPath(new Date(minuteMs))}.json.gz`);
}

/** 2024-08-08T23:54:15.0881691Z */
function localTime(recvNs) {
  const text = new Date(Number(recvNs / 1_000_000n)).toISOString();
  return `${text.slice(0, 19)}.${String(recvNs % 1_000_000_000n).padStart(9, "0").slice(0, 7)}Z`;
}

async function fill(folder, count) {
  const reference = emptyReference();
  let minuteMs;
  let fromMs;
  let parts = [];
  const flush = () => {
    if (minuteMs === undefined) return;
    const path = slicePath(folder, minuteMs);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, gzipSync(Buffer.concat(parts)));
    parts = [];
  };
  for await (const message of marketMessages({ count })) {
    const minute = Math.floor(Number(message.recvNs / 1_000_000n) / MINUTE_MS) * MINUTE_MS;
    fromMs ??= minute;
    for (; minute !== minuteMs; minuteMs = minuteMs === undefined ? minute : minuteMs + MINUTE_MS) flush();
    addReference(reference, message);
    parts.push(Buffer.from(`${localTime(message.recvNs)} `), message.payload, NEWLINE);
    if (reference.messages % 50_000 === 0) progress(`${reference.messages.toLocaleString("en-US")} messages for tardis-dev`);
  }
  flush();
  progressDone();
  writeFileSync(join(folder, "reference.json"), JSON.stringify({ reference, fromMs, untilMs: minuteMs + MINUTE_MS }));
}

/** The cache folder, the range that it covers, and the sums of what it holds, computed from the raw JSON. */
export async function tardisCache(count) {
  const folder = await built(cacheFolder(`tardis-${count}`), async (work) => {
    note(`writing ${count.toLocaleString("en-US")} messages into a cache of tardis-dev, once`);
    await fill(work, count);
  });
  const about = JSON.parse(readFileSync(join(folder, "reference.json"), "utf8"));
  for (let minute = about.fromMs; minute < about.untilMs; minute += MINUTE_MS) {
    if (!existsSync(slicePath(folder, minute))) throw new Error(`${slicePath(folder, minute)} is missing: remove ${folder} and run the bench again`);
  }
  return { folder, ...about };
}

/** All messages of the cache, normalised. The endpoint is no https address, so that a look at the network would fail at once. */
export function replayOfCache({ folder, fromMs, untilMs }) {
  tardis.init({ cacheDir: folder, endpoint: "none:" });
  return tardis.replayNormalized(
    { exchange: "binance-futures", symbols: ["BTCUSDT"], from: new Date(fromMs).toISOString(), to: new Date(untilMs).toISOString() },
    tardis.normalizeTrades, tardis.normalizeBookTickers,
  );
}
