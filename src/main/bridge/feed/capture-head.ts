// What a capture is and what it will have, from the first records of its log: lineage, configuration, streams.
import { fault, type Sha256 } from "../../../shared/base.ts";
import { decodeControl, type CaptureConfig } from "../../../shared/control.ts";
import { leafOf, toHex } from "../../../shared/leaf.ts";
import { SOURCE_ID } from "../../../shared/market.ts";
import { isControl } from "../../derive/pipeline.ts";
import type { RawLogReader } from "../../rawlog/types.ts";
import { BRIDGE_SYMBOL, type StreamKey } from "../model.ts";

/** A run writes its configuration at its start, and a run starts a segment: it stands among the first records of one. */
const HEAD_RECORDS = 64;

export interface CaptureHead {
  /** Capture id and the leaf of its first record, which holds its receive time: another capture of the same name differs. */
  readonly lineage: string;
  /** In force at the end of the log. */
  readonly config: CaptureConfig;
  readonly configDigest: string;
  readonly streams: readonly StreamKey[];
}

interface Found { readonly config: CaptureConfig; readonly digest: string }

async function configAt(reader: RawLogReader, fromSeq: number): Promise<Found | undefined> {
  let found: Found | undefined;
  for await (const batch of reader.batches({ fromSeq, toSeq: fromSeq + HEAD_RECORDS - 1 })) {
    for (const record of batch) {
      if (!isControl(record)) continue;
      const control = decodeControl(record.payload);
      if (control.ok && control.value.kind === "config") found = { config: control.value.config, digest: control.value.digest };
    }
  }
  return found;
}

/** Segments from the last one back: the newest configuration is near. */
async function newestConfig(reader: RawLogReader): Promise<Found | undefined> {
  for (const { fromSeq, toSeq } of [...reader.segments].reverse()) {
    if (toSeq < fromSeq) continue;
    const found = await configAt(reader, fromSeq);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function lineageOf(reader: RawLogReader, sha256: Sha256): Promise<string | undefined> {
  for await (const batch of reader.batches({})) {
    const first = batch[0];
    if (first !== undefined) return `${reader.captureId}@${toHex(leafOf(first, sha256))}`;
  }
  return undefined;
}

function streamsOf(config: CaptureConfig, captureId: string): readonly StreamKey[] {
  return Object.keys(config.folds).flatMap((instrument) => {
    const [sourceId = "", symbol = ""] = instrument.split(":");
    if (!SOURCE_ID.test(sourceId) || !BRIDGE_SYMBOL.test(symbol)) {
      throw fault("bridge.unservable-symbol", `Capture ${captureId} holds ${JSON.stringify(instrument)}: the bridge carries symbols of letters, digits, dot, dash and underscore only`);
    }
    return config.intervals.map((interval) => ({ sourceId, symbol, interval }));
  });
}

/** Faults: `bridge.empty-capture` (no record yet, or no configuration), `bridge.unservable-symbol`, and those of the log. */
export async function readCaptureHead(reader: RawLogReader, sha256: Sha256): Promise<CaptureHead> {
  await reader.refresh();
  const lineage = await lineageOf(reader, sha256);
  if (lineage === undefined) throw fault("bridge.empty-capture", `Capture ${reader.captureId} holds no message yet: there is nothing to serve`);
  const found = await newestConfig(reader);
  if (found === undefined) throw fault("bridge.empty-capture", `Capture ${reader.captureId} holds no configuration record, so it has no candles to serve: run \`tapedeck verify\``);
  return { lineage, config: found.config, configDigest: found.digest, streams: streamsOf(found.config, reader.captureId) };
}
