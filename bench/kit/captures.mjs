// Captures that benches read, written once by the product's own writer and kept in the system's temporary folder until the code
// that writes logs changes.
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MARKET_NAME, SYMBOL, hasSharedCapture, marketMessages } from "./market.mjs";
import { logCodeDigest, product } from "./product.mjs";
import { note, progress, progressDone } from "./report.mjs";

/** Raise it when the messages themselves change. */
const DATA_VERSION = 1;
const VENUE = "binance-usdm";
const INTERVALS = ["1s", "5s", "15s", "1m", "5m", "15m", "1h", "4h", "1d"];
const CONNECTION = `${VENUE}.ws.1`;

export function cacheFolder(kind) {
  return join(tmpdir(), "tapedeck-bench", `${kind}-${hasSharedCapture ? "shared" : "sim"}-v${DATA_VERSION}`);
}

/** Builds a folder under another name first, so that an interrupted build is never taken for a whole one. */
export async function built(folder, build) {
  if (existsSync(folder)) return folder;
  const work = `${folder}.making-${process.pid}`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    await build(work);
    renameSync(work, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

/** The folder of a capture with `count` market messages of these channels. */
export async function marketCapture({ count, channels = ["trade", "bookTicker"] }) {
  const folder = `${cacheFolder(`capture-${channels.join("-")}-${count}`)}-${logCodeDigest()}`;
  return built(folder, async (work) => {
    note(`writing a capture of ${count.toLocaleString("en-US")} messages (${MARKET_NAME}), once`);
    await writeCapture(work, marketMessages({ count, channels }), channels);
  });
}

async function controlDrafts(channels) {
  const { encodeControl, configDigest } = await product("shared/control");
  const { CONTROL_CONNECTION, CONTROL_STREAM } = await product("shared/raw");
  const { sha256 } = await product("main/rawlog/sha256");
  const config = {
    format: 1, lateness_ms: 3_000, intervals: INTERVALS, folds: { [`${VENUE}:${SYMBOL}`]: "trade" },
    symbols: [{ venue: VENUE, symbol: SYMBOL, channels: [...channels] }],
  };
  const streams = channels.map((channel) => `${VENUE}:${SYMBOL}:${channel}`);
  return (recvNs) => {
    const draft = (record) => ({ stream: CONTROL_STREAM, source: "control", connection: CONTROL_CONNECTION, recvNs, eventNs: 0n, payload: encodeControl(record) });
    return {
      first: [
        draft({ kind: "config", config, digest: configDigest(config, sha256) }),
        draft({ kind: "connect", venue: VENUE, connection: CONNECTION, url: "bench", streams }),
      ],
      last: draft({ kind: "end_of_input", reason: "the messages of the bench end here" }),
    };
  };
}

async function writeCapture(folder, messages, channels) {
  const { openWriter, IMPORT_OPTIONS } = await product("main/rawlog/writer");
  const { NodeDisk } = await product("main/rawlog/node-disk");
  const { NodeClock } = await product("main/net/node-clock");
  const { streamRef } = await product("shared/market");
  const controls = await controlDrafts(channels);
  const streams = Object.fromEntries(channels.map((channel) => [channel, streamRef(VENUE, SYMBOL, channel)]));
  const writer = await openWriter({ disk: new NodeDisk(), folder, captureId: "bench", options: IMPORT_OPTIONS, session: "import", version: "bench", clock: new NodeClock() });
  const put = async (draft) => {
    if (!writer.hasRoom) await writer.room();
    writer.append(draft);
  };
  let written = 0;
  let lastRecvNs = 0n;
  for await (const { channel, recvNs, eventMs, payload } of messages) {
    if (written === 0) for (const draft of controls(recvNs).first) await put(draft);
    const draft = { stream: streams[channel], source: "ws", connection: CONNECTION, recvNs, eventNs: BigInt(eventMs) * 1_000_000n, payload };
    // Awaiting each one would cost more than writing it.
    if (!writer.hasRoom) await writer.room();
    writer.append(draft);
    lastRecvNs = recvNs;
    written += 1;
    if (written % 250_000 === 0) progress(`${written.toLocaleString("en-US")} messages written`);
  }
  progressDone();
  await put(controls(lastRecvNs).last);
  await writer.close("end of input");
}
