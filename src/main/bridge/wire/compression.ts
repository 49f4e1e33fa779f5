// zstd for large answers, bounded both ways. Importing this waits for the WebAssembly once, a few milliseconds, so that nobody has to.
import { compress, decompress, isLoaded } from "@foxglove/wasm-zstd";
import { malformed } from "./flat-reader.ts";
import { FRAME_BYTES_MAX } from "./messages.ts";

await isLoaded;

/** Fast over small: an answer is compressed while its asker waits. */
const LEVEL = 1;

export function zstd(bytes: Uint8Array): Uint8Array {
  return compress(bytes, LEVEL);
}

/** Throws `wire.malformed` unless it is zstd of exactly `expectedBytes`, which may not be more than a frame may have. */
export function unzstd(stored: Uint8Array, expectedBytes: number): Uint8Array {
  if (expectedBytes === 0 || expectedBytes > FRAME_BYTES_MAX) throw malformed(`Compressed.uncompressed_bytes is ${expectedBytes}, 1 … ${FRAME_BYTES_MAX} are allowed`);
  let bytes: Uint8Array;
  try {
    bytes = decompress(stored, expectedBytes);
  } catch {
    // The decompressor says no more than that it failed; one reason is that the text is longer than it should be.
    throw malformed(`Compressed.zstd is no zstd of ${expectedBytes} bytes`);
  }
  if (bytes.length !== expectedBytes) throw malformed(`Compressed.zstd holds ${bytes.length} bytes instead of ${expectedBytes}`);
  return bytes;
}
