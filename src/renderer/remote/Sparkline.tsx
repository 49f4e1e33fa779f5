// Owns the small curve beside a figure: the last samples, lowest at the foot; what is unknown is a break, not a zero.
import type { ReactElement } from "react";
import { SAMPLES_MAX, type Samples } from "./history.ts";

const WIDTH = 64;
const HEIGHT = 14;

/** Path of a curve in a box of WIDTH × HEIGHT: newest at the right, scaled from 0 to the largest sample (at least `floor`). */
export function curvePath(samples: Samples, floor: number): string {
  const top = Math.max(floor, ...samples.map((sample) => sample ?? 0));
  const step = WIDTH / (SAMPLES_MAX - 1);
  let path = "";
  let isDrawing = false;
  samples.forEach((sample, index) => {
    if (sample === undefined) {
      isDrawing = false;
      return;
    }
    const x = WIDTH - (samples.length - 1 - index) * step;
    const y = HEIGHT - 1 - (Math.max(0, sample) / top) * (HEIGHT - 2);
    path += `${isDrawing ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    isDrawing = true;
  });
  return path;
}

export function Sparkline({ samples, name, floor }: { readonly samples: Samples; readonly name: string; readonly floor: number }): ReactElement {
  return <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={name}><path d={curvePath(samples, floor)} /></svg>;
}
