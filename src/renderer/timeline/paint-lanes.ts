// Owns the painting of the four lanes onto one canvas, on the axis that the chart has just painted with.
import type { GapEntry, Grade } from "../../shared/candles.ts";
import { barCentreX, timeToX, type TimeAxis } from "../chart/axis.ts";
import { hatchPattern } from "../chart/hatch.ts";
import { gradeAt } from "../store/bars.ts";
import type { ViewState } from "../store/view.ts";
import type { Palette, PaletteName } from "../theme/palette.ts";
import { LANE_PX, LANES, LANES_PX, visibleBars } from "./layout.ts";

interface Pen {
  readonly context: CanvasRenderingContext2D;
  readonly axis: TimeAxis;
  readonly palette: Palette;
  readonly unknown: CanvasPattern | string;
  readonly unresolved: CanvasPattern | string;
}
export interface Painted { readonly firstBarX: number | undefined; readonly lastBarX: number | undefined }

/** How sure we are is how tall the cell is; what we do not know is hatched. */
const SURE: Partial<Readonly<Record<Grade, { readonly color: PaletteName; readonly height: number }>>> = {
  proved: { color: "grade-proved", height: 1 },
  repaired: { color: "grade-repaired", height: 1 },
  likely: { color: "grade-likely", height: 0.66 },
  unprovable: { color: "grade-unprovable", height: 0.4 },
  partial: { color: "grade-partial", height: 0.4 },
  empty_proved: { color: "grade-proved", height: 0.12 },
};
const CELL_TOP = 5;
const CELL_PX = LANE_PX - 2 * CELL_TOP;

/** Paints everything. `ratio` is the device's pixels per CSS pixel; returns where bars were put, for tests of the axis. */
export function paintLanes(canvas: HTMLCanvasElement, input: {
  readonly axis: TimeAxis; readonly view: ViewState; readonly palette: Palette; readonly ratio: number; readonly cursorMs: number | undefined;
}): Painted {
  const { axis, view, palette, ratio } = input;
  const context = canvas.getContext("2d");
  if (context === null) return { firstBarX: undefined, lastBarX: undefined };
  const width = Math.round(axis.width * ratio);
  const height = Math.round(LANES_PX * ratio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, axis.width, LANES_PX);
  const pen: Pen = {
    context, axis, palette,
    unknown: hatchPattern(context, palette.hatch, 1) ?? palette.hatch,
    unresolved: hatchPattern(context, palette.trouble, 1) ?? palette.trouble,
  };
  paintRules(pen);
  const painted = paintCoverage(pen, view);
  for (const gap of view.gaps) paintGap(pen, gap, input.cursorMs);
  for (const mark of view.revisions) if (mark.revision > 1) paintDiamond(pen, barCentreX(axis, mark.openMs));
  for (const event of view.events) paintEvent(pen, event.kind, timeToX(axis, event.atMs));
  return painted;
}

function paintRules({ context, axis, palette }: Pen): void {
  context.fillStyle = palette.grid;
  for (let lane = 1; lane < LANES.length; lane += 1) context.fillRect(0, lane * LANE_PX, axis.width, 1);
}

function paintCell(pen: Pen, grade: Grade | undefined, fromX: number, width: number): void {
  const { context, palette } = pen;
  const sure = grade === undefined ? undefined : SURE[grade];
  if (sure !== undefined) {
    context.fillStyle = palette[sure.color];
    const height = Math.max(1, CELL_PX * sure.height);
    context.fillRect(fromX, CELL_TOP + CELL_PX - height, width, height);
    if (grade !== "partial") return;
    context.fillStyle = pen.unknown;
    context.fillRect(fromX, CELL_TOP, width, CELL_PX * 0.6);
    return;
  }
  if (grade === undefined) {
    context.fillStyle = palette["text-faint"];
    context.fillRect(fromX, CELL_TOP + CELL_PX - 1, width, 1);
    return;
  }
  context.fillStyle = grade === "missing" ? pen.unknown : pen.unresolved;
  context.fillRect(fromX, CELL_TOP, width, CELL_PX);
}

function paintCoverage(pen: Pen, view: ViewState): Painted {
  const { axis } = pen;
  const { columns } = view.bars;
  const gutter = axis.spacing > 4 ? 1 : 0;
  for (const range of view.empty) {
    const fromX = timeToX(axis, range.fromOpenMs);
    const untilX = timeToX(axis, range.untilOpenMs);
    if (untilX >= 0 && fromX <= axis.width) paintCell(pen, range.grade, fromX, untilX - fromX - gutter);
  }
  const { from, until } = visibleBars(view, axis);
  for (let index = from; index < until; index += 1) {
    paintCell(pen, gradeAt(columns, index), timeToX(axis, columns.openMs[index] ?? 0), Math.max(axis.spacing - gutter, 0.5));
  }
  const xOf = (index: number): number | undefined => {
    const openMs = columns.openMs[index];
    return index < columns.length && openMs !== undefined ? barCentreX(axis, openMs) : undefined;
  };
  return { firstBarX: xOf(0), lastBarX: xOf(columns.length - 1) };
}

function paintGap({ context, axis, palette, unknown, unresolved }: Pen, gap: GapEntry, cursorMs: number | undefined): void {
  const fromX = timeToX(axis, gap.fromMs);
  const toX = Math.max(timeToX(axis, gap.toMs ?? cursorMs ?? gap.fromMs), fromX + 2);
  if (toX < 0 || fromX > axis.width) return;
  const top = LANE_PX + 6;
  const height = LANE_PX - 12;
  if (gap.state === "repaired") {
    context.fillStyle = palette["grade-repaired"];
    context.fillRect(fromX, top + height / 2 - 2, toX - fromX, 4);
    return;
  }
  const isLost = gap.state === "GAP_UNRESOLVED";
  context.fillStyle = isLost ? unresolved : unknown;
  context.fillRect(fromX, top, toX - fromX, height);
  context.fillStyle = isLost ? palette.trouble : palette.warn;
  context.fillRect(fromX, top, 1.5, height);
  if (gap.toMs !== undefined) context.fillRect(toX - 1.5, top, 1.5, height);
}

function paintDiamond({ context, axis, palette }: Pen, x: number): void {
  if (x < -6 || x > axis.width + 6) return;
  const y = 2.5 * LANE_PX;
  context.fillStyle = palette.revised;
  context.beginPath();
  context.moveTo(x, y - 5);
  context.lineTo(x + 4, y);
  context.lineTo(x, y + 5);
  context.lineTo(x - 4, y);
  context.fill();
}

/** Shapes, not colours, tell connection events apart: up, down, and all others. */
function paintEvent({ context, axis, palette }: Pen, kind: string, x: number): void {
  if (x < -6 || x > axis.width + 6) return;
  const y = 3.5 * LANE_PX;
  const isUp = /^(connect|acknowledge|started|recover|reopen|backfill_done)/.test(kind);
  const isDown = /^(disconnect|stale|stopped|quarantine|refus|failed|host_slept)/.test(kind);
  context.beginPath();
  if (isDown || isUp) {
    const tip = isUp ? -4 : 4;
    context.moveTo(x, y + tip);
    context.lineTo(x + 4.5, y - tip);
    context.lineTo(x - 4.5, y - tip);
    context.closePath();
  } else context.arc(x, y, 3, 0, 2 * Math.PI);
  context.fillStyle = isDown ? palette.warn : palette["text-dim"];
  context.fill();
}
