// Text on the wire: names must fit, free text is cut where it is too long to be read by anyone.
import { assert } from "../../../shared/base.ts";
import type { FlatWriter, Ref } from "./flat-writer.ts";
import { NAME_BYTES_MAX, TEXT_BYTES_MAX } from "./words.ts";

const CUT = "…";

/** At most TEXT_BYTES_MAX bytes of UTF-8; what was cut ends in "…". */
export function cutText(text: string): string {
  // Three bytes per UTF-16 unit is the most that UTF-8 takes.
  if (text.length * 3 <= TEXT_BYTES_MAX || Buffer.byteLength(text, "utf8") <= TEXT_BYTES_MAX) return text;
  const bytes = Buffer.from(text, "utf8");
  let end = TEXT_BYTES_MAX - Buffer.byteLength(CUT, "utf8");
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString("utf8", 0, end) + CUT;
}

/** Empty text is left out: a reader takes both for the same. */
export function freeText(writer: FlatWriter, text: string): Ref | undefined {
  return text === "" ? undefined : writer.text(cutText(text));
}

export function nameText(writer: FlatWriter, text: string, what: string): Ref {
  assert(Buffer.byteLength(text, "utf8") <= NAME_BYTES_MAX, `${what} may have ${NAME_BYTES_MAX} bytes of text, got ${text.length} characters`);
  return writer.text(text);
}
