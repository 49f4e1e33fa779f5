// Thread entry: log → candles, gaps, revisions and grades on disk, for the capture being recorded.
import { workerData } from "node:worker_threads";
import { assert } from "../../shared/base.ts";
import { DeriverLoop } from "../engine/deriver-loop.ts";
import { serveThread } from "../engine/thread.ts";
import type { DeriverCall, DeriverData, DeriverNote, DeriverNoteIn, InheritedGaps } from "../engine/thread-messages.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { decoderLookup } from "../venues/registry.ts";

const data = workerData as DeriverData;
let loop: DeriverLoop | undefined;

const thread = serveThread<DeriverCall, DeriverNoteIn, DeriverNote | InheritedGaps>({
  async onCall(call) {
    if (call.type === "open") {
      loop = await DeriverLoop.open({
        disk: new NodeDisk(), captureFolder: data.captureFolder, startSeq: call.startSeq, decoders: decoderLookup,
        say: (note) => {
          thread.note(note);
        },
      });
      return { value: undefined };
    }
    assert(loop !== undefined, "the deriver is open");
    try {
      return { value: await loop.close() };
    } finally {
      thread.end();
    }
  },
  onNote(note) {
    if (note.type === "durable") loop?.durable(note.seq);
    else loop?.watch(note.on);
  },
});
