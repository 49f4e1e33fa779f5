// One raw message per line and nothing else: no receive times, so the receive time is the event time, and the log says so. Recorded HTTP exchanges
// may stand among them: they tell their address and when they were recorded.
import { lineByLine, wrongFormat, type ForeignFormat, type ForeignItem, type Place } from "./foreign.ts";
import { readRecordedExchange } from "./recorded-exchange.ts";

const OPEN_OBJECT = 0x7b;
const OPEN_ARRAY = 0x5b;

function readLine(line: Buffer, place: Place): ForeignItem {
  if (line[0] !== OPEN_OBJECT && line[0] !== OPEN_ARRAY) throw wrongFormat("jsonl", place, "a line is one JSON message, as the venue sent it");
  const exchange = readRecordedExchange(line, place);
  if (exchange !== undefined) return exchange;
  return { kind: "message", recvNs: undefined, connection: `import.${place.fileNumber}`, source: "ws", url: undefined, payload: line };
}

export const JSONL: ForeignFormat = lineByLine("jsonl (no receive times: receive time = event time, else the first time that a message names, else that of the message before)", readLine);
