// Process entry: the bridge's client half with its cache. Sockets and DuckDB may only live here, on a process's main thread.
import type { ClientProcessCall, ClientProcessNote } from "../bridge/process-messages.ts";
import { ClientHost } from "../bridge/zmq/client-host.ts";
import { serveChild } from "../engine/child-process.ts";
import { NodeClock, nodeTimers } from "../net/node-clock.ts";
import { openBridgeCache } from "../store/bridge-cache.ts";

const host = new ClientHost({
  clock: new NodeClock(), timers: nodeTimers, random: { next: () => Math.random() },
  openCache: (file, onNote) => openBridgeCache(file, { onNote }),
  tell: (note) => { child.note(note); },
});

const child = serveChild<ClientProcessCall, never, ClientProcessNote>({
  onCall: (call): Promise<unknown> => (call.type === "close" ? child.end() : host.perform(call)),
  onNote: () => undefined,
  onEnd: () => host.close(),
});
