// Thread entry: one screen's tape and player.
import { unreachable } from "../../shared/base.ts";
import { PlayerLoop } from "../engine/player-loop.ts";
import { serveThread } from "../engine/thread.ts";
import type { PlayerAnswer, PlayerCall, PlayerNote, PlayerNoteIn } from "../engine/thread-messages.ts";
import { NodeClock, nodeTimers } from "../net/node-clock.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { decoderLookup } from "../venues/registry.ts";

const loop = new PlayerLoop({
  disk: new NodeDisk(), decoders: decoderLookup, sha256, clock: new NodeClock(), timers: nodeTimers,
  onDirty: () => {
    thread.note({ type: "dirty" });
  },
});

async function answer(call: PlayerCall): Promise<PlayerAnswer> {
  switch (call.type) {
    case "open":
      return loop.open(call, call.writtenSeq);
    case "view":
      return loop.view(call.view);
    case "command":
      return loop.command(call.command);
    case "inspect":
      return loop.inspect(call.key, call.revision);
    case "recompute":
      return loop.recompute(call.key);
    case "raw":
      return loop.raw(call.fromSeq, call.limit, call.streamId);
    case "take":
      return loop.take();
    case "close":
      try {
        return await loop.close();
      } finally {
        thread.end();
      }
    default:
      return unreachable(call);
  }
}

const thread = serveThread<PlayerCall, PlayerNoteIn, PlayerNote>({
  onCall: async (call) => ({ value: await answer(call) }),
  onNote(note) {
    if (note.type === "written") loop.written(note.seq);
    else loop.ended();
  },
});
