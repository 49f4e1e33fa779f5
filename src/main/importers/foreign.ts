// What a foreign capture is, once its own envelope is read: messages with the bytes as received, and connections.
import { FaultError, fault } from "../../shared/base.ts";
import type { MessageSource } from "../../shared/market.ts";

export const IMPORT_FORMATS = ["hft", "cryptofeed", "jsonl"] as const;
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

/** Reads one line. Throws `import.wrong-format` for a line that is not of the format. */
export interface ForeignFormat {
  /** Goes into the log's configuration: also says what is not as it was received. */
  readonly description: string;
  readLine(line: Buffer, place: Place): ForeignItem;
}

export function wrongFormat(format: ImportFormat, place: Place, what: string): FaultError {
  return fault("import.wrong-format", `${place.file} line ${place.line}: not the format ${format}: ${what}`, { file: place.file, line: place.line });
}
