// The shape of a wire message: members and their order, JSON types, and how numbers are written as text. For comparing simulated with real ones.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

export interface ShapeRules {
  /** Members whose texts are numbers without zeros that say nothing (any number of decimals). */
  readonly short?: (name: string) => boolean;
  /** Members that came later than the captures: left out of the comparison. */
  readonly added?: ReadonlySet<string>;
  /** Members whose values have changed their kind since the captures: their presence counts alone. */
  readonly changed?: ReadonlySet<string>;
}

const SHORT_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d*[1-9])?$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function textShape(text: string, name: string, rules: ShapeRules): string {
  if (text === "") return "empty";
  if (UUID.test(text)) return "uuid";
  if (rules.short?.(name) === true && SHORT_NUMBER.test(text)) return "short number";
  if (!/^-?\d+(\.\d+)?$/.test(text)) return "text";
  return text.replace(/^-?\d+/, "#").replace(/\.\d+/, (fraction) => `.${"#".repeat(fraction.length - 1)}`);
}

/** `{"p":"61800.30","t":5}` → `[["p","#.##"],["t","number"]]`: what must agree, and nothing else. Items of lists of one shape count once. */
export function shapeOf(value: unknown, rules: ShapeRules = {}, name = ""): unknown {
  if (typeof value === "string") return textShape(value, name, rules);
  if (typeof value !== "object" || value === null) return typeof value;
  if (Array.isArray(value)) {
    const shapes = (value as readonly unknown[]).map((item) => JSON.stringify(shapeOf(item, rules, name)));
    // A row of texts keeps its length; a list of objects does not.
    return typeof value[0] === "object" ? [...new Set(shapes)] : shapes;
  }
  return Object.entries(value)
    .filter(([member]) => rules.added?.has(member) !== true)
    .map(([member, content]) => [member, rules.changed?.has(member) === true ? "changed since" : shapeOf(content, rules, member)]);
}

export function shapeText(message: string, rules: ShapeRules = {}): string {
  return JSON.stringify(shapeOf(JSON.parse(message), rules));
}

export const CAPTURES = fileURLToPath(new URL("../../../../shared/data/", import.meta.url));
/** The real captures lie beside the checkout; without them the comparisons with them are skipped. */
export const hasCaptures = existsSync(CAPTURES);

export function captureLines(file: string): readonly string[] {
  const raw = readFileSync(CAPTURES + file);
  return (file.endsWith(".gz") ? gunzipSync(raw) : raw).toString("utf8").split("\n").filter((line) => line !== "");
}
