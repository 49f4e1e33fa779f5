// Process entry: the bridge's server half. Sockets may only live here, on a process's main thread (docs/decisions/19-bridge.md).
// Ends in order when it finds its sequences damaged while it serves: they are put right where they are opened, so the parent starts it again.
import { assert } from "../../shared/base.ts";
import type { ServerProcessCall, ServerProcessNote, ServerProcessNoteIn } from "../bridge/process-messages.ts";
import { DAMAGED } from "../bridge/server/journal-segments.ts";
import { ServerHost } from "../bridge/zmq/server-host.ts";
import { serveChild } from "../engine/child-process.ts";
import { NodeClock, nodeTimers } from "../net/node-clock.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { decoderLookup } from "../venues/registry.ts";

let opening: Promise<ServerHost> | undefined;
let opened: ServerHost | undefined;

function host(): ServerHost {
  assert(opened !== undefined, "the bridge serves");
  return opened;
}

const child = serveChild<ServerProcessCall, ServerProcessNoteIn, ServerProcessNote>({
  async onCall(call): Promise<unknown> {
    switch (call.type) {
      case "serve":
        assert(opening === undefined && opened === undefined, "the bridge serves once");
        opening = ServerHost.open(call.options, {
          disk: new NodeDisk(), clock: new NodeClock(), timers: nodeTimers, decoders: decoderLookup, sha256,
          tell: (note) => {
            child.note(note);
            if (opened !== undefined && note.type === "problem" && note.problem.code === DAMAGED) void child.end();
          },
        });
        try {
          opened = await opening;
        } finally {
          opening = undefined;
        }
        return opened.bound;
      case "status":
        return host().status;
      case "trust":
        return host().trust(call.trusted);
      case "close":
        return child.end();
    }
  },
  onNote(note) {
    opened?.note(note);
  },
  async onEnd() {
    // What is still being opened is closed as soon as it is open; a failure to open was the answer of the call.
    const last = opened ?? (await opening?.catch(() => undefined));
    await last?.close();
  },
});
