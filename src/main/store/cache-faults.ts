// What DuckDB's messages mean for us. It throws plain errors: their text is all there is to go by.
import { FaultError, fault } from "../../shared/base.ts";

export type Trouble = "in-use" | "disk-full" | "damaged" | "failed";

const MEANINGS: readonly { readonly trouble: Trouble; readonly says: RegExp }[] = [
  { trouble: "in-use", says: /Could not set lock on file/i },
  // "File too large" is what a limit on file sizes says (ulimit -f): the same for us.
  { trouble: "disk-full", says: /No space left on device|File too large|Disk quota exceeded|There is not enough space on the disk/i },
  {
    trouble: "damaged",
    says: /Corrupt|checksum|not a valid DuckDB database file|Could not read enough bytes|Failure while replaying WAL|Serialization Error|database file with version number|INTERNAL Error/i,
  },
];

export function troubleOf(error: unknown): Trouble {
  const message = messageOf(error);
  return MEANINGS.find(({ says }) => says.test(message))?.trouble ?? "failed";
}

export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n", 1)[0] ?? "";
}

/** `doing`: "open", "write to", "read". A fault of ours passes as it is. */
export function cacheFault(error: unknown, doing: string, file: string): FaultError {
  if (error instanceof FaultError) return error;
  const trouble = troubleOf(error);
  const message = messageOf(error);
  switch (trouble) {
    case "in-use": {
      const holder = /\(PID (\d+)\)/.exec(message)?.[1];
      return fault("cache.in-use", `Cannot ${doing} the bridge cache ${file}: ${holder === undefined ? "another process" : `process ${holder}`} has it open; close the other Tapedeck or use another data folder`);
    }
    case "disk-full":
      return fault("cache.disk-full", `Cannot ${doing} the bridge cache ${file}: the disk is full; make room, nothing was half-written (${message})`);
    case "damaged":
      return fault("cache.damaged", `Cannot ${doing} the bridge cache ${file}: it is damaged (${message}); it is only a cache, opening it again begins a fresh one`);
    case "failed":
      return fault("cache.failed", `Cannot ${doing} the bridge cache ${file}: ${message}; it is only a cache and may be deleted while Tapedeck is closed`);
  }
}
