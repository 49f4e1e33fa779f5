// Owns the inspector: everything one bar is made of, down to the bytes.
import { useState, type ReactElement, type ReactNode } from "react";
import { useStore } from "zustand";
import type { BarReport } from "../../shared/protocol/frames.ts";
import { INTERVAL_MS } from "../../shared/time.ts";
import { count, grouped, plural, shortDigest } from "../format/numbers.ts";
import { bucketTime, localTime, utcDay } from "../format/times.ts";
import { ActionButton } from "../panels/ActionButton.tsx";
import { Icon } from "../panels/Icon.tsx";
import { engineStore, isRemoteShown } from "../store/engine-state.ts";
import { inspectorStore } from "../store/inspector.ts";
import { explainGap, GRADE_WORDS } from "../timeline/explain.ts";
import { RawMessages } from "./RawMessages.tsx";

export function Section({ title, children, isOpen = true, extra }: { readonly title: string; readonly children: ReactNode; readonly isOpen?: boolean; readonly extra?: ReactNode }): ReactElement {
  return (
    <details className="inspect-section" open={isOpen}>
      <summary><span className="grow">{title}</span>{extra}</summary>
      {children}
    </details>
  );
}

const NUMBER_NAMES: readonly (readonly [string, string])[] = [
  ["open", "Open"], ["high", "High"], ["low", "Low"], ["close", "Close"], ["volume", "Volume"], ["quoteVolume", "Quote volume"],
  ["tradeCount", "Trades"], ["takerBuyVolume", "Taker buy"], ["takerBuyQuoteVolume", "Taker buy quote"], ["vwap", "VWAP"],
];

function Numbers({ values }: { readonly values: Readonly<Record<string, string>> }): ReactElement {
  const known = NUMBER_NAMES.filter(([name]) => values[name] !== undefined);
  return (
    <dl className="numbers">
      {known.map(([name, title]) => <div key={name} className={name.includes("uote") ? "whole-row" : undefined}><dt>{title}</dt><dd className="num" data-testid={`inspect-${name}`}>{grouped(values[name] ?? "")}</dd></div>)}
    </dl>
  );
}

