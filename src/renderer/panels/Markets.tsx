// Owns the left column's markets, streams and sources: what is coming in, and in which state.
import type { ReactElement } from "react";
import { useStore } from "zustand";
import { instrumentId, type Instrument } from "../../shared/market.ts";
import type { EngineFrame, SourceStatus, StreamStatus } from "../../shared/protocol/frames.ts";
import { command, showSeries } from "../engine/session.ts";
import { duration, rate } from "../format/numbers.ts";
import { recordInstead } from "../health/record-instead.ts";
import { RemoteList } from "../remote/RemoteList.tsx";
import { engineStore, isRemoteShown } from "../store/engine-state.ts";
import { screenStore, toggleStar } from "../store/screen.ts";
import { viewStore } from "../store/view.ts";
import { Icon } from "./Icon.tsx";
import { SOURCE_STATES, STREAM_STATES } from "./stream-state.ts";

export interface Market extends Instrument { readonly streams: readonly StreamStatus[] }

/** Instruments of the streams and of the open capture, each with its streams: starred ones first, then those of the open tape. */
export function marketsOf(streams: readonly StreamStatus[], captures: EngineFrame["captures"], captureId: string | undefined, starred: readonly string[]): readonly Market[] {
  const open = captures?.find((capture) => capture.captureId === captureId);
  const markets = new Map<string, Market>();
  for (const { venue, symbol } of open?.instruments ?? []) markets.set(instrumentId({ venue, symbol }), { venue, symbol, streams: [] });
  for (const stream of streams) {
    const id = instrumentId(stream);
    const { venue, symbol } = stream;
    markets.set(id, { venue, symbol, streams: [...(markets.get(id)?.streams ?? []), stream] });
  }
  const onTape = new Set((open?.instruments ?? []).map(instrumentId));
  const rank = ([id]: readonly [string, Market]): number => (starred.includes(id) ? 0 : 2) + (onTape.has(id) ? 0 : 1);
  return [...markets].sort((a, b) => rank(a) - rank(b) || (a[0] < b[0] ? -1 : 1)).map(([, market]) => market);
}

function StreamRow({ stream }: { readonly stream: StreamStatus }): ReactElement {
  const shown = STREAM_STATES[stream.state];
  const isFlowing = stream.state === "live" || stream.state === "gap";
  const latency = stream.latencyMs === undefined || !isFlowing ? "" : duration(stream.latencyMs);
  const reopen = (): void => void command("stream.reopen", { streamId: stream.streamId, reason: "Reopened on the screen" });
  return (
    <li className="row stream-row" data-testid="stream-row" data-stream={stream.streamId} data-state={stream.state} title={`${stream.streamId}: ${shown.words}${stream.detail === "" ? "" : `, ${stream.detail}`}`}>
      <span className={`glyph tone-${shown.tone}`} aria-label={shown.words}>{shown.glyph}</span>
      <span className="grow clip">{stream.channel}</span>
      {stream.state === "failed_closed" && <button type="button" className="small" onClick={reopen}>Reopen</button>}
      {stream.state !== "live" && stream.state !== "failed_closed" && stream.state !== "gap" && <span className={`tone-${shown.tone} clip`}>{shown.words}</span>}
      {stream.gapsOpen > 0 && <span className="tone-warn num">{stream.gapsOpen} gap{stream.gapsOpen === 1 ? "" : "s"}</span>}
      {latency !== "" && <span className="num dim latency">{latency}</span>}
      <span className="num rate">{rate(stream.rate)}/s</span>
    </li>
  );
}

/** The venue no longer has this symbol under this name: every stream of it is dead or refused. */
export function isDead(market: Pick<Market, "streams">): boolean {
  return market.streams.length > 0 && market.streams.every(({ state }) => state === "dead_symbol" || state === "rejected");
}

/** What a dead symbol is called now, as the health report says it, with the offer to record that. */
function Renamed({ market }: { readonly market: Market }): ReactElement | undefined {
  const renamedTo = useStore(engineStore, (state) => state.health?.streams.find((stream) => stream.venue === market.venue && stream.symbol === market.symbol && stream.renamedTo !== undefined)?.renamedTo);
  const isRecorded = useStore(engineStore, (state) => state.streams.some((stream) => stream.venue === market.venue && stream.symbol === renamedTo));
  if (renamedTo === undefined) return undefined;
  return (
    <p className="row renamed" data-testid="renamed" data-symbol={market.symbol}>
      <span className="grow dim clip" title={`The venue calls it ${renamedTo} now`}>renamed</span>
      {isRecorded ? <span className="dim">to {renamedTo}, recorded</span> : <button type="button" className="small" data-testid="record-renamed" onClick={() => void recordInstead({ venue: market.venue, symbol: market.symbol, renamedTo })}>Record {renamedTo} instead</button>}
    </p>
  );
}

