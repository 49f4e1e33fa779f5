// A strict parser of the Prometheus text format 0.0.4, written from its specification: what it takes, a scraper takes.

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** Every label name in use, in the order of their first appearance. */
  readonly labels: readonly string[];
  readonly samples: readonly Sample[];
}
export interface Exposition {
  readonly families: readonly Family[];
  value(name: string, labels: Readonly<Record<string, string>>): number | undefined;
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|(?=\}))/;
/** As Go's ParseFloat, which is what the format's specification names: its words in any case. */
const VALUE = /^(?:[+-]?Inf|nan|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)$/i;
/** What a sample of a family may be called besides the family's own name. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: [""], gauge: [""], histogram: ["_bucket", "_sum", "_count"], summary: ["", "_sum", "_count"],
};

function key(name: string, labels: Readonly<Record<string, string>>): string {
  return JSON.stringify([name, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function parseSample(line: string): Sample {
  const name = NAME.exec(line)?.[0];
  if (name === undefined) throw new Error(`no metric name: ${line}`);
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith("{")) {
    rest = rest.slice(1);
    while (!rest.startsWith("}")) {
      const match = LABEL.exec(rest);
      if (match === null) throw new Error(`no label: ${rest} in ${line}`);
      const [whole, label = "", text = ""] = match;
      if (label in labels) throw new Error(`label ${label} twice: ${line}`);
      labels[label] = text.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
      rest = rest.slice(whole.length);
    }
    rest = rest.slice(1);
  }
  const value = rest.startsWith(" ") ? rest.slice(1) : "";
  if (!VALUE.test(value)) throw new Error(`no value: ${line}`);
  return { name, labels, value: Number(value.replace(/inf$/i, "Infinity")) };
}

function parseFamily(block: string): Family {
  const [first = "", second = "", ...lines] = block.split("\n");
  const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (\S.*)$/.exec(first);
  const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary)$/.exec(second);
  if (help === null || type === null || help[1] !== type[1]) throw new Error(`no HELP and TYPE: ${first} / ${second}`);
  const [, name = "", kind = ""] = type;
  const allowed = (SUFFIXES[kind] ?? []).map((suffix) => `${name}${suffix}`);
  const samples = lines.map(parseSample);
  for (const sample of samples) if (!allowed.includes(sample.name)) throw new Error(`${sample.name} is none of ${kind} ${name}`);
  if (kind === "histogram") checkHistogram(name, samples);
  return { name, type: kind, help: help[2] ?? "", labels: [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))], samples };
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const series = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels;
    const of = key("", labels);
    series.set(of, [...(series.get(of) ?? []), sample]);
  }
  for (const [of, own] of series) {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels["le"]?.replace("+Inf", "Infinity")));
    const count = own.find((sample) => sample.name === `${name}_count`)?.value;
    const rises = buckets.every(({ value }, index) => value >= (buckets[index - 1]?.value ?? 0)) && bounds.every((bound, index) => bound > (bounds[index - 1] ?? -Infinity));
    if (!rises || bounds.at(-1) !== Infinity || buckets.at(-1)?.value !== count || own.length !== buckets.length + 2) throw new Error(`no histogram: ${name} ${of}`);
  }
}

/** Throws what is wrong and where. */
export function parseExposition(text: string): Exposition {
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  const families = text.slice(0, -1).split("\n\n").map(parseFamily);
  if (new Set(families.map(({ name }) => name)).size !== families.length) throw new Error("a family is there twice");
  const values = new Map<string, number>();
  for (const { samples } of families) {
    for (const { name, labels, value } of samples) {
      if (values.has(key(name, labels))) throw new Error(`said twice: ${key(name, labels)}`);
      values.set(key(name, labels), value);
    }
  }
  return { families, value: (name, labels) => values.get(key(name, labels)) };
}
