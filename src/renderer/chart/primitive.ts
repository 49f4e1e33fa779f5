// Owns what is painted into the chart besides bars: gaps as hatching, the ghost of a revised bar. Reports the axis of each paint.
import type {
  ISeriesApi, ISeriesPrimitive, IPrimitivePaneRenderer, IPrimitivePaneView, PrimitivePaneViewZOrder, SeriesAttachedParameter, Time,
} from "lightweight-charts";
import type { GapEntry } from "../../shared/candles.ts";
import type { EmptyRange } from "../store/view.ts";
import type { Palette } from "../theme/palette.ts";
import { barCentreX, timeToX, type TimeAxis } from "./axis.ts";
import { hatchPattern } from "./hatch.ts";

type Target = Parameters<IPrimitivePaneRenderer["draw"]>[0];

export interface GhostBar { readonly openMs: number; readonly open: number; readonly high: number; readonly low: number; readonly close: number }

export interface Underlay {
  readonly gaps: readonly GapEntry[];
  readonly empty: readonly EmptyRange[];
  readonly cursorMs: number | undefined;
  readonly ghost: GhostBar | undefined;
  readonly selectedOpenMs: number | undefined;
  readonly palette: Palette;
}

interface Span { readonly fromX: number; readonly toX: number; readonly style: "unknown" | "unresolved" | "repaired" }

/** A gap shows at least this wide, else a 200 ms gap would be invisible at 1m. */
const SPAN_PX_MIN = 2;

export function spansOf(axis: TimeAxis, underlay: Pick<Underlay, "gaps" | "empty" | "cursorMs">): readonly Span[] {
  const span = (fromMs: number, toMs: number, style: Span["style"]): Span => {
    const fromX = timeToX(axis, fromMs);
    return { fromX, toX: Math.max(timeToX(axis, toMs), fromX + SPAN_PX_MIN), style };
  };
  const gaps = underlay.gaps.map((gap) => {
    const style = gap.state === "repaired" ? "repaired" : gap.state === "GAP_UNRESOLVED" ? "unresolved" : "unknown";
    return span(gap.fromMs, gap.toMs ?? underlay.cursorMs ?? gap.fromMs, style);
  });
  const empty = underlay.empty
    .filter((range) => range.grade !== "empty_proved")
    .map((range) => span(range.fromOpenMs, range.untilOpenMs, range.grade === "missing" ? "unknown" : "unresolved"));
  return [...empty, ...gaps].filter(({ fromX, toX }) => toX >= 0 && fromX <= axis.width);
}

class PaneView implements IPrimitivePaneView {
  readonly #order: PrimitivePaneViewZOrder;
  readonly #draw: (target: Target) => void;
  constructor(order: PrimitivePaneViewZOrder, draw: (target: Target) => void) {
    this.#order = order;
    this.#draw = draw;
  }
  zOrder(): PrimitivePaneViewZOrder {
    return this.#order;
  }
  renderer(): IPrimitivePaneRenderer {
    return { draw: (target) => this.#draw(target) };
  }
}

export class TapePrimitive implements ISeriesPrimitive<Time> {
  readonly #series: ISeriesApi<"Candlestick">;
  readonly #readAxis: () => TimeAxis | undefined;
  readonly #onPaint: (axis: TimeAxis) => void;
  readonly #views: readonly IPrimitivePaneView[];
  #underlay: Underlay | undefined;
  #requestUpdate: (() => void) | undefined;

  constructor(options: {
    readonly series: ISeriesApi<"Candlestick">; readonly readAxis: () => TimeAxis | undefined; readonly onPaint: (axis: TimeAxis) => void;
  }) {
    this.#series = options.series;
    this.#readAxis = options.readAxis;
    this.#onPaint = options.onPaint;
    this.#views = [new PaneView("bottom", (target) => this.#drawBelow(target)), new PaneView("top", (target) => this.#drawGhost(target))];
  }

  attached(parameters: SeriesAttachedParameter<Time>): void {
    this.#requestUpdate = parameters.requestUpdate;
  }
  detached(): void {
    this.#requestUpdate = undefined;
  }
  paneViews(): readonly IPrimitivePaneView[] {
    return this.#views;
  }

  set(underlay: Underlay): void {
    this.#underlay = underlay;
    this.#requestUpdate?.();
  }

  #drawBelow(target: Target): void {
    const axis = this.#readAxis();
    if (axis === undefined) return;
    const underlay = this.#underlay;
    if (underlay !== undefined) target.useBitmapCoordinateSpace((scope) => paintSpans(scope, axis, underlay));
    // Here, inside the chart's own paint, so that lanes are drawn in the same animation frame with the same numbers.
    this.#onPaint(axis);
  }

  #drawGhost(target: Target): void {
    const axis = this.#readAxis();
    const ghost = this.#underlay?.ghost;
    const color = this.#underlay?.palette.revised;
    if (axis === undefined || ghost === undefined || color === undefined) return;
    const place = (price: number): number | undefined => this.#series.priceToCoordinate(price) ?? undefined;
    const [open, high, low, close] = [place(ghost.open), place(ghost.high), place(ghost.low), place(ghost.close)];
    if (open === undefined || high === undefined || low === undefined || close === undefined) return;
    target.useMediaCoordinateSpace(({ context }) => {
      const x = barCentreX(axis, ghost.openMs);
      const half = Math.max(3, axis.spacing * 0.45);
      context.save();
      context.strokeStyle = color;
      context.setLineDash([3, 2]);
      context.lineWidth = 1.5;
      context.strokeRect(x - half, Math.min(open, close), half * 2, Math.max(1, Math.abs(open - close)));
      context.beginPath();
      context.moveTo(x, high);
      context.lineTo(x, Math.min(open, close));
      context.moveTo(x, Math.max(open, close));
      context.lineTo(x, low);
      context.stroke();
      context.restore();
    });
  }
}

interface BitmapScope {
  readonly context: CanvasRenderingContext2D;
  readonly bitmapSize: { readonly width: number; readonly height: number };
  readonly horizontalPixelRatio: number;
  readonly verticalPixelRatio: number;
}

function paintSpans(scope: BitmapScope, axis: TimeAxis, underlay: Underlay): void {
  const { context, bitmapSize, horizontalPixelRatio: ratio } = scope;
  context.save();
  if (underlay.selectedOpenMs !== undefined) {
    context.fillStyle = underlay.palette.line;
    const fromX = timeToX(axis, underlay.selectedOpenMs);
    context.fillRect(Math.round(fromX * ratio), 0, Math.max(1, Math.round(axis.spacing * ratio)), bitmapSize.height);
  }
  const patterns = {
    unknown: hatchPattern(context, underlay.palette.hatch, ratio),
    unresolved: hatchPattern(context, underlay.palette.trouble, ratio),
  };
  for (const { fromX, toX, style } of spansOf(axis, underlay)) {
    const left = Math.round(fromX * ratio);
    const width = Math.max(1, Math.round(toX * ratio) - left);
    // A repaired gap is known by now: a trace at the foot, no veil over bars that are complete.
    if (style === "repaired") {
      context.fillStyle = underlay.palette["grade-repaired"];
      context.fillRect(left, bitmapSize.height - Math.round(3 * scope.verticalPixelRatio), width, Math.round(3 * scope.verticalPixelRatio));
      continue;
    }
    const pattern = patterns[style];
    if (pattern !== undefined) {
      context.globalAlpha = style === "unresolved" ? 0.6 : 1;
      context.fillStyle = pattern;
      context.fillRect(left, 0, width, bitmapSize.height);
      context.globalAlpha = 1;
    }
  }
  context.restore();
}