/** From this many markets on, only the one on screen lists all its streams; of the others those in trouble, so that captures stay in reach. */
const DENSE_FROM = 7;
const WELL: readonly StreamStatus["state"][] = ["live", "connecting", "acknowledged"];

/** Streams that a market's entry lists. */
export function listedStreams(market: Pick<Market, "streams">, isDense: boolean, isShown: boolean): readonly StreamStatus[] {
  return !isDense || isShown ? market.streams : market.streams.filter(({ state }) => !WELL.includes(state));
}

/** What stands in for the streams that are not listed. */
function Sum({ streams }: { readonly streams: readonly StreamStatus[] }): ReactElement {
  return <span className="num dim sum" title={`${streams.length} streams`}>{rate(streams.reduce((total, stream) => total + stream.rate, 0))}/s</span>;
}

function MarketRow({ market, isShown, isStarred, isDense }: { readonly market: Market; readonly isShown: boolean; readonly isStarred: boolean; readonly isDense: boolean }): ReactElement {
  const id = instrumentId(market);
  const listed = isDead(market) && isDense && !isShown ? [] : listedStreams(market, isDense, isShown);
  return (
    <li className="market" data-testid="market" data-market={id} data-dead={isDead(market)}>
      <div className="row market-row" data-shown={isShown}>
        <button type="button" className="star" aria-pressed={isStarred} aria-label={`Star ${market.symbol}`} onClick={() => toggleStar(id)}><Icon name="star" /></button>
        <button type="button" className="row-button grow" aria-current={isShown} onClick={() => showSeries({ instrument: { venue: market.venue, symbol: market.symbol } })}>
          <b>{market.symbol}</b><span className="dim clip">{market.venue}</span>{isDead(market) && <span className="tag tag-dead">DEAD</span>}
          {isDense && !isShown && !isDead(market) && market.streams.length > 0 && <Sum streams={market.streams} />}
        </button>
      </div>
      <Renamed market={market} />
      {listed.length > 0 && <ul>{listed.map((stream) => <StreamRow key={stream.streamId} stream={stream} />)}</ul>}
    </li>
  );
}

function SourceRow({ source }: { readonly source: SourceStatus }): ReactElement {
  const shown = SOURCE_STATES[source.state];
  const offset = source.offsetMs === undefined ? "" : `${source.offsetMs >= 0 ? "+" : "−"}${Math.abs(source.offsetMs).toFixed(0)} ± ${(source.offsetErrorMs ?? 0).toFixed(0)} ms`;
  const weight = source.weightUsed === undefined || source.weightLimit === undefined ? "" : `${source.weightUsed}/${source.weightLimit}`;
  return (
    <li className="row" title={source.detail} data-testid="source-row" data-state={source.state}>
      <span className={`glyph tone-${shown.tone}`} aria-label={shown.words}>{shown.glyph}</span>
      <span>{source.venue}</span>
      {source.simulated && <span className="tag tag-simulated">SIMULATED</span>}
      <span className="grow" />
      <span className="num dim clip" title="Venue clock minus ours, with its error">{offset}</span>
      {weight !== "" && <span className="num dim" title="REST weight used of the venue's limit">{weight}</span>}
    </li>
  );
}

export function Markets(): ReactElement {
  const streams = useStore(engineStore, (state) => state.streams);
  const captures = useStore(engineStore, (state) => state.captures);
  const captureId = useStore(engineStore, (state) => state.player?.captureId);
  const sources = useStore(engineStore, (state) => state.sources);
  const series = useStore(viewStore, (state) => state.series);
  const isRemote = useStore(engineStore, isRemoteShown);
  const starred = useStore(screenStore, (state) => state.starred);
  const markets = marketsOf(streams, captures, captureId, starred);
  return (
    <>
      <section aria-label="Markets">
        <h2>Markets</h2>
        {markets.length === 0 && <p className="empty">Streams appear here once a source is connected or a capture is open.</p>}
        <ul>{markets.map((market) => (
          <MarketRow
            key={instrumentId(market)} market={market} isDense={markets.length >= DENSE_FROM} isStarred={starred.includes(instrumentId(market))}
            isShown={!isRemote && series?.venue === market.venue && series.symbol === market.symbol}
          />
        ))}</ul>
      </section>
      <section aria-label="Sources">
        <h2>Sources</h2>
        {sources.length === 0 && <p className="empty">No source is configured. Start with <code>tapedeck record --venue binance</code>, or import a capture.</p>}
        <ul>{sources.map((source) => <SourceRow key={source.venue} source={source} />)}</ul>
      </section>
      <RemoteList />
    </>
  );
}
