// Thread entry: the sole writer of the capture that is being recorded.
import { workerData } from "node:worker_threads";
import { assert } from "../../shared/base.ts";
import { lastIds } from "../engine/last-ids.ts";
import { machineMs } from "../engine/latency-clock.ts";
import { RecorderLoop } from "../engine/recorder-loop.ts";
import { serveThread } from "../engine/thread.ts";
import type { RecorderCall, RecorderData, RecorderLatency, RecorderNote, RecorderOpened } from "../engine/thread-messages.ts";
import { FaultyDisk } from "../faults/faulty-disk.ts";
import { FaultyTime } from "../faults/faulty-time.ts";
import { isClockFault, type LocalFault } from "../faults/local-faults.ts";
import { NodeClock, nodeTimers } from "../net/node-clock.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { openWriter } from "../rawlog/writer.ts";
import { adapterFor, decoderLookup } from "../venues/registry.ts";

const data = workerData as RecorderData;
const disk = new FaultyDisk(new NodeDisk(), nodeTimers);
const time = new FaultyTime();
const clock = new NodeClock(time);
let loop: RecorderLoop | undefined;

async function open(): Promise<RecorderOpened> {
  const { captureFolder: folder, captureId, commitEveryMs, config, version } = data;
  const writer = await openWriter({ disk, folder, captureId, options: { commitEveryMs }, session: "record", version, clock });
  const reader = await openReader({ disk, folder });
  try {
    const streams = config.symbols.flatMap(({ venue, symbol, channels }) => {
      const adapter = adapterFor(venue);
      return channels.filter((channel) => adapter?.gapKeyedChannels.includes(channel) === true || channel === adapter?.foldChannel).map((channel) => `${venue}:${symbol}:${channel}`);
    });
    const ids = await lastIds(reader, decoderLookup, streams);
    loop = new RecorderLoop({
      writer, clock, sha256, config, timers: nodeTimers, machineMs,
      say: (note) => {
        thread.note(note);
      },
    });
    return { positions: writer.positions, lastIds: ids };
  } catch (error) {
    await writer.close("could not start");
    throw error;
  } finally {
    await reader.close();
  }
}

/** A sleeping machine's recorder has nothing to write either; the collectors sleep, and it only waits for them. */
function applyFault(wrong: LocalFault): void {
  if (!isClockFault(wrong)) disk.apply(wrong);
  else if (wrong.name === "clock-step") time.apply(wrong);
}

const thread = serveThread<RecorderCall, never, RecorderNote | RecorderLatency>({
  async onCall(call) {
    if (call.type === "open") return { value: await open() };
    assert(loop !== undefined, "the recorder is open");
    if (call.type === "attach") loop.attach(call.port);
    else if (call.type === "fault") applyFault(call.fault);
    else if (call.type === "reopen") loop.control({ kind: "reopen", stream_id: call.streamId, reason: call.reason });
    else {
      try {
        await loop.close(call.reason);
      } finally {
        thread.end();
      }
    }
    return { value: undefined };
  },
  onNote: () => undefined,
});
