// One raw message per line and nothing else: no receive times, so the receive time is the event time, and the log says so.
import { lineByLine, wrongFormat, type ForeignFormat, type ForeignItem, type Place } from "./foreign.ts";

const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;

function readLine(line: Buffer, place: Place): ForeignItem {
  if (line[0] !== OPEN_OBJECT && line[0] !== OPEN_ARRAY) throw wrongFormat("jsonl", place, "a line is one JSON message, as the venue sent it");
  return { kind: "message", recvNs: undefined, connection: `import.${place.fileNumber}`, source: "ws", url: undefined, payload: line };
}

export const JSONL: ForeignFormat = lineByLine("jsonl (no receive times: receive time = event time)", readLine);
