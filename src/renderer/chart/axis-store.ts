// Owns what the chart last painted with: the axis, and the moment under the pointer. The chart writes, lanes read.
import { createStore } from "zustand/vanilla";
import type { TimeAxis } from "./axis.ts";

export interface AxisState {
  readonly axis: TimeAxis | undefined;
  /** Bucket under the pointer, in chart or lanes. */
  readonly hoverOpenMs: number | undefined;
}

export const axisStore = createStore<AxisState>(() => ({ axis: undefined, hoverOpenMs: undefined }));

export function setAxis(axis: TimeAxis): void {
  const before = axisStore.getState().axis;
  const isSame = before !== undefined && (Object.keys(axis) as (keyof TimeAxis)[]).every((name) => before[name] === axis[name]);
  if (!isSame) axisStore.setState({ axis });
}

export function setHover(hoverOpenMs: number | undefined): void {
  if (axisStore.getState().hoverOpenMs !== hoverOpenMs) axisStore.setState({ hoverOpenMs });
}
