// Owns the way from actions (keys, palette) to the chart that is on screen, if one is.
import type { ChartController } from "./controller.ts";

let shown: ChartController | undefined;

export function holdChart(chart: ChartController | undefined): void {
  shown = chart;
}

export function withChart(act: (chart: ChartController) => void): void {
  if (shown !== undefined) act(shown);
}
