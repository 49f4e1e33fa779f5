// Inputs near real ones: structure first (members moved, doubled, dropped, of other types and sizes), then bytes. A mutation is a function of its
// random numbers alone, so the seed and number of an input make it again. Pure.
import { type JsonNode, readTree, writeTree } from "./json-tree.ts";
import type { Seeded } from "./seeded.ts";

/** Inputs do not grow beyond this: time limits are meant for inputs of such a size. */
export const INPUT_BYTES_MAX = 256 * 1024;

const TEXTS = [
  "", "0", "-0", "-1", "0.0", "1", "00.10", "1e-7", "1E400", ".5", "5.", "1.2.3", "NaN", "Infinity", "9007199254740993", "123456789012345678901234567890", "0.000000000000000000000000000001",
  "1754000000000", "1754000000", "99999999999999999", "BTCUSDT", "BTC-USDT", "BTC-USDT-SWAP", "buy", "Sell", "snapshot", "delta", "\u0000", "é", "😀", "\ud800", "__proto__", "constructor",
  "tickers.BTCUSDT", "publicTrade.ETHUSDT",
] as const;
const RAWS = ["0", "-0", "-1", "1", "1.5", "1e3", "1E400", "9007199254740993", "1754000000000", "0.1", "true", "false", "null", "{}", "[]", "[[]]", '[["1","2"]]', '[[["1"]]]', "01", "+1", ".5", "nul", ""] as const;
const NAMES = ["T", "s", "S", "p", "v", "i", "BT", "data", "topic", "ts", "cs", "type", "arg", "event", "op", "success", "result", "id", "stream", "e", "E", "count", "seqId", "__proto__", "constructor", ""] as const;
const PIECES = ['"', "\\", "{", "}", "[", "]", ",", ":", " ", "\n", "-", ".", "e1", "0", "9", "\\u0070", "null", "true", '"T":1,', '"ts":"1754000000000",', "\u0000", "\ufeff"] as const;

const encoder = new TextEncoder();
const utf8 = new TextDecoder("utf-8", { fatal: true });

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Every node of the tree that can be replaced, with how to do so. */
function places(root: JsonNode): { readonly node: JsonNode; readonly put: (node: JsonNode) => void }[] {
  const found: { readonly node: JsonNode; readonly put: (node: JsonNode) => void }[] = [];
  const visit = (node: JsonNode): void => {
    if (node.kind === "object") for (const member of node.members) {
      found.push({ node: member.value, put: (value) => { member.value = value; } });
      visit(member.value);
    }
    if (node.kind === "array") for (const [index, item] of node.items.entries()) {
      found.push({ node: item, put: (value) => { node.items[index] = value; } });
      visit(item);
    }
  };
  visit(root);
  return found;
}

function otherValue(node: JsonNode, random: Seeded): JsonNode {
  if (random.oneIn(3) && node.kind === "text") return { kind: "raw", text: node.text };
  if (random.oneIn(3) && node.kind === "raw") return { kind: "text", text: node.text };
  if (random.oneIn(12)) return deep(random.below(random.oneIn(10) ? 20_000 : 20), random);
  if (random.oneIn(12)) return { kind: "text", text: random.pick(TEXTS).repeat(random.below(2_000)) };
  return random.oneIn(2) ? { kind: "text", text: random.pick(TEXTS) } : { kind: "raw", text: random.pick(RAWS) };
}

/** Nested so deep that recursion would end; as one piece of text, since writing it must not end either. */
function deep(levels: number, random: Seeded): JsonNode {
  const [open, close] = random.oneIn(2) ? ["[", "]"] : ['{"a":', "}"];
  return { kind: "raw", text: `${open.repeat(levels)}1${close.repeat(levels)}` };
}

function copyOf(node: JsonNode): JsonNode {
  return structuredClone(node);
}

function changeObject(node: Extract<JsonNode, { kind: "object" }>, random: Seeded): void {
  const { members } = node;
  const at = random.below(Math.max(members.length, 1));
  const member = members[at];
  switch (random.below(5)) {
    case 0:
      members.push({ name: random.pick(NAMES), value: { kind: "text", text: random.pick(TEXTS) } });
      break;
    case 1:
      members.splice(at, 1);
      break;
    case 2:
      if (member !== undefined) members.splice(random.below(members.length + 1), 0, { name: member.name, value: random.oneIn(2) ? copyOf(member.value) : otherValue(member.value, random) });
      break;
    case 3:
      if (member !== undefined) members.splice(random.below(members.length), 0, ...members.splice(at, 1));
      break;
    default:
      if (member !== undefined) member.name = random.pick(NAMES);
  }
}

