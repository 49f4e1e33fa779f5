// Owns the one line over the chart while a remote's candles are not up to date. It lies over the chart, so that nothing moves.
import type { ReactElement } from "react";
import { useStore } from "zustand";
import { engineStore, shownRemote } from "../store/engine-state.ts";
import { viewStore } from "../store/view.ts";
import { bannerOf, REMOTE_STATES, seriesOf, standingOf } from "./words.ts";

export function RemoteBanner(): ReactElement | undefined {
  const tape = useStore(engineStore, (state) => state.tape);
  const remote = useStore(engineStore, shownRemote);
  const shownSeries = useStore(viewStore, (state) => state.series);
  if (tape?.kind !== "remote") return undefined;
  const series = seriesOf(remote, shownSeries);
  const text = bannerOf(tape.name, remote, series);
  if (text === undefined) return undefined;
  const { state } = standingOf(remote, series);
  return <p className={`remote-banner tone-${REMOTE_STATES[state].tone}`} data-testid="remote-banner" data-state={state}><span className="glyph" aria-hidden="true">{REMOTE_STATES[state].glyph}</span>{text}</p>;
}
