// hftbacktest's collector captures: `<receive time> <bytes as received>` per line, 19 digits of ns or 16 digits of µs.
import { lineByLine, wrongFormat, type ForeignFormat, type ForeignItem, type Place } from "./foreign.ts";

const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;
const NS_DIGITS = 19;
const US_DIGITS = 16;

/** Number of leading digits, at most one more than any time has. */
function leadingDigits(line: Buffer): number {
  let count = 0;
  while (count <= NS_DIGITS && count < line.length) {
    const byte = line[count] ?? 0;
    if (byte < ZERO || byte > NINE) break;
    count += 1;
  }
  return count;
}

function readLine(line: Buffer, place: Place): ForeignItem {
  const digits = leadingDigits(line);
  if ((digits !== NS_DIGITS && digits !== US_DIGITS) || line[digits] !== SPACE) {
    throw wrongFormat("hft", place, "a line is 19 digits (ns) or 16 digits (µs) of receive time, one space and the message");
  }
  const ticks = BigInt(line.toString("latin1", 0, digits));
  return {
    kind: "message",
    recvNs: digits === NS_DIGITS ? ticks : ticks * 1_000n,
    connection: `import.${place.fileNumber}`,
    source: "ws",
    url: undefined,
    payload: line.subarray(digits + 1),
  };
}

export const HFT: ForeignFormat = lineByLine("hft", readLine);
