// A histogram in the words of prom-client whose counts are observed elsewhere: told whole at every scrape, nothing is counted here.
import { Histogram, type Registry } from "prom-client";
import { LATENCY_BOUNDS_MS, type LatencyTotals } from "./latency-totals.ts";

export interface LabelledTotals {
  readonly labels: Readonly<Record<string, string>>;
  readonly totals: LatencyTotals;
}

interface Line {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export class ObservedHistogram extends Histogram {
  readonly #name: string;
  readonly #help: string;
  #series: readonly LabelledTotals[] = [];

  constructor(options: { readonly name: string; readonly help: string; readonly labelNames: readonly string[]; readonly registry: Registry }) {
    const { name, help, labelNames, registry } = options;
    super({ name, help, labelNames: [...labelNames], registers: [registry], buckets: LATENCY_BOUNDS_MS.map((ms) => ms / 1_000) });
    this.#name = name;
    this.#help = help;
  }

  tell(series: readonly LabelledTotals[]): void {
    this.#series = series;
  }

  /** What the registry prints, in place of what prom-client would have counted itself. */
  getForPromString(): Promise<{ readonly name: string; readonly help: string; readonly type: "histogram"; readonly aggregator: "sum"; readonly values: readonly Line[] }> {
    return Promise.resolve({ name: this.#name, help: this.#help, type: "histogram", aggregator: "sum", values: this.#series.flatMap((series) => this.#lines(series)) });
  }

  #lines({ labels, totals }: LabelledTotals): Line[] {
    let below = 0;
    const buckets = LATENCY_BOUNDS_MS.map((ms, index): Line => {
      below += totals.counts[index] ?? 0;
      return { metricName: `${this.#name}_bucket`, labels: { ...labels, le: ms / 1_000 }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${this.#name}_bucket`, labels: { ...labels, le: "+Inf" }, value: totals.count },
      { metricName: `${this.#name}_sum`, labels, value: totals.sumMs / 1_000 },
      { metricName: `${this.#name}_count`, labels, value: totals.count },
    ];
  }
}
