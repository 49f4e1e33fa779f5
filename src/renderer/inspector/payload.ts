// Owns how raw bytes are shown: JSON with line breaks but the venue's own digits, or a hex dump. Pure.

/**
 * Lays JSON text out over lines without parsing it: numbers and strings keep every character that came over the wire
 * (parsing would turn 61800.30 into 61800.3). Text that is no JSON comes back as it is.
 */
export function laidOut(text: string): string {
  let out = "";
  let depth = 0;
  let isInString = false;
  const line = (): string => `\n${"  ".repeat(Math.max(0, depth))}`;
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charAt(index);
    if (isInString) {
      out += char;
      if (char === "\\") {
        index += 1;
        out += text.charAt(index);
      } else if (char === '"') isInString = false;
      continue;
    }
    if (/\s/.test(char)) continue;
    if (char === '"') isInString = true;
    if (char === "{" || char === "[") {
      depth += 1;
      const closing = char === "{" ? "}" : "]";
      const isEmpty = text.slice(index + 1).trimStart().startsWith(closing);
      out += char + (isEmpty ? "" : line());
      if (isEmpty) {
        index = text.indexOf(closing, index);
        depth -= 1;
        out += closing;
      }
    } else if (char === "}" || char === "]") {
      depth -= 1;
      out += line() + char;
    } else if (char === ",") out += char + line();
    else out += char === ":" ? ": " : char;
  }
  return out;
}

export function looksLikeJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** `00000010  7b 22 65 22 …  |{"e"…|`, sixteen bytes a line. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, "0"));
    const ascii = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "."));
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.slice(0, 8).join(" ").padEnd(23)}  ${hex.slice(8).join(" ").padEnd(23)}  ${ascii.join("")}`);
  }
  return lines.join("\n");
}

export function bytesOf(message: { readonly text: string | undefined; readonly base64: string | undefined }): Uint8Array {
  if (message.text !== undefined) return new TextEncoder().encode(message.text);
  return Uint8Array.from(atob(message.base64 ?? ""), (char) => char.charCodeAt(0));
}
