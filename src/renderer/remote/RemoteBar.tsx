// Owns the bar that stands in the deck's place while a remote is shown: how it is heard, how far it is applied, and what to do.
import { useEffect, useState, type ReactElement, type ReactNode } from "react";
import { useStore } from "zustand";
import type { RemoteSeriesStatus } from "../../shared/protocol/frames.ts";
import { count, duration, plural } from "../format/numbers.ts";
import { ActionButton } from "../panels/ActionButton.tsx";
import { engineStore, shownRemote } from "../store/engine-state.ts";
import { viewStore } from "../store/view.ts";
import { bridgeHistory, remoteCurve } from "./history.ts";
import { Sparkline } from "./Sparkline.tsx";
import { explainHoles, missingIn, REMOTE_STATES, seriesOf, standingOf, stateWords } from "./words.ts";

const AGE_EVERY_MS = 500;
/** A curve is scaled to at least this, so that a steady millisecond does not look like trouble. */
const LAG_FLOOR_MS = 20;
const NO_SAMPLES: readonly undefined[] = [];

/** The age of the last frame grows by itself while nothing comes. */
function useNow(): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(Date.now()), AGE_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return nowMs;
}

function Fact({ name, children, title, testId, isWide = false }: {
  readonly name: string; readonly children: ReactNode; readonly title?: string; readonly testId?: string; readonly isWide?: boolean;
}): ReactElement {
  return <span className={`fact num ${isWide ? "fact-wide" : ""}`} title={title} data-testid={testId}><span className="figure-name">{name}</span><span className="fact-value">{children}</span></span>;
}

/** Below a second nothing more exact is worth a moving digit. */
function ageWords(ms: number): string {
  return ms < 1_000 ? "< 1 s ago" : `${duration(ms)} ago`;
}

/** Everything the server has as one line: applied from the left, holes marked. */
function SequenceLine({ series }: { readonly series: RemoteSeriesStatus | undefined }): ReactElement {
  const latest = Math.max(1, series?.latestSequence ?? 1);
  const applied = Math.min(latest, series?.appliedSequence ?? 0);
  const percent = (share: number): string => `${(share * 100).toFixed(3)}%`;
  return (
    <div className="sequence-line" role="progressbar" aria-label="Sequences applied" aria-valuemin={0} aria-valuemax={latest} aria-valuenow={applied} aria-valuetext={`${count(applied)} of ${count(series?.latestSequence ?? 0)}`}>
      <div className="tape-track" />
      <div className="tape-played" style={{ width: percent(applied / latest) }} />
      {series?.holes.map((hole) => <div key={hole.fromSequence} className="tape-gap" data-lost="true" style={{ left: percent((hole.fromSequence - 1) / latest), right: percent(1 - Math.min(1, hole.toSequence / latest)) }} />)}
    </div>
  );
}

function Facts({ remoteId, series }: { readonly remoteId: string | undefined; readonly series: RemoteSeriesStatus }): ReactElement {
  const nowMs = useNow();
  const samples = useStore(bridgeHistory, ({ curves }) => (remoteId === undefined ? undefined : curves.get(remoteCurve(remoteId, series)))) ?? NO_SAMPLES;
  const behind = series.latestSequence - series.appliedSequence;
  const lost = missingIn(series.holes);
  return (
    <>
      <span className="fact num fact-wide" data-testid="remote-applied" data-applied={series.appliedSequence} data-latest={series.latestSequence} title={behind > 0 ? `${count(behind)} behind the server` : "Everything that the server has is applied"}>
        <span className="figure-name">applied / latest</span>
        <span className={`fact-value ${behind > 0 ? "tone-warn" : ""}`}>{count(series.appliedSequence)} / {count(series.latestSequence)}</span>
      </span>
      <Fact name="lag" testId="remote-lag" title="Receiving minus publishing of the last frame, over two clocks">{series.lagMs === undefined ? "–" : duration(Math.max(0, series.lagMs))}</Fact>
      <Sparkline samples={samples} name="Lag of the last seconds" floor={LAG_FLOOR_MS} />
      <Fact name="last frame" title="Heartbeats count: a quiet market still has frames">{series.lastFrameMs === undefined ? "–" : ageWords(nowMs - series.lastFrameMs)}</Fact>
      <Fact name="duplicates" title="Came twice and was applied once">{count(series.duplicates)}</Fact>
      <Fact name="gaps repaired" title={`${plural(series.gapsSeen, "gap")} in the sequence seen, ${plural(series.backfilled, "entry", "entries")} backfilled for them`}>{count(series.gapsSeen)}</Fact>
      <Fact name="lost" testId="remote-holes" title={explainHoles(series.holes)}><span className={lost > 0 ? "tone-trouble" : ""}>{count(lost)}</span></Fact>
    </>
  );
}

export function RemoteBar(): ReactElement {
  const name = useStore(engineStore, (state) => (state.tape?.kind === "remote" ? state.tape.name : ""));
  const remote = useStore(engineStore, shownRemote);
  const shownSeries = useStore(viewStore, (state) => state.series);
  const series = seriesOf(remote, shownSeries);
  const { state, detail } = standingOf(remote, series);
  const shown = REMOTE_STATES[state];
  const isOff = state === "off";
  const said = detail === "" && series?.lastResync !== undefined ? `Resynced: ${series.lastResync}` : detail;
  return (
    <div className="deck remote-bar" role="group" aria-label={`Remote ${name}`} data-testid="remote-bar" data-state={state}>
      <SequenceLine series={series} />
      {/* Read aloud once per state, not once per attempt. */}
      <span className="for-readers" role="status">{name}: {stateWords(state, remote?.mode)}</span>
      <div className="deck-row">
        <span className={`remote-state tone-${shown.tone}`} data-testid="remote-state" data-state={state}><span className="glyph" aria-hidden="true">{shown.glyph}</span><b>{stateWords(state, remote?.mode)}</b></span>
        {series !== undefined && <Facts remoteId={remote?.remoteId} series={series} />}
        <span className="grow clip dim remote-detail" title={said} data-testid="remote-detail">{said}</span>
        <ActionButton action="remote-resync" className="small" testId="remote-resync" disabled={remote === undefined || isOff}>Resync</ActionButton>
        <ActionButton action="remote-disconnect" className="small" testId="remote-disconnect" disabled={remote === undefined}>{isOff ? "Connect" : "Disconnect"}</ActionButton>
        <ActionButton action="this-machine" className="small" testId="this-machine"><span className="live-dot" aria-hidden="true" />This machine</ActionButton>
      </div>
    </div>
  );
}
