// Owns the chart library's objects for as long as the chart is on screen: feeding bars, keeping the place, reporting axis and pointer.
import {
  CandlestickSeries, ColorType, createChart, CrosshairMode, HistogramSeries,
  type IChartApi, type ISeriesApi, type MouseEventParams, type Time, type UTCTimestamp,
} from "lightweight-charts";
import { INTERVAL_MS, type Interval } from "../../shared/time.ts";
import { grouped } from "../format/numbers.ts";
import { bucketTime, utcDay } from "../format/times.ts";
import type { ViewState } from "../store/view.ts";
import type { Palette } from "../theme/palette.ts";
import { restoredRange, SLOTS_MAX, slotsFor, type Slots, type TimeAxis } from "./axis.ts";
import { allPoints, candlePoint, usedPrecision, volumePoint } from "./points.ts";
import { TapePrimitive, type GhostBar } from "./primitive.ts";
import { chartTime, openMsOf } from "./seconds.ts";

export interface ChartEvents {
  /** Called inside the chart's paint, once per paint. */
  readonly onPaint: (axis: TimeAxis) => void;
  readonly onHover: (openMs: number | undefined) => void;
  readonly onPick: (openMs: number) => void;
  /** The visible slots, for loading more at either side. */
  readonly onRange: (range: { readonly fromSlot: number; readonly toSlot: number; readonly slots: number }) => void;
}

/** More single updates than this cost more than setting all. */
const UPDATES_MAX = 12;
/** Bars in view when a series is opened (a young series is not stretched below the smaller number), and free slots at its right. */
const BARS_AT_FIRST = 140;
const BARS_AT_LEAST = 60;
const FREE_AT_RIGHT = 7;

export class ChartController {
  readonly #chart: IChartApi;
  readonly #candles: ISeriesApi<"Candlestick">;
  readonly #volumes: ISeriesApi<"Histogram">;
  readonly #primitive: TapePrimitive;
  readonly #events: ChartEvents;
  #palette: Palette;
  #slots: Slots | undefined;
  #series = "";
  #resets = -1;
  #version = -1;
  #precision = 2;
  #lastAxis: TimeAxis | undefined;
  #isLastUp: boolean | undefined;

