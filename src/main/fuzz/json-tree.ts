// JSON as a tree that keeps what JSON.parse forgets: the order of members, doubled names, and numbers as they were written. Mutations work on it,
// and it is written back with any spacing and any escapes. Pure.
import type { Seeded } from "./seeded.ts";

export type JsonNode =
  | { kind: "object"; members: { name: string; value: JsonNode }[] }
  | { kind: "array"; items: JsonNode[] }
  | { kind: "text"; text: string }
  /** A number, true, false, null, or anything else, as it stands. */
  | { kind: "raw"; text: string };

const TOKEN = /\s*("(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+)/gy;

/** The tree of a text; undefined when it is no JSON. */
export function readTree(text: string): JsonNode | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  TOKEN.lastIndex = 0;
  return readNode(text, nextToken(text));
}

function nextToken(text: string): string {
  return TOKEN.exec(text)?.[1] ?? "";
}

function readNode(text: string, token: string): JsonNode {
  if (token === "{") {
    const members: { name: string; value: JsonNode }[] = [];
    for (let name = nextToken(text); name !== "}" && name !== ""; name = nextToken(text)) {
      if (name === ",") continue;
      nextToken(text);
      members.push({ name: JSON.parse(name) as string, value: readNode(text, nextToken(text)) });
    }
    return { kind: "object", members };
  }
  if (token === "[") {
    const items: JsonNode[] = [];
    for (let item = nextToken(text); item !== "]" && item !== ""; item = nextToken(text)) if (item !== ",") items.push(readNode(text, item));
    return { kind: "array", items };
  }
  return token.startsWith('"') ? { kind: "text", text: JSON.parse(token) as string } : { kind: "raw", text: token };
}

/** How a tree is written: in plain form, or with spaces and escapes strewn in. */
export interface Spelling {
  readonly spaces: boolean;
  readonly escapes: boolean;
}

export function writeTree(node: JsonNode, spelling: Spelling, random: Seeded): string {
  const space = (): string => (spelling.spaces && random.oneIn(4) ? random.pick([" ", "\n", "\t", "\r\n  "]) : "");
  const quoted = (text: string): string => {
    const plain = JSON.stringify(text);
    if (!spelling.escapes || text === "" || !random.oneIn(3)) return plain;
    const at = random.below(text.length);
    const code = text.charCodeAt(at).toString(16).padStart(4, "0");
    return `${JSON.stringify(text.slice(0, at)).slice(0, -1)}\\u${code}${JSON.stringify(text.slice(at + 1)).slice(1)}`;
  };
  switch (node.kind) {
    case "object":
      return `${space()}{${node.members.map(({ name, value }) => `${space()}${quoted(name)}${space()}:${writeTree(value, spelling, random)}`).join(",")}${space()}}`;
    case "array":
      return `${space()}[${node.items.map((item) => writeTree(item, spelling, random)).join(",")}${space()}]`;
    case "text":
      return space() + quoted(node.text);
    case "raw":
      return space() + node.text;
  }
}