function changeArray(node: Extract<JsonNode, { kind: "array" }>, random: Seeded): void {
  const { items } = node;
  const at = random.below(Math.max(items.length, 1));
  const item = items[at];
  switch (random.below(4)) {
    case 0:
      items.splice(at, 1);
      break;
    case 1:
      for (let copies = random.oneIn(20) ? random.below(400) : random.below(3); copies > 0 && item !== undefined; copies -= 1) items.push(copyOf(item));
      break;
    case 2:
      if (item !== undefined) items.splice(random.below(items.length), 0, ...items.splice(at, 1));
      break;
    default:
      items.splice(at, 0, otherValue(item ?? { kind: "raw", text: "1" }, random));
  }
}

/** A number or text that is nearly the same: a digit more, less or other. */
function nudge(text: string, random: Seeded): string {
  const at = random.below(text.length + 1);
  switch (random.below(3)) {
    case 0: return text.slice(0, at) + random.pick(["0", "1", "9", ".", "-"]) + text.slice(at);
    case 1: return text.slice(0, at) + text.slice(at + 1);
    default: return text.slice(0, at) + random.pick(["0", "5", "a"]) + text.slice(at + 1);
  }
}

function changeTree(root: JsonNode, random: Seeded): JsonNode {
  const all = places(root);
  const place = all.length === 0 ? undefined : random.pick(all);
  const target = random.oneIn(4) ? root : place?.node ?? root;
  if (target.kind === "object" && !random.oneIn(4)) changeObject(target, random);
  else if (target.kind === "array" && !random.oneIn(4)) changeArray(target, random);
  else if (place !== undefined && (place.node.kind === "text" || place.node.kind === "raw") && random.oneIn(2)) place.put({ kind: place.node.kind, text: nudge(place.node.text, random) });
  else if (place !== undefined) place.put(otherValue(place.node, random));
  return root;
}

function changeBytes(bytes: Uint8Array, others: readonly Uint8Array[], random: Seeded): Uint8Array {
  const at = random.below(bytes.length + 1);
  const length = 1 + random.below(random.oneIn(8) ? 200 : 4);
  const joined = (...parts: readonly Uint8Array[]): Uint8Array => {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let to = 0;
    for (const part of parts) {
      whole.set(part, to);
      to += part.length;
    }
    return whole;
  };
  switch (random.below(7)) {
    case 0: return joined(bytes.subarray(0, at), encoder.encode(random.pick(PIECES)), bytes.subarray(at));
    case 1: return joined(bytes.subarray(0, at), bytes.subarray(Math.min(at + length, bytes.length)));
    case 2: return bytes.slice(0, at);
    case 3: return joined(bytes.subarray(0, at), Uint8Array.of(random.below(256)), bytes.subarray(Math.min(at + 1, bytes.length)));
    case 4: return joined(bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at));
    case 5: {
      const other = random.pick([...others, bytes]);
      return joined(bytes.subarray(0, at), other.subarray(random.below(other.length + 1)));
    }
    default: {
      const copy = bytes.slice();
      if (copy.length > 0) copy[at % copy.length] = (copy[at % copy.length] as number) ^ (1 << random.below(8));
      return copy;
    }
  }
}

/** An input near `bytes`. JSON is changed as such most of the time; `others`: further inputs, to splice with. */
export function mutated(bytes: Uint8Array, others: readonly Uint8Array[], random: Seeded): Uint8Array {
  let current = bytes;
  const text = random.oneIn(4) ? undefined : textOf(bytes);
  const tree = text === undefined ? undefined : readTree(text);
  if (tree !== undefined) {
    let changed = tree;
    for (let changes = random.below(4); changes > 0; changes -= 1) changed = changeTree(changed, random);
    current = encoder.encode(writeTree(changed, { spaces: random.oneIn(8), escapes: random.oneIn(8) }, random));
  }
  if (tree === undefined || random.oneIn(3)) for (let edits = 1 + random.below(3); edits > 0; edits -= 1) current = changeBytes(current, others, random);
  return current.length > INPUT_BYTES_MAX ? current.slice(0, INPUT_BYTES_MAX) : current;
}
