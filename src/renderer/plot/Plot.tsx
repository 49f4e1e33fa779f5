// Owns the one place that draws with uPlot: a canvas that follows its box, takes its colours from the theme, and leaves unknown a break.
import { useEffect, useRef, type ReactElement } from "react";
import { useStore } from "zustand";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { utc } from "../format/times.ts";
import { screenStore } from "../store/screen.ts";

const DAY_MS = 86_400_000;

export interface PlotLine {
  readonly name: string;
  /** A CSS variable of the theme, without the dashes: `plot-1`. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

export interface PlotData {
  /** Ascending. */
  readonly x: readonly number[];
  readonly lines: readonly PlotLine[];
}

export interface PlotLook {
  /** `small`: no axes, no legend, no pointer: a curve beside a figure. */
  readonly size: "small" | "full";
  /** x are epoch milliseconds. */
  readonly isTime: boolean;
  readonly isPoints: boolean;
  /** Where y begins at least; undefined: as the data lie. */
  readonly floor: number | undefined;
}

/** UTC, 24 hours, as fine as the step; the day under the first tick and wherever it changes. */
export function timeTicks(splits: readonly number[], stepMs: number): string[] {
  let day = "";
  return splits.map((ms) => {
    const moment = utc(ms);
    const today = moment.slice(0, 10);
    const text = stepMs >= DAY_MS ? "" : moment.slice(11, stepMs >= 60_000 ? 16 : stepMs >= 1_000 ? 19 : 23);
    if (today === day) return text;
    day = today;
    return text === "" ? today : `${text}\n${today}`;
  });
}

const NO_PATH = (): null => null;
const utcDate = (ts: number): Date => uPlot.tzDate(new Date(ts), "Etc/UTC");

function optionsOf(element: HTMLElement, look: PlotLook, lines: readonly Pick<PlotLine, "name" | "colour">[]): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const isSmall = look.size === "small";
  const axis = { stroke: colour("text-dim"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1, size: 4 }, font: `11px ${style.fontFamily}` };
  const { floor } = look;
  const range: uPlot.Scale.Range = (_plot, from, to) => {
    const [low, high] = [floor === undefined ? (from ?? 0) : Math.min(0, from ?? 0), Math.max(floor ?? -Infinity, to ?? 1)];
    const room = low === high ? Math.max(1, Math.abs(low) * 0.01) : (high - low) * 0.05;
    return floor === undefined ? [low - room, high + room] : [low, high + room];
  };
  return {
    width: Math.max(10, element.clientWidth), height: Math.max(10, element.clientHeight), ms: 1, tzDate: utcDate, pxAlign: isSmall ? 0 : 1,
    legend: { show: false }, cursor: isSmall ? { show: false } : { points: { size: 5 }, drag: { x: true, y: false } }, padding: isSmall ? [2, 2, 2, 2] : [10, 12, 4, 4],
    scales: { x: { time: look.isTime }, y: { range } },
    axes: isSmall ? [{ show: false }, { show: false }] : [{ ...axis, size: look.isTime ? 40 : 30, ...(look.isTime && { values: (_plot: uPlot, splits: number[], _axis: number, _space: number, step: number) => timeTicks(splits, step) }) }, { ...axis, size: 72, values: (_plot, splits) => splits.map((value) => value.toLocaleString("en-US", { maximumSignificantDigits: 9 })) }],
    series: [{}, ...lines.map((line): uPlot.Series => ({
      label: line.name, stroke: colour(line.colour), width: isSmall ? 1.2 : 1.4, spanGaps: false,
      points: { show: look.isPoints, size: 4, stroke: colour(line.colour), fill: colour(line.colour) },
      ...(look.isPoints && { paths: NO_PATH }),
    }))],
  };
}

/** `onPointer` hears the index under the pointer; undefined when it has left. `onPointer` must be the same function on every render. */
export function Plot({ data, look, label, className, onPointer, testId }: {
  readonly data: PlotData; readonly look: PlotLook; readonly label: string; readonly className: string; readonly onPointer?: (index: number | undefined) => void; readonly testId?: string;
}): ReactElement {
  const element = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const theme = useStore(screenStore, (state) => `${state.theme}/${state.pair}`);
  // Only what makes another plot; new values go into the one that is there.
  const shape = `${look.size}/${String(look.isTime)}/${String(look.isPoints)}/${look.floor ?? ""}/${data.lines.map(({ name, colour }) => `${name}=${colour}`).join(",")}`;
  const aligned = (): uPlot.AlignedData => [[...data.x], ...data.lines.map(({ values }) => [...values])];
  useEffect(() => {
    const box = element.current;
    if (box === null) return undefined;
    const options = optionsOf(box, look, data.lines);
    const drawn = new uPlot({ ...options, hooks: { setCursor: [(one) => onPointer?.(one.cursor.idx ?? undefined)] } }, aligned(), box);
    plot.current = drawn;
    const resize = new ResizeObserver(() => drawn.setSize({ width: Math.max(10, box.clientWidth), height: Math.max(10, box.clientHeight) }));
    resize.observe(box);
    return () => {
      resize.disconnect();
      plot.current = undefined;
      drawn.destroy();
    };
    // `shape` stands for look and lines.
  }, [shape, theme]);
  useEffect(() => {
    plot.current?.setData(aligned());
  }, [data]);
  return <div ref={element} className={className} role="img" aria-label={label} data-testid={testId} data-points={data.x.length} />;
}
