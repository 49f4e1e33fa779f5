// Owns the centre: legend, chart, lanes, and the two lines (cursor, pointer) that run through both.
import { useEffect, useRef, type ReactElement } from "react";
import { useStore } from "zustand";
import { INTERVAL_MS } from "../../shared/time.ts";
import { axisStore } from "../chart/axis-store.ts";
import { barCentreX, timeToX } from "../chart/axis.ts";
import { Chart } from "../chart/Chart.tsx";
import { count, grouped } from "../format/numbers.ts";
import { bucketTime, utcDay } from "../format/times.ts";
import { RemoteBanner } from "../remote/RemoteBanner.tsx";
import { isBehind, seriesOf, standingOf } from "../remote/words.ts";
import { barText, type BarText } from "../store/bars.ts";
import { engineStore, isRemoteShown, shownRemote } from "../store/engine-state.ts";
import { viewStore, type ViewState } from "../store/view.ts";
import { gradeOfBucket } from "../timeline/layout.ts";
import { Lanes } from "../timeline/Lanes.tsx";

function barUnder(view: ViewState, openMs: number | undefined): BarText | undefined {
  const index = openMs === undefined ? view.bars.length - 1 : view.bars.indexOf(openMs);
  return index === undefined || index < 0 ? undefined : barText(view.bars.columns, index);
}

function Legend(): ReactElement | undefined {
  const hoverOpenMs = useStore(axisStore, (state) => state.hoverOpenMs);
  const series = useStore(viewStore, (view) => view.series);
  useStore(viewStore, (view) => view.version);
  if (series === undefined) return undefined;
  const view = viewStore.getState();
  const bar = barUnder(view, hoverOpenMs);
  const intervalMs = INTERVAL_MS[series.interval];
  const grade = hoverOpenMs === undefined ? bar?.grade : gradeOfBucket(view, hoverOpenMs);
  const tone = bar?.isUp === true ? "up" : "down";
  const openMs = hoverOpenMs ?? bar?.openMs;
  return (
    <div className="legend num" data-testid="legend">
      <span className="legend-name"><b>{series.symbol}</b> · {series.venue} · {series.interval}</span>
      {hoverOpenMs !== undefined && openMs !== undefined && <span className="dim">{utcDay(openMs)} {bucketTime(openMs, intervalMs)}</span>}
      {bar === undefined ? <span className="dim">no trades</span> : (
        <>
          {(["open", "high", "low", "close"] as const).map((name) => <span key={name}><span className="dim">{name.charAt(0).toUpperCase()}</span> <span className={tone}>{grouped(bar[name])}</span></span>)}
          <span><span className="dim">V</span> {grouped(bar.volume)}</span><span><span className="dim">n</span> {count(bar.tradeCount)}</span>
          {bar.isForming && <span className="tag">forming</span>}
          {bar.revision > 1 && <span className="tag tag-revised">r{bar.revision}</span>}
          {bar.isInexact && <span className="dim" title="This number has more digits than fit here: the inspector has them all">≈</span>}
        </>
      )}
      {grade !== undefined && <span className="dim">{grade}</span>}
    </div>
  );
}

/** One line through chart and lanes, moved without rendering. `xOf` gives its place, undefined hides it. */
function useLine(xOf: () => number | undefined): React.RefObject<HTMLDivElement | null> {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const move = (): void => {
      const line = ref.current;
      const { axis } = axisStore.getState();
      const x = xOf();
      if (line === null) return;
      const isShown = x !== undefined && axis !== undefined && x >= 0 && x <= axis.width;
      line.hidden = !isShown;
      if (isShown) line.style.transform = `translateX(${x}px)`;
      line.dataset["x"] = x === undefined ? "" : String(x);
    };
    const stop = [axisStore.subscribe(move), engineStore.subscribe(move)];
    move();
    return () => {
      for (const one of stop) one();
    };
    // `xOf` reads the stores alone.
  }, []);
  return ref;
}

function cursorX(): number | undefined {
  const { axis } = axisStore.getState();
  const point = engineStore.getState().player?.point;
  return axis === undefined || point === undefined || point.knownMs <= 0 ? undefined : timeToX(axis, point.knownMs);
}

function hoverX(): number | undefined {
  const { axis, hoverOpenMs } = axisStore.getState();
  return axis === undefined || hoverOpenMs === undefined ? undefined : barCentreX(axis, hoverOpenMs);
}

function EmptyStage(): ReactElement | undefined {
  const hasSeries = useStore(viewStore, (view) => view.series !== undefined);
  const hasBars = useStore(viewStore, (view) => view.bars.length > 0 || view.version < 0);
  useStore(viewStore, (view) => view.version);
  const isRemote = useStore(engineStore, isRemoteShown);
  if (hasBars) return undefined;
  if (isRemote) return <p className="stage-empty">No bars of this series have come yet. They appear as soon as the server sends them.</p>;
  return <p className="stage-empty">{hasSeries ? "No trades of this symbol up to the cursor. Play, or go to a later moment." : "Bars appear here once a source sends trades or a capture is open."}</p>;
}

export function Stage(): ReactElement {
  const cursor = useLine(cursorX);
  const hover = useLine(hoverX);
  const series = useStore(viewStore, (view) => view.series);
  const isGrey = useStore(engineStore, (state) => {
    if (!isRemoteShown(state)) return false;
    const remote = shownRemote(state);
    return isBehind(standingOf(remote, seriesOf(remote, series)).state);
  });
  return (
    <main className="stage" data-testid="stage" data-behind={isGrey}>
      <Legend />
      <RemoteBanner />
      <Chart />
      <EmptyStage />
      <Lanes />
      <div ref={hover} className="hover-line" aria-hidden="true" />
      <div ref={cursor} className="cursor-line" data-testid="cursor-line" aria-hidden="true" />
    </main>
  );
}
