// Owns the group of remote sources in the left column: how each is heard, its watched series, and what else it offers.
import type { ReactElement } from "react";
import { useStore } from "zustand";
import type { RemoteSeriesStatus, RemoteStatus } from "../../shared/protocol/frames.ts";
import { openRemote } from "../engine/session.ts";
import { count, duration } from "../format/numbers.ts";
import { act } from "../keyboard/actions.ts";
import { Icon } from "../panels/Icon.tsx";
import { engineStore } from "../store/engine-state.ts";
import { openRemoteDialog } from "../store/screen.ts";
import { viewStore, type ShownSeries } from "../store/view.ts";
import { explainHoles, isBehind, missingIn, REMOTE_MODE_WORDS, REMOTE_STATES, standingOf, stateWords } from "./words.ts";

const nameOf = ({ venue, symbol, interval }: ShownSeries): string => `${venue}.${symbol}.${interval}`;

function SeriesRow({ remote, series, isShown }: { readonly remote: RemoteStatus; readonly series: RemoteSeriesStatus; readonly isShown: boolean }): ReactElement {
  const { state, detail } = standingOf(remote, series);
  const shown = REMOTE_STATES[state];
  const words = stateWords(state, remote.mode);
  const behind = series.latestSequence - series.appliedSequence;
  const holes = missingIn(series.holes);
  return (
    <li>
      <button
        type="button" className="row-button remote-series" aria-current={isShown} data-testid="remote-series" data-series={nameOf(series)} data-state={state} data-applied={series.appliedSequence}
        title={`${series.venue} ${series.symbol} ${series.interval}: ${words}${detail === "" ? "" : `, ${detail}`}. ${explainHoles(series.holes)}`} onClick={() => void openRemote(remote.remoteId, series)}
      >
        <span className={`glyph tone-${shown.tone}`} role="img" aria-label={words}>{shown.glyph}</span>
        <span>{series.symbol}</span><span className="dim">{series.interval}</span><span className="dim clip grow">{series.venue}</span>
        {holes > 0 && <span className="tone-trouble num remote-lost">{count(holes)} lost</span>}
        {series.lagMs !== undefined && state === "live" && <span className="num dim latency">{duration(Math.max(0, series.lagMs))}</span>}
        <span className="num remote-sequence" title={behind > 0 ? `${count(behind)} behind` : "Everything is applied"}>#{count(series.appliedSequence)}{behind > 0 && <span className="tone-warn"> −{count(behind)}</span>}</span>
      </button>
    </li>
  );
}

function Offered({ remote }: { readonly remote: RemoteStatus }): ReactElement | undefined {
  const watched = new Set(remote.series.map(nameOf));
  const others = remote.offered.filter((one) => !watched.has(nameOf(one)));
  if (others.length === 0) return undefined;
  return (
    <details className="remote-offered" open={remote.series.length === 0}>
      <summary data-testid="remote-offered">{watched.size === 0 ? `${others.length} series offered` : `${others.length} more offered`}</summary>
      <ul>{others.map((one) => (
        <li key={nameOf(one)}>
          <button type="button" className="row-button remote-series" data-testid="remote-offer" data-series={nameOf(one)} onClick={() => void openRemote(remote.remoteId, one)}>
            <span className="glyph" aria-hidden="true">+</span><span>{one.symbol}</span><span className="dim">{one.interval}</span><span className="dim clip grow">{one.venue}</span>
          </button>
        </li>
      ))}</ul>
    </details>
  );
}

function RemoteRow({ remote, isShown, series }: { readonly remote: RemoteStatus; readonly isShown: boolean; readonly series: ShownSeries | undefined }): ReactElement {
  const shown = REMOTE_STATES[remote.state];
  const isHeard = !isBehind(remote.state);
  return (
    <li className="market" data-testid="remote-row" data-remote={remote.remoteId} data-state={remote.state}>
      <div className="row market-row" data-shown={isShown}>
        <button
          type="button" className="row-button grow" aria-current={isShown} data-testid="remote-open" title={`${remote.rpc}: ${shown.words}${remote.detail === "" ? "" : `, ${remote.detail}`}`}
          onClick={() => void openRemote(remote.remoteId)}
        >
          <span className={`glyph tone-${shown.tone}`} role="img" aria-label={shown.words}>{shown.glyph}</span>
          <b className="clip">{remote.name}</b>
          {remote.mode !== undefined && <span className={`tag ${isHeard ? `tag-${remote.mode}` : ""}`}>{REMOTE_MODE_WORDS[remote.mode]}</span>}
          <span className="grow" />
          {remote.state !== "live" && remote.state !== "connected" && <span className={`tone-${shown.tone} clip`}>{shown.words}</span>}
        </button>
        <button type="button" className="star" aria-label={`Change ${remote.name}`} data-testid="remote-edit" onClick={() => openRemoteDialog(remote.remoteId)}><Icon name="settings" /></button>
      </div>
      <ul>{remote.series.map((one) => <SeriesRow key={nameOf(one)} remote={remote} series={one} isShown={isShown && series !== undefined && nameOf(series) === nameOf(one)} />)}</ul>
      <Offered remote={remote} />
    </li>
  );
}

export function RemoteList(): ReactElement {
  const remotes = useStore(engineStore, (state) => state.remotes);
  const tape = useStore(engineStore, (state) => state.tape);
  const series = useStore(viewStore, (state) => state.series);
  return (
    <section aria-label="Remote sources">
      <h2>Remote<span className="grow" /><button type="button" className="small" data-testid="remote-add" onClick={() => act("remote-add")}><Icon name="plus" />Add</button></h2>
      {remotes.length === 0 && <p className="empty">Another Tapedeck's candles can be shown here. Add the address that its <code>tapedeck serve</code> or its sharing prints.</p>}
      <ul>{remotes.map((remote) => <RemoteRow key={remote.remoteId} remote={remote} isShown={tape?.kind === "remote" && tape.remoteId === remote.remoteId} series={series} />)}</ul>
    </section>
  );
}