/** Shares of volume by source, as a bar; the exact numbers stand under it. */
function Sources({ sources }: { readonly sources: BarReport["sources"] }): ReactElement {
  const trades = sources.reduce((sum, source) => sum + source.trades, 0);
  if (trades === 0) return <p className="empty">No trades contributed.</p>;
  return (
    <>
      <div className="share-bar" role="img" aria-label={sources.map((source) => `${source.source} ${source.connection} ${Math.round((source.trades / trades) * 100)} %`).join(", ")}>
        {sources.map((source, index) => <span key={`${source.source}/${source.connection}`} className={`share share-${source.source === "ws" ? index % 2 : "rest"}`} style={{ flexGrow: source.trades }} />)}
      </div>
      <ul>
        {sources.map((source) => (
          <li key={`${source.source}/${source.connection}`} className="row num">
            <span className="tag">{source.source}</span><span className="grow clip dim">{source.connection}</span>
            <span>{plural(source.trades, "trade")}</span><span className="dim">{plural(source.messages, "message")}</span>
            <span>{((source.trades / trades) * 100).toFixed(source.trades === trades ? 0 : 1)} %</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Versions({ report }: { readonly report: BarReport }): ReactElement {
  if (report.versions.length === 0) return <p className="empty">Not sealed yet: versions begin when the bar closes.</p>;
  return (
    <ol className="versions" reversed>
      {[...report.versions].reverse().map((version) => (
        <li key={version.revision} data-testid="version-row" data-revision={version.revision}>
          <span className="row num"><b>r{version.revision}</b><span className="grow">{version.reason.replaceAll("_", " ")}</span><span className="dim">#{count(version.atSeq)}</span><span className="digest" title={version.digest}>{shortDigest(version.digest)}</span></span>
          {version.diff.length > 0 && (
            <dl className="diff num">{version.diff.map((one) => <div key={one.field}><dt>{one.field}</dt><dd><del>{grouped(one.before)}</del> → <ins>{grouped(one.after)}</ins></dd></div>)}</dl>
          )}
        </li>
      ))}
    </ol>
  );
}

function Recompute(): ReactElement {
  const recompute = useStore(inspectorStore, (state) => state.recompute);
  return (
    <div className="recompute">
      <ActionButton action="recompute" className="wide" testId="recompute" disabled={recompute.state === "running"}>
        {recompute.state === "running" ? "Recomputing…" : "Recompute now"}
      </ActionButton>
      {recompute.state === "done" && (
        <p data-testid="recompute-result" data-match={recompute.report.match} className={recompute.report.match ? "tone-live" : "tone-trouble"} role="status">
          {recompute.report.match ? `✓ MATCH: ${plural(recompute.report.messages, "message")} refolded in ${recompute.report.elapsedMs.toFixed(0)} ms give ${shortDigest(recompute.report.actual)}`
            : `✕ MISMATCH: expected ${shortDigest(recompute.report.expected)}, got ${shortDigest(recompute.report.actual)}${recompute.report.diff.map((one) => `; ${one.field} ${one.before} → ${one.after}`).join("")}`}
        </p>
      )}
      {recompute.state === "failed" && <p data-testid="recompute-result" data-match="failed" className="tone-trouble" role="status">{recompute.fault.message}</p>}
    </div>
  );
}

function Grade({ report }: { readonly report: BarReport }): ReactElement {
  return (
    <>
      <p className="grade-line" data-testid="inspect-grade" data-grade={report.grade ?? ""}>
        <span className={`grade-swatch grade-${report.grade ?? "none"}`} aria-hidden="true" />
        <b>{report.grade ?? "not graded yet"}</b>{report.grade !== undefined && <span className="dim"> {GRADE_WORDS[report.grade]}</span>}
      </p>
      {report.gradeWhy !== "" && <p className="why">{report.gradeWhy}</p>}
      {report.gradeHistory.length > 1 && (
        <ul className="history num">{report.gradeHistory.map((entry) => <li key={entry.atSeq} className="row"><span>{entry.grade}</span><span className="dim grow clip" title={entry.why}>{entry.why}</span><span className="dim">#{count(entry.atSeq)}</span></li>)}</ul>
      )}
      {report.gaps.map((gap) => <p key={gap.gapId} className={gap.state === "GAP_UNRESOLVED" ? "tone-trouble" : "tone-warn"}>{explainGap(gap)}</p>)}
    </>
  );
}

/** What the venue's own candle says of the latest version. It confirms or contradicts; it never changes a bar. */
function Confirmation({ confirmation, onShow }: { readonly confirmation: NonNullable<BarReport["confirmation"]>; readonly onShow: ((seq: number) => void) | undefined }): ReactElement {
  const isEqual = confirmation.result === "equal";
  return (
    <div className="confirmation" data-testid="inspect-confirmation" data-result={confirmation.result}>
      <p className={isEqual ? "tone-live" : "tone-warn"}>{isEqual ? "✓ The venue's own candle is equal" : "≠ The venue's own candle differs"} <span className="dim num">r{confirmation.revision} · {confirmation.streamId}</span>
        {onShow !== undefined && <button type="button" className="small" onClick={() => onShow(confirmation.candleSeq)}>#{count(confirmation.candleSeq)}</button>}</p>
      {confirmation.fields.length > 0 && (
        <dl className="diff num">{confirmation.fields.map((one) => <div key={one.field}><dt>{one.field}</dt><dd>ours {grouped(one.ours)} · venue {grouped(one.venues)}</dd></div>)}</dl>
      )}
    </div>
  );
}

function Provenance({ report, onShow }: { readonly report: BarReport; readonly onShow: (seq: number) => void }): ReactElement {
  if (report.provenance.length === 0) return <p className="empty">The messages behind a bar are fixed when it seals.</p>;
  return (
    <ul>
      {report.provenance.map((one) => (
        <li key={`${one.streamId}/${one.fromIngestSeq}`}>
          <button type="button" className="row-button num run" title={`Digest ${one.digest}`} onClick={() => onShow(one.fromSeq)}>
            <span className="grow clip">{one.streamId}</span><span>{count(one.fromIngestSeq)}–{count(one.toIngestSeq)}</span><span className="dim">#{count(one.fromSeq)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Where the raw list begins: the first contributing message; undefined when there is none. */
function firstSeqOf(report: BarReport): number | undefined {
  const seqs = report.provenance.map(({ fromSeq }) => fromSeq);
  return seqs.length === 0 ? undefined : Math.min(...seqs);
}

/** What is not here: said where a person would look for it. */
function AtTheServer(): ReactElement {
  const name = useStore(engineStore, (state) => (state.tape?.kind === "remote" ? state.tape.name : "the server"));
  return <p className="empty" data-testid="inspect-at-server">The raw messages behind this bar, and the proof that they make it, are with {name}. Open its capture there to see them or to recompute the bar.</p>;
}

function Report({ report }: { readonly report: BarReport }): ReactElement {
  const [from, setFrom] = useState<number | undefined>(undefined);
  const latest = report.versions.at(-1);
  const values = report.forming ?? latest?.values;
  const isRemote = useStore(engineStore, isRemoteShown);
  const isAhead = useStore(engineStore, (state) => state.player !== undefined && report.key.openMs > state.player.point.knownMs);
  return (
    <>
      {values === undefined ? <p className="empty">{isAhead ? "The cursor has not reached this bar." : "No trades in this bucket: no bar is made up for it."}</p> : <Numbers values={values} />}
      <Section title="Grade"><Grade report={report} />{report.confirmation !== undefined && <Confirmation confirmation={report.confirmation} onShow={isRemote ? undefined : setFrom} />}</Section>
      {latest !== undefined && !isRemote && <Recompute />}
      {isRemote && <Section title="Versions" extra={<span className="dim num">{report.versions.length}</span>}><Versions report={report} /></Section>}
      {isRemote && <Section title="Provenance"><AtTheServer /></Section>}
      {!isRemote && <LocalSections report={report} from={from} onShow={setFrom} />}
    </>
  );
}

function LocalSections({ report, from, onShow }: { readonly report: BarReport; readonly from: number | undefined; readonly onShow: (seq: number) => void }): ReactElement {
  return (
    <>
      <Section title="Sources"><Sources sources={report.sources} /></Section>
      <Section title="Versions" extra={<span className="dim num">{report.versions.length}</span>}><Versions report={report} /></Section>
      <Section title="Raw messages"><RawMessages fromSeq={from ?? firstSeqOf(report)} provenance={report.provenance} /></Section>
      <Section title="Provenance" isOpen={false} extra={<span className="dim num">{plural(report.provenance.length, "run")}</span>}><Provenance report={report} onShow={onShow} /></Section>
      <Section title="Excluded" isOpen={false} extra={<span className="dim num">{count(report.excluded.count)}</span>}>
        {report.excluded.count === 0 ? <p className="empty">Every message of this bucket contributes.</p>
          : <p className="num seqs">{report.excluded.seqs.map((seq) => <button type="button" key={seq} className="small" onClick={() => onShow(seq)}>#{count(seq)}</button>)}</p>}
      </Section>
    </>
  );
}

export function Inspector(): ReactElement {
  const { key, report, fault } = useStore(inspectorStore);
  return (
    <aside className="inspector" data-testid="inspector" aria-label="Inspector">
      <h2>
        <span className="grow">{key === undefined ? "Inspector" : <>Bar <span className="num" title={localTime(key.openMs)}>{utcDay(key.openMs)} {bucketTime(key.openMs, INTERVAL_MS[key.interval])}</span> · {key.interval}
          {report !== undefined && <span className="dim"> · {report.forming === undefined ? `r${report.versions.at(-1)?.revision ?? "–"}` : "forming"}</span>}</>}</span>
        <ActionButton action="inspector" className="star"><Icon name="close" /></ActionButton>
      </h2>
      <div className="inspector-body">
        {key === undefined && <p className="empty">Click a bar to see what it is made of: its exact numbers, how sure they are, every version, and the raw messages down to the bytes.</p>}
        {fault !== undefined && <p className="tone-trouble">{fault.message}</p>}
        {key !== undefined && report === undefined && fault === undefined && <p className="empty">Reading…</p>}
        {report !== undefined && <Report key={`${report.key.symbol}/${report.key.interval}/${report.key.openMs}`} report={report} />}
      </div>
    </aside>
  );
}
