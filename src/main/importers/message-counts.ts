// What an import reports of its messages: how many no decoder reads, how many could not be read.
import type { DecodeOutcome } from "../../shared/market.ts";
import { CONTROL_STREAM, type RawRecord } from "../../shared/raw.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

function isJson(payload: Uint8Array): boolean {
  try {
    JSON.parse(utf8.decode(payload));
    return true;
  } catch {
    return false;
  }
}

export class MessageCounts {
  messages = 0;
  /** Stored, known or not, and read by no decoder. */
  unhandled = 0;
  /** Out of contract: refused by a decoder, or bytes without a stream that are not even JSON. */
  quarantined = 0;

  add(record: RawRecord, outcome: DecodeOutcome | undefined): void {
    if (record.stream.streamId === CONTROL_STREAM.streamId) return;
    this.messages += 1;
    if (outcome?.kind === "refused") this.quarantined += 1;
    else if (outcome?.kind === "ignored" && outcome.why === "unhandled") {
      if (record.stream.channel === "unclassified" && !isJson(record.payload)) this.quarantined += 1;
      else this.unhandled += 1;
    }
  }
}
