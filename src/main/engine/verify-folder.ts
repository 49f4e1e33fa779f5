// A verification from end to end, for the command and for the job thread.
import type { StopSignal } from "../../shared/base.ts";
import type { Certificate } from "../derive/certificate.ts";
import { verifyCapture, type Verification, type VerifyProgress } from "../derive/verify.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { verifyLog } from "../rawlog/verify-log.ts";
import { decoderLookup } from "../venues/registry.ts";

/** Everything is derived again from the log and compared; nothing is changed. */
export function verifyFolder(options: {
  readonly captureFolder: string;
  readonly certificate?: Certificate;
  readonly onProgress?: (progress: VerifyProgress) => void;
  readonly stop?: StopSignal;
}): Promise<Verification> {
  const { captureFolder: folder, ...rest } = options;
  const disk = new NodeDisk();
  return verifyCapture({
    ...rest, disk, captureFolder: folder, decoders: decoderLookup, sha256,
    openReader: () => openReader({ disk, folder }),
    checkLog: ({ onProgress, stop }) => verifyLog({ disk, folder, onProgress, ...(stop === undefined ? {} : { stop }) }),
  });
}

/** MATCH, or the first difference, in one sentence. */
export function verificationSentence(verification: Verification): string {
  const { result, segments, events, candles, firstDifference } = verification;
  if (firstDifference === undefined) return `${result}: ${segments} segments, ${events} events, ${candles} candle versions derived again`;
  const { segment, chunk, seq, what, expected, actual } = firstDifference;
  const place = [segment, chunk === undefined ? undefined : `chunk ${chunk}`, seq === undefined ? "no event affected" : `first affected event #${seq}`];
  return `${result} at ${place.filter((part) => part !== undefined).join(", ")}: ${what} (expected ${expected}, found ${actual})`;
}
