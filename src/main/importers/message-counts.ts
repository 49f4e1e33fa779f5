// What an import reports of its messages: how many no decoder reads, how many could not be read. The canonicalizer counts alike.
import type { DecodeOutcome } from "../../shared/market.ts";
import { CONTROL_STREAM, type RawRecord } from "../../shared/raw.ts";

export class MessageCounts {
  messages = 0;
  /** Data that no decoder reads: stored, and nothing else. */
  unhandled = 0;
  /** Out of contract: refused by a decoder, also bytes without a stream that are not even JSON. */
  quarantined = 0;

  add(record: RawRecord, outcome: DecodeOutcome | undefined): void {
    if (record.stream.streamId === CONTROL_STREAM.streamId) return;
    this.messages += 1;
    if (outcome?.kind === "refused") this.quarantined += 1;
    else if (outcome?.kind === "ignored" && outcome.why === "unhandled") this.unhandled += 1;
  }
}
