// Owns the chart's place on screen and joins it to the stores: bars in, axis, pointer and selection out.
import { useEffect, useRef, type ReactElement } from "react";
import { BAR_REVISED } from "../../shared/protocol/frames.ts";
import { isWindowAtCursor, rangeShown } from "../engine/session.ts";
import { engineStore } from "../store/engine-state.ts";
import { knownUntilMs } from "../store/known.ts";
import { screenStore, selectBar } from "../store/screen.ts";
import { viewStore } from "../store/view.ts";
import { readPalette } from "../theme/palette.ts";
import { axisStore, setAxis, setHover } from "./axis-store.ts";
import { ChartController } from "./controller.ts";
import { readGhost } from "./ghost.ts";
import { holdChart } from "./handle.ts";
import type { GhostBar } from "./primitive.ts";

/** Where the library painted the first and last bar, so that a test can hold the lanes' own reckoning against it. */
function publish(element: HTMLElement, chart: ChartController): void {
  const { columns } = viewStore.getState().bars;
  const first = columns.openMs[0];
  const last = columns.openMs[columns.length - 1];
  element.dataset["firstBarX"] = first === undefined ? "" : String(chart.drawnX(first) ?? "");
  element.dataset["lastBarX"] = last === undefined ? "" : String(chart.drawnX(last) ?? "");
  element.dataset["lastBarOpenMs"] = last === undefined ? "" : String(last);
  element.dataset["bars"] = String(columns.length);
}

function joinStores(container: HTMLElement): () => void {
  let ghost: GhostBar | undefined;
  const cursorMs = (): number | undefined => engineStore.getState().player?.point.knownMs;
  const chart: ChartController = new ChartController({
    container,
    palette: readPalette(container),
    events: {
      onPaint: (axis) => {
        setAxis(axis);
        publish(container, chart);
      },
      onHover: setHover,
      onPick: selectBar,
      onRange: rangeShown,
    },
  });
  const underlay = (): void => chart.underlay(viewStore.getState(), { cursorMs: knownUntilMs(), ghost, selectedOpenMs: screenStore.getState().selectedOpenMs });
  const sync = (force: boolean): void => {
    chart.sync(viewStore.getState(), { cursorMs: isWindowAtCursor() ? cursorMs() : undefined, force });
    underlay();
  };
  const dropGhost = watchGhost((next) => {
    ghost = next;
    underlay();
  });
  const unsubscribe = [
    viewStore.subscribe(() => sync(false)),
    engineStore.subscribe((state, before) => {
      if (state.player?.point.knownMs !== before.player?.point.knownMs) sync(false);
    }),
    screenStore.subscribe((state, before) => {
      if (state.selectedOpenMs !== before.selectedOpenMs) underlay();
      if (state.theme === before.theme && state.pair === before.pair) return;
      chart.setPalette(readPalette(container));
      sync(true);
    }),
    dropGhost,
  ];
  holdChart(chart);
  sync(true);
  return () => {
    holdChart(undefined);
    for (const stop of unsubscribe) stop();
    chart.dispose();
  };
}

/** Shows the first form of a revised bar while the pointer is on it. */
function watchGhost(show: (ghost: GhostBar | undefined) => void): () => void {
  return axisStore.subscribe((state, before) => {
    if (state.hoverOpenMs === before.hoverOpenMs) return;
    show(undefined);
    const { bars, series } = viewStore.getState();
    const openMs = state.hoverOpenMs;
    const index = openMs === undefined ? undefined : bars.indexOf(openMs);
    if (openMs === undefined || index === undefined || series === undefined || ((bars.columns.flags[index] ?? 0) & BAR_REVISED) === 0) return;
    void readGhost({ ...series, openMs }, bars.columns.atSeq[index] ?? 0).then((ghost) => {
      if (axisStore.getState().hoverOpenMs === openMs) show(ghost);
    });
  });
}

export function Chart(): ReactElement {
  const container = useRef<HTMLDivElement>(null);
  useEffect(() => (container.current === null ? undefined : joinStores(container.current)), []);
  return <div ref={container} className="chart" data-testid="chart" role="img" aria-label="Candles and volume" />;
}
