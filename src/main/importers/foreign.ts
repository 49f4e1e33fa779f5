// What a foreign capture is, once its own envelope is read: messages with the bytes as received, and connections.
import { FaultError, fault } from "../../shared/base.ts";
import type { MessageSource, StreamRef, VenueId } from "../../shared/market.ts";

export const IMPORT_FORMATS = ["hft", "cryptofeed", "jsonl", "binance-csv", "tardis-csv"] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

export type ForeignItem =
  | {
      readonly kind: "message";
      /** The foreign collector's receive time; undefined when the format keeps none. */
      readonly recvNs: bigint | undefined;
      /** Name within the capture: `import.1`, or what the foreign collector called it. */
      readonly connection: string;
      readonly source: Exclude<MessageSource, "control">;
      /** Address of a REST answer, which says what its body is. */
      readonly url: string | undefined;
      readonly payload: Uint8Array;
      /** The stream and time that the format itself tells; absent: the venue's routing reads them from the bytes. */
      readonly routed?: { readonly venue: VenueId; readonly stream: StreamRef; readonly eventNs: bigint };
    }
  | { readonly kind: "connect"; readonly recvNs: bigint; readonly connection: string; readonly url: string }
  /** Read and of no use for the log: a header, what the foreign collector sent. */
  | { readonly kind: "skipped" };

/** Where a line stands, for messages: `ws_BTCUSDT.txt.gz line 17`. */
export interface Place {
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based number of the file in the order given. */
  readonly fileNumber: number;
}

/** Reads the lines of one file, in order. Throws `import.wrong-format` for a line that is not of the format. */
export type ReadLine = (line: Buffer, place: Place) => readonly ForeignItem[];

export interface ForeignFile {
  readonly path: string;
  /** 1-based number of the file in the order given. */
  readonly number: number;
  /** What the import was told. */
  readonly venue: VenueId;
}

export interface ForeignFormat {
  /** Goes into the log's configuration: also says what is not as it was received. */
  readonly description: string;
  /** Throws `import.wrong-name`, `import.wrong-venue` where the file's name says that it does not belong. */
  openFile(file: ForeignFile): ReadLine;
  /** Files with the same lane follow each other; lanes are merged by receive time. Absent: all files are one lane. */
  laneOf?(path: string): string;
  /** Channels that candles are made of, by what `--fold` calls them, the best first. Absent: the venue's own. */
  readonly foldChannels?: readonly { readonly fold: "trade" | "aggTrade"; readonly channel: string }[];
}

/** A format whose lines each tell one thing and need nothing of the others. */
export function lineByLine(description: string, readLine: (line: Buffer, place: Place) => ForeignItem): ForeignFormat {
  return { description, openFile: () => (line, place) => [readLine(line, place)] };
}

export function wrongFormat(format: ImportFormat, place: Place, what: string): FaultError {
  return fault("import.wrong-format", `${place.file} line ${place.line}: not the format ${format}: ${what}`, { file: place.file, line: place.line });
}
