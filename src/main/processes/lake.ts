// Process entry: Parquet of captures, written and read by DuckDB, which may only live here, on a process's main thread.
import { tmpdir, setPriority, constants } from "node:os";
import { join } from "node:path";
import { serveChild } from "../engine/child-process.ts";
import { LakeHost } from "../lake/lake-host.ts";
import type { LakeCall, LakeNote } from "../lake/process-messages.ts";
import { NodeClock } from "../net/node-clock.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { decoderLookup } from "../venues/registry.ts";

const clock = new NodeClock();
const host = new LakeHost({
  disk: new NodeDisk(), decoders: decoderLookup, monotonicMs: () => clock.monotonicMs(),
  scratch: join(tmpdir(), `tapedeck-lake-${process.pid}`),
  tell: (note) => { child.note(note); },
});

const child = serveChild<LakeCall, never, LakeNote>({
  async onCall(call): Promise<unknown> {
    switch (call.type) {
      case "begin":
        if (call.priority === "low") setPriority(constants.priority.PRIORITY_LOW);
        return undefined;
      case "cancel":
        return host.cancel(call.job);
      case "close":
        return child.end();
      default:
        return host.perform(call);
    }
  },
  onNote: () => undefined,
  onEnd: () => host.close(),
});
