// Thread entry: one venue's sockets, polls and backfill.
import { workerData } from "node:worker_threads";
import { assert, fault } from "../../shared/base.ts";
import { machineMs } from "../engine/latency-clock.ts";
import { RecorderSink } from "../engine/recorder-sink.ts";
import { serveThread } from "../engine/thread.ts";
import { FaultyTime } from "../faults/faulty-time.ts";
import type { CollectorCall, CollectorData, CollectorNote, CollectorNoteIn } from "../engine/thread-messages.ts";
import { NodeClock, nodeTimers } from "../net/node-clock.ts";
import { createNodeHttp, createNodeWebSockets } from "../net/node-transport.ts";
import { createCollector, type Collector } from "../venues/collector.ts";
import { adapterFor } from "../venues/registry.ts";

const STATUS_EVERY_MS = 250;

const data = workerData as CollectorData;
const time = new FaultyTime();
const clock = new NodeClock(time);
let collector: Collector | undefined;
let sink: RecorderSink | undefined;
let statusTimer: NodeJS.Timeout | undefined;

function say(): void {
  if (collector !== undefined) thread.note({ type: "status", ...collector.status() });
}

async function close(): Promise<void> {
  clearInterval(statusTimer);
  try {
    await collector?.stop();
    say();
    await sink?.close();
  } finally {
    thread.end();
  }
}

const thread = serveThread<CollectorCall, CollectorNoteIn, CollectorNote>({
  async onCall(call) {
    if (call.type === "close") return { value: await close() };
    assert(collector === undefined, "a collector starts once");
    const adapter = adapterFor(data.venue);
    if (adapter === undefined) throw fault("record.unknown-venue", `No adapter records venue ${data.venue}`);
    sink = new RecorderSink(call.port, () => ({ wallNs: clock.wallNs(), machineMs: machineMs() }));
    collector = createCollector({
      adapter, subscriptions: data.subscriptions, endpoints: data.endpoints, sink, name: call.name,
      websocket: createNodeWebSockets(nodeTimers), http: createNodeHttp(nodeTimers), clock, timers: nodeTimers,
      // Jitter only: that many recorders do not come back at the same instant. Nothing derived depends on it.
      random: { next: () => Math.random() },
      resumeFrom: new Map(Object.entries(call.resumeFrom)), settings: { legs: data.legs }, limits: data.limits,
    });
    collector.start();
    statusTimer = setInterval(say, STATUS_EVERY_MS);
    return { value: undefined };
  },
  onNote(note) {
    if (note.type === "fault") time.apply(note.fault);
    else collector?.backfill(note.ranges);
  },
});
