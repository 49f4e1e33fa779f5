// Owns the whole tape as one line: its range, what is indexed, what the chart shows, its gaps, and the cursor to drag.
import { useRef, type KeyboardEvent, type PointerEvent, type ReactElement } from "react";
import { useStore } from "zustand";
import { axisStore } from "../chart/axis-store.ts";
import { visibleTimes } from "../chart/axis.ts";
import { utc } from "../format/times.ts";
import { engineStore } from "../store/engine-state.ts";
import { screenStore } from "../store/screen.ts";
import { viewStore } from "../store/view.ts";
import { scrubTo } from "./scrub.ts";

const KEY_SHARE = 0.01;

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}

export function TapeLine(): ReactElement {
  const player = useStore(engineStore, (state) => state.player);
  const axis = useStore(axisStore, (state) => state.axis);
  const gaps = useStore(viewStore, (state) => state.gaps);
  const bookmarks = useStore(screenStore, (state) => state.bookmarks);
  const isDragging = useRef(false);
  const fromMs = player?.range.fromMs ?? 0;
  const spanMs = Math.max(1, (player?.range.toMs ?? 1) - fromMs);
  const shareOf = (ms: number): number => clamp((ms - fromMs) / spanMs);
  const knownMs = player?.point.knownMs ?? fromMs;
  const seek = (event: PointerEvent<HTMLDivElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    scrubTo(fromMs + clamp((event.clientX - box.left) / box.width) * spanMs);
  };
  const onKey = (event: KeyboardEvent): void => {
    const direction = event.key === "ArrowRight" || event.key === "ArrowUp" ? 1 : event.key === "ArrowLeft" || event.key === "ArrowDown" ? -1 : 0;
    const target = event.key === "Home" ? fromMs : event.key === "End" ? fromMs + spanMs : direction === 0 ? undefined : knownMs + direction * spanMs * KEY_SHARE;
    if (target === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    scrubTo(target);
  };
  const shown = axis === undefined ? undefined : visibleTimes(axis);
  const percent = (share: number): string => `${(share * 100).toFixed(3)}%`;
  return (
    <div
      className="tape-line" role="slider" tabIndex={player === undefined ? -1 : 0} aria-label="Place on the tape" data-testid="scrubber"
      aria-valuemin={0} aria-valuemax={1_000} aria-valuenow={Math.round(shareOf(knownMs) * 1_000)} aria-valuetext={player === undefined ? "no tape" : `${utc(knownMs)} UTC`}
      onPointerDown={(event) => {
        if (player === undefined) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        isDragging.current = true;
        seek(event);
      }}
      onPointerMove={(event) => { if (isDragging.current) seek(event); }}
      onPointerUp={(event) => {
        if (isDragging.current) seek(event);
        isDragging.current = false;
      }}
      onPointerCancel={() => { isDragging.current = false; }}
      onKeyDown={onKey}
    >
      <div className="tape-track" />
      {shown !== undefined && player !== undefined && <div className="tape-shown" style={{ left: percent(shareOf(shown.fromMs)), right: percent(1 - shareOf(shown.untilMs)) }} />}
      {player !== undefined && <div className="tape-played" style={{ width: percent(shareOf(knownMs)) }} />}
      {player !== undefined && gaps.filter((gap) => gap.state !== "repaired").map((gap) => (
        <div key={gap.gapId} className="tape-gap" data-lost={gap.state === "GAP_UNRESOLVED"} style={{ left: percent(shareOf(gap.fromMs)), right: percent(1 - shareOf(gap.toMs ?? knownMs)) }} />
      ))}
      {player !== undefined && bookmarks.filter((bookmark) => bookmark.captureId === player.captureId).map((bookmark) => (
        <div key={bookmark.id} className="tape-bookmark" style={{ left: percent(shareOf(bookmark.knownMs)) }} />
      ))}
      {player !== undefined && <div className="tape-cursor" style={{ left: percent(shareOf(knownMs)) }} />}
    </div>
  );
}