  constructor(options: { readonly container: HTMLElement; readonly palette: Palette; readonly events: ChartEvents }) {
    this.#events = options.events;
    this.#palette = options.palette;
    this.#chart = createChart(options.container, {
      autoSize: true,
      layout: { attributionLogo: false, fontFamily: "Inter Variable, sans-serif", fontSize: 11 },
      crosshair: { mode: CrosshairMode.Normal, vertLine: { visible: false, labelVisible: true } },
      timeScale: { timeVisible: true, rightOffset: FREE_AT_RIGHT, barSpacing: 8, minBarSpacing: 0.2, shiftVisibleRangeOnNewBar: false },
      rightPriceScale: { minimumWidth: 76 },
      localization: { priceFormatter: (price: number) => grouped(price.toFixed(this.#precision)) },
    });
    this.#candles = this.#chart.addSeries(CandlestickSeries, { priceLineStyle: 3 });
    this.#volumes = this.#chart.addSeries(HistogramSeries, {
      priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false,
    });
    this.#candles.priceScale().applyOptions({ scaleMargins: { top: 0.1, bottom: 0.24 } });
    this.#volumes.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.#primitive = new TapePrimitive({ series: this.#candles, readAxis: () => this.axis(), onPaint: (axis) => this.#painted(axis) });
    this.#candles.attachPrimitive(this.#primitive);
    this.#chart.subscribeCrosshairMove((move) => this.#events.onHover(this.#openMsAt(move)));
    this.#chart.subscribeClick((click) => {
      const openMs = this.#openMsAt(click);
      if (openMs !== undefined) this.#events.onPick(openMs);
    });
    this.#chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
      if (range !== null && this.#slots !== undefined) this.#events.onRange({ fromSlot: range.from, toSlot: range.to, slots: this.#slots.count });
    });
    this.setPalette(options.palette);
  }

  /** The axis as it will be painted; undefined before there are bars. */
  axis(): TimeAxis | undefined {
    const scale = this.#chart.timeScale();
    const slots = this.#slots;
    const originX = scale.logicalToCoordinate(0 as never);
    const nextX = scale.logicalToCoordinate(1 as never);
    if (slots === undefined || originX === null || nextX === null) return undefined;
    return { firstOpenMs: slots.firstOpenMs, intervalMs: slots.intervalMs, slots: slots.count, originX, spacing: nextX - originX, width: scale.width() };
  }

  /** Where the library itself draws this bar: what the shared axis must agree with. */
  drawnX(openMs: number): number | undefined {
    return this.#chart.timeScale().timeToCoordinate(chartTime(openMs)) ?? undefined;
  }

  setPalette(palette: Palette): void {
    this.#palette = palette;
    this.#chart.applyOptions({
      layout: { background: { type: ColorType.Solid, color: palette.ground }, textColor: palette["text-dim"] },
      grid: { vertLines: { color: palette.grid }, horzLines: { color: palette.grid } },
      crosshair: {
        vertLine: { labelBackgroundColor: palette.line },
        horzLine: { color: palette["text-faint"], labelBackgroundColor: palette.line },
      },
      rightPriceScale: { borderColor: palette.line },
      timeScale: { borderColor: palette.line },
    });
    this.#candles.applyOptions({
      upColor: palette.up, downColor: palette.down, borderUpColor: palette.up, borderDownColor: palette.down,
      wickUpColor: palette.up, wickDownColor: palette.down,
    });
  }

  /** Brings the chart to the state of the view. Cheap when little has changed. */
  sync(view: ViewState, options: { readonly cursorMs: number | undefined; readonly force: boolean }): void {
    if (view.series === undefined) return;
    const intervalMs = INTERVAL_MS[view.series.interval];
    const { columns } = view.bars;
    const next = slotsFor({ firstBarMs: columns.openMs[0], lastBarMs: columns.openMs[columns.length - 1], cursorMs: options.cursorMs, intervalMs: intervalMs });
    const usable = columns.length === 0 && next !== undefined ? { ...next, count: 1 } : next;
    if (usable === undefined) {
      this.#clear(view);
      return;
    }
    const isReplaced = options.force || view.resets !== this.#resets || this.#slots === undefined;
    if (isReplaced || (view.version !== this.#version && view.touched.kind === "all")) this.#setAll(view, usable);
    else this.#update(view, usable);
    this.#resets = view.resets;
    this.#version = view.version;
    this.#colourLastPrice(view, options.force);
  }

  /** Explicitly, since the forming bar is hollow and the library would take its fill for the price label. */
  #colourLastPrice(view: ViewState, isForced: boolean): void {
    const { columns } = view.bars;
    const isUp = (columns.close[columns.length - 1] ?? 0) >= (columns.open[columns.length - 1] ?? 0);
    if (isUp === this.#isLastUp && !isForced) return;
    this.#isLastUp = isUp;
    this.#candles.applyOptions({ priceLineColor: isUp ? this.#palette.up : this.#palette.down });
  }

  underlay(view: ViewState, extra: { readonly cursorMs: number | undefined; readonly ghost: GhostBar | undefined; readonly selectedOpenMs: number | undefined }): void {
    this.#primitive.set({ gaps: view.gaps, empty: view.empty, palette: this.#palette, ...extra });
  }

  /** Shows the newest bars at the right edge. */
  showNewest(): void {
    if (this.#slots !== undefined) this.#showLast(this.#slots.count);
  }

  zoom(factor: number): void {
    const range = this.#chart.timeScale().getVisibleLogicalRange();
    if (range === null) return;
    const width = (range.to - range.from) * factor;
    this.#chart.timeScale().setVisibleLogicalRange({ from: range.to - width, to: range.to });
  }

  dispose(): void {
    this.#chart.remove();
  }

  /** A series of which nothing is known yet: what was drawn before is another one's. */
  #clear(view: ViewState): void {
    this.#resets = view.resets;
    this.#version = view.version;
    if (this.#slots === undefined) return;
    this.#slots = undefined;
    this.#series = "";
    this.#candles.setData([]);
    this.#volumes.setData([]);
  }

  #setAll(view: ViewState, slots: Slots): void {
    const seriesName = view.series === undefined ? "" : `${view.series.venue}:${view.series.symbol}:${view.series.interval}`;
    const before = this.#series === seriesName ? (this.axis() ?? this.#lastAxis) : undefined;
    this.#setPrecision(view, view.series?.interval);
    const { candles, volumes } = allPoints(view.bars, slots, this.#palette);
    this.#slots = slots;
    this.#series = seriesName;
    this.#candles.setData(candles);
    this.#volumes.setData(volumes);
    if (before === undefined || before.width <= 0) this.#showLast(slots.count);
    else this.#chart.timeScale().setVisibleLogicalRange(restoredRange(before, slots));
  }

  #showLast(count: number): void {
    const to = count + FREE_AT_RIGHT;
    this.#chart.timeScale().setVisibleLogicalRange({ from: to - Math.min(BARS_AT_FIRST, Math.max(BARS_AT_LEAST, to)), to });
  }

  #setPrecision(view: ViewState, interval: Interval | undefined): void {
    this.#precision = usedPrecision(view.bars.columns);
    this.#candles.applyOptions({ priceFormat: { type: "price", precision: this.#precision, minMove: 10 ** -this.#precision } });
    if (interval === undefined) return;
    const intervalMs = INTERVAL_MS[interval];
    this.#chart.applyOptions({
      timeScale: { secondsVisible: intervalMs < 60_000 },
      localization: {
        timeFormatter: (time: Time) => {
          const openMs = openMsOf(time as UTCTimestamp);
          return intervalMs >= 86_400_000 ? utcDay(openMs) : `${utcDay(openMs)} ${bucketTime(openMs, intervalMs)} UTC`;
        },
      },
    });
  }

  #update(view: ViewState, next: Slots): void {
    const slots = this.#slots;
    if (slots === undefined) return;
    const nextLastMs = next.firstOpenMs + (next.count - 1) * next.intervalMs;
    let lastMs = slots.firstOpenMs + (slots.count - 1) * slots.intervalMs;
    const touched = view.version !== this.#version && view.touched.kind === "some" ? view.touched.openMs.filter((ms) => ms <= lastMs && ms >= slots.firstOpenMs) : [];
    const added = Math.round((nextLastMs - lastMs) / slots.intervalMs);
    if (added < 0 || touched.length + added > UPDATES_MAX || slots.count + added > SLOTS_MAX + 512) {
      this.#setAll(view, next);
      return;
    }
    const range = this.#chart.timeScale().getVisibleLogicalRange();
    for (const openMs of touched) this.#put(view, openMs, { isHistorical: openMs < lastMs });
    while (lastMs < nextLastMs) {
      lastMs += slots.intervalMs;
      this.#put(view, lastMs, { isHistorical: false });
    }
    if (added > 0) {
      this.#slots = { ...slots, count: slots.count + added };
      // Our own shift, since the library's does not count whitespace: in a quiet market the cursor would leave the chart.
      if (range !== null && range.to >= slots.count - 1) this.#chart.timeScale().setVisibleLogicalRange({ from: range.from + added, to: range.to + added });
    }
    if (usedPrecision(view.bars.columns) > this.#precision) this.#setPrecision(view, view.series?.interval);
  }

  #put(view: ViewState, openMs: number, options: { readonly isHistorical: boolean }): void {
    this.#candles.update(candlePoint(view.bars, openMs, this.#palette), options.isHistorical);
    this.#volumes.update(volumePoint(view.bars, openMs, this.#palette), options.isHistorical);
  }

  #painted(axis: TimeAxis): void {
    this.#lastAxis = axis;
    this.#events.onPaint(axis);
  }

  #openMsAt(move: MouseEventParams): number | undefined {
    if (move.logical === undefined || this.#slots === undefined) return undefined;
    const slot = Math.round(move.logical);
    return slot < 0 || slot >= this.#slots.count ? undefined : this.#slots.firstOpenMs + slot * this.#slots.intervalMs;
  }
}

