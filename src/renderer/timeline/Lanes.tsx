// Owns the lanes under the chart: painted with the chart's own axis, explained on hover, clicked to go there, dragged to scrub.
import { useEffect, useRef, useState, type PointerEvent, type ReactElement } from "react";
import { useStore } from "zustand";
import { axisStore, setHover } from "../chart/axis-store.ts";
import { xToTime } from "../chart/axis.ts";
import { scrubTo } from "../deck/scrub.ts";
import { run } from "../engine/session.ts";
import { engineStore, isRemoteShown } from "../store/engine-state.ts";
import { knownUntilMs } from "../store/known.ts";
import { screenStore, selectBar } from "../store/screen.ts";
import { viewStore } from "../store/view.ts";
import { readPalette } from "../theme/palette.ts";
import { LaneLists } from "./LaneLists.tsx";
import { itemAt, LANES, LANES_PX, type LaneItem } from "./layout.ts";
import { paintLanes } from "./paint-lanes.ts";

/** A press that moves less than this is a click. */
const CLICK_PX = 3;

function paintTo(element: HTMLElement, canvas: HTMLCanvasElement): () => void {
  let palette = readPalette(element);
  let isAsked = false;
  const paint = (): void => {
    isAsked = false;
    const { axis } = axisStore.getState();
    if (axis === undefined) return;
    canvas.style.width = `${axis.width}px`;
    const painted = paintLanes(canvas, { axis, view: viewStore.getState(), palette, ratio: window.devicePixelRatio, cursorMs: knownUntilMs() });
    element.dataset["firstBarX"] = painted.firstBarX === undefined ? "" : String(painted.firstBarX);
    element.dataset["lastBarX"] = painted.lastBarX === undefined ? "" : String(painted.lastBarX);
  };
  const ask = (): void => {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(paint);
  };
  const unsubscribe = [
    // The axis changes inside the chart's paint: painting here too keeps both in the same frame.
    axisStore.subscribe((state, before) => {
      if (state.axis !== before.axis) paint();
    }),
    viewStore.subscribe(ask),
    screenStore.subscribe((state, before) => {
      if (state.theme === before.theme && state.pair === before.pair) return;
      palette = readPalette(element);
      ask();
    }),
  ];
  ask();
  return () => {
    for (const stop of unsubscribe) stop();
  };
}

/** A remote has no tape to seek in: there every click leads to the bar of that moment. */
function go(item: LaneItem): void {
  const { axis } = axisStore.getState();
  if (isRemoteShown(engineStore.getState())) {
    if (axis === undefined) return;
    const ms = item.goTo.kind === "bar" ? item.goTo.openMs : item.goTo.kind === "time" ? item.goTo.ms : xToTime(axis, item.x);
    selectBar(Math.floor(ms / axis.intervalMs) * axis.intervalMs);
    return;
  }
  if (item.goTo.kind === "bar") selectBar(item.goTo.openMs);
  else if (item.goTo.kind === "seq") run("player", { type: "seek_seq", seq: item.goTo.seq });
  else run("player", { type: "seek_time", ms: item.goTo.ms, fit: "clamped" });
}

function scrub(ms: number): void {
  if (!isRemoteShown(engineStore.getState())) scrubTo(ms);
}

export function Lanes(): ReactElement {
  const element = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const press = useRef<{ readonly x: number; isDrag: boolean } | undefined>(undefined);
  const [hover, setHoverItem] = useState<LaneItem | undefined>(undefined);
  useEffect(() => (element.current === null || canvas.current === null ? undefined : paintTo(element.current, canvas.current)), []);

  const placeOf = (event: PointerEvent): { readonly x: number; readonly y: number } => {
    const box = event.currentTarget.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const itemUnder = (event: PointerEvent): LaneItem | undefined => {
    const { axis } = axisStore.getState();
    return axis === undefined ? undefined : itemAt({ view: viewStore.getState(), axis, ...placeOf(event), cursorMs: knownUntilMs() });
  };
  const timeUnder = (event: PointerEvent): number | undefined => {
    const { axis } = axisStore.getState();
    return axis === undefined ? undefined : xToTime(axis, placeOf(event).x);
  };
  const onMove = (event: PointerEvent): void => {
    const ms = timeUnder(event);
    const { axis } = axisStore.getState();
    if (ms === undefined || axis === undefined) return;
    const { x } = placeOf(event);
    if (press.current !== undefined) {
      press.current.isDrag ||= Math.abs(x - press.current.x) > CLICK_PX;
      if (press.current.isDrag) scrub(ms);
      return;
    }
    setHover(Math.floor(ms / axis.intervalMs) * axis.intervalMs);
    setHoverItem(itemUnder(event));
  };
  const onUp = (event: PointerEvent): void => {
    const pressed = press.current;
    press.current = undefined;
    if (pressed === undefined) return;
    const item = itemUnder(event);
    const ms = timeUnder(event);
    if (!pressed.isDrag && item !== undefined) go(item);
    else if (ms !== undefined) scrub(ms);
  };
  return (
    <div ref={element} className="lanes" data-testid="lanes">
      <canvas ref={canvas} className="lanes-canvas" height={LANES_PX} aria-hidden="true" />
      <div
        className="lanes-pointer"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          press.current = { x: placeOf(event).x, isDrag: false };
          setHoverItem(undefined);
        }}
        onPointerMove={onMove}
        onPointerUp={onUp}
        onPointerCancel={() => { press.current = undefined; }}
        onPointerLeave={() => { setHover(undefined); setHoverItem(undefined); }}
      />
      <div className="lanes-names" aria-hidden="true">{LANES.map((lane) => <span key={lane}>{lane}</span>)}</div>
      <LaneLists />
      {hover !== undefined && <LaneHint item={hover} />}
    </div>
  );
}

function LaneHint({ item }: { readonly item: LaneItem }): ReactElement {
  const width = useStore(axisStore, ({ axis }) => axis?.width ?? 0);
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Through the style object and not an attribute: the page's policy allows no inline styles.
    if (ref.current === null) return;
    const isRight = item.x > width / 2;
    ref.current.style.left = isRight ? "auto" : `${Math.max(4, item.x)}px`;
    ref.current.style.right = isRight ? `calc(100% - ${Math.max(4, item.x)}px)` : "auto";
  }, [item, width]);
  return <div ref={ref} className="lane-hint" role="tooltip" data-testid="lane-hint">{item.text}</div>;
}
