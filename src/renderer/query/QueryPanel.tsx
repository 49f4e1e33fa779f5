// Owns the query panel: which capture, its tables, the editor, running and cancelling, and the result as rows or plot.
import { useEffect, useRef, useState, type ReactElement, type RefObject } from "react";
import { useStore } from "zustand";
import { DropdownMenu } from "radix-ui";
import type { JobStatus } from "../../shared/protocol/frames.ts";
import type { QueryTable } from "../../shared/protocol/query.ts";
import { progressText, shareOf } from "../captures/Jobs.tsx";
import { run } from "../engine/session.ts";
import { count, duration, plural } from "../format/numbers.ts";
import { Icon } from "../panels/Icon.tsx";
import { engineStore } from "../store/engine-state.ts";
import { addNote } from "../store/toasts.ts";
import { sortedRows } from "./columns.ts";
import { Editor, insertText } from "./Editor.tsx";
import { ResultGrid } from "./ResultGrid.tsx";
import { ResultPlot } from "./ResultPlot.tsx";
import { cancelQuery, queriedId, queryStore, readHistory, readTables, ROW_LIMITS, runQuery, type Running, type Tables } from "./store.ts";
import { examplesFor, isUncompacted, sqlName, toCsv, toTsv } from "./text.ts";

type Area = RefObject<HTMLTextAreaElement | null>;

function put(area: Area, text: string, isAll = false): void {
  if (area.current !== null) insertText(area.current, text, isAll);
}

function TableList({ tables, area }: { readonly tables: readonly QueryTable[]; readonly area: Area }): ReactElement {
  return (
    <ul className="query-tables" data-testid="query-tables" aria-label="Tables">
      {tables.map((table) => (
        <li key={table.name}>
          <details open={tables.length <= 2}>
            <summary title={table.about}><b className="grow clip">{table.name}</b><span className="dim num">{table.rows === undefined ? "" : count(table.rows)}</span>
              <button type="button" className="star" aria-label={`Insert ${table.name}`} title={`Insert ${table.name}`} data-testid="query-table" data-table={table.name} data-rows={table.rows} onClick={(event) => { event.preventDefault(); put(area, sqlName(table.name)); }}><Icon name="plus" /></button></summary>
            <p className="dim query-about">{table.about}</p>
            <ul>{table.columns.map((column) => (
              <li key={column.name}><button type="button" className="row-button query-column" title={`Insert ${column.name}`} onClick={() => put(area, sqlName(column.name))}><span className="grow clip">{column.name}</span><span className="dim clip">{column.type.toLowerCase()}</span></button></li>
            ))}</ul>
          </details>
        </li>
      ))}
    </ul>
  );
}

const NOT_COMPACTED = "query.not-compacted";

/** A capture can be asked once its messages are Parquet: says so, offers it, and shows how far it is. */
function Compaction({ captureId, why }: { readonly captureId: string; readonly why: string }): ReactElement {
  const job = useStore(engineStore, (state) => state.jobs.findLast((one) => one.kind === "compact" && one.captureId === captureId));
  const share = job === undefined ? undefined : shareOf(job);
  return (
    <div className="query-note" data-testid="query-compaction">
      <p>{why}</p>
      {job?.state === "running" ? <><progress className="weight query-progress" aria-label={job.title} max={1} {...(share !== undefined && { value: share })} /><p className="dim num">{progressText(job)}</p></>
        : <button type="button" className="small primary" data-testid="query-compact" onClick={() => run("compact.start", { captureId })}>Compact {captureId}</button>}
      {job?.state === "failed" && <p className="tone-trouble">{job.fault?.message ?? job.summary}</p>}
    </div>
  );
}

function Side({ captureId, tables, area }: { readonly captureId: string; readonly tables: Tables; readonly area: Area }): ReactElement {
  // A query may find out later what the tables did not say.
  const refused = useStore(queryStore, ({ running }) => (running.state === "failed" && running.fault.code === NOT_COMPACTED ? running.fault.message : undefined));
  const isEmpty = tables.state === "read" && isUncompacted(tables.tables);
  return (
    <div className="query-side">
      {tables.state === "failed" && tables.fault.code !== NOT_COMPACTED && <p className="tone-trouble query-note" role="alert">{tables.fault.message}</p>}
      {tables.state === "failed" && tables.fault.code === NOT_COMPACTED && <Compaction captureId={captureId} why={tables.fault.message} />}
      {(isEmpty || (refused !== undefined && tables.state !== "failed")) && <Compaction captureId={captureId} why="Its messages are not Parquet yet. Candles and gaps can be asked already; compacting makes Parquet of what is sealed." />}
      {(tables.state === "read" || tables.state === "reading") && <TableList tables={tables.tables} area={area} />}
    </div>
  );
}

function Elapsed({ sinceMs }: { readonly sinceMs: number }): ReactElement {
  const [nowMs, setNowMs] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(performance.now()), 100);
    return () => clearInterval(timer);
  }, []);
  return <span className="num dim" data-testid="query-elapsed">{((nowMs - sinceMs) / 1_000).toFixed(1)} s</span>;
}

function PickMenu({ title, items, testId, empty, area }: { readonly title: string; readonly items: readonly { readonly title: string; readonly sql: string }[]; readonly testId: string; readonly empty: string; readonly area: Area }): ReactElement {
  const chosen = useRef<string | undefined>(undefined);
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="picker" data-testid={testId}>{title}<Icon name="down" /></DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          className="menu query-menu" sideOffset={4}
          onCloseAutoFocus={(event) => {
            // The text goes in once the menu has let go of the focus.
            if (chosen.current === undefined) return;
            event.preventDefault();
            put(area, chosen.current, true);
            chosen.current = undefined;
          }}
        >
          {items.length === 0 && <p className="empty">{empty}</p>}
          {items.map((item) => <DropdownMenu.Item key={item.title} className="menu-item" title={item.sql} onSelect={() => { chosen.current = item.sql; }}><span className="clip">{item.title}</span></DropdownMenu.Item>)}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function Bar({ captureId, tables, area }: { readonly captureId: string | undefined; readonly tables: Tables; readonly area: Area }): ReactElement {
  const captures = useStore(engineStore, (state) => state.captures) ?? [];
  const { running, rowsMax, history } = useStore(queryStore);
  const capture = captures.find((one) => one.captureId === captureId);
  const symbols = [...new Set(capture?.instruments.map(({ symbol }) => symbol) ?? capture?.symbols ?? [])];
  const known = tables.state === "read" ? tables.tables : [];
  return (
    <div className="toolbar">
      {running.state === "running"
        ? <><button type="button" className="small primary" data-testid="query-cancel" disabled={running.isCancelled} onClick={cancelQuery}>{running.isCancelled ? "Cancelling…" : "Cancel"}</button><Elapsed sinceMs={running.sinceMs} /></>
        : <button type="button" className="small primary" data-testid="query-run" title="Run (Ctrl Enter)" disabled={captureId === undefined} onClick={() => { if (captureId !== undefined) void runQuery(captureId); }}><Icon name="play" />Run</button>}
      <label>of<select data-testid="query-capture" aria-label="Capture" value={captureId ?? ""} onChange={(event) => queryStore.setState({ chosenId: event.target.value })}>
        {captures.map((one) => <option key={one.captureId} value={one.captureId}>{one.captureId}</option>)}
      </select></label>
      <label>at most<select data-testid="query-limit" aria-label="Rows at most" value={rowsMax} onChange={(event) => queryStore.setState({ rowsMax: Number(event.target.value) })}>{ROW_LIMITS.map((limit) => <option key={limit} value={limit}>{count(limit)} rows</option>)}</select></label>
      <PickMenu title="Examples" testId="query-examples" items={examplesFor(known, symbols)} empty="Examples appear with the capture's tables." area={area} />
      <PickMenu title="History" testId="query-history" items={(history ?? []).map((sql) => ({ title: sql.replaceAll(/\s+/g, " ").slice(0, 90), sql }))} empty="Queries that were run are kept here." area={area} />
      <span className="grow" />
      {captureId !== undefined && <button type="button" className="small" title="Take in what was sealed since" onClick={() => run("compact.start", { captureId })}>Compact</button>}
      <span className="tag" title="Queries can only read: nothing here changes a capture">READ-ONLY</span>
    </div>
  );
}

function copyRows(text: string, what: string): void {
  navigator.clipboard.writeText(text).then(() => addNote(`${what} copied`), () => addNote("The clipboard refused: select the rows and copy them by hand"));
}

function Result({ running }: { readonly running: Running }): ReactElement {
  const { tab, sort, plot } = useStore(queryStore);
  if (running.state !== "done") return <p className="empty query-note">{running.state === "running" ? "Running…" : running.state === "cancelled" ? "Cancelled: nothing was changed." : running.state === "failed" ? "No result." : "The result stands here, as rows and as a plot."}</p>;
  const { result } = running;
  const ordered = (): typeof result => ({ ...result, rows: sortedRows(result, sort) });
  return (
    <>
      <div className="toolbar">
        <div className="choices" role="radiogroup" aria-label="Result as">
          <button type="button" role="radio" aria-checked={tab === "rows"} className="small" data-testid="query-tab-rows" onClick={() => queryStore.setState({ tab: "rows" })}>Rows</button>
          <button type="button" role="radio" aria-checked={tab === "plot"} className="small" data-testid="query-tab-plot" onClick={() => queryStore.setState({ tab: "plot" })}>Plot</button>
        </div>
        <span className="num" role="status" data-testid="query-count" data-rows={result.rows.length} data-truncated={result.truncated}>{plural(result.rows.length, "row")}{result.truncated ? <b className="tone-warn"> · there are more: these are the first {count(result.rows.length)}</b> : ""}<span className="dim"> · {duration(result.elapsedMs)}</span></span>
        <span className="grow" />
        <button type="button" className="small" data-testid="query-copy-csv" onClick={() => copyRows(toCsv(ordered()), "CSV")}><Icon name="copy" />CSV</button>
        <button type="button" className="small" data-testid="query-copy-tsv" onClick={() => copyRows(toTsv(ordered()), "TSV")}><Icon name="copy" />TSV</button>
      </div>
      {tab === "rows" ? <ResultGrid result={result} /> : <ResultPlot result={result} choice={plot} />}
    </>
  );
}

/** What decides whether the tables are out of date: the capture, and how its compactions ended. */
function tablesVersion(jobs: readonly JobStatus[], captureId: string | undefined): string {
  return `${captureId ?? ""}/${jobs.filter((job) => job.kind === "compact" && job.captureId === captureId && job.state === "done").map(({ jobId }) => jobId).join()}`;
}

export function QueryPanel(): ReactElement {
  const area = useRef<HTMLTextAreaElement>(null);
  const { chosenId, tables, running } = useStore(queryStore);
  // Asked again when captures come and go, since the chosen one may be among them.
  const captureId = useStore(engineStore, () => queriedId(chosenId));
  const version = useStore(engineStore, (state) => tablesVersion(state.jobs, captureId));
  useEffect(() => void readHistory(), []);
  useEffect(() => {
    if (captureId !== undefined) void readTables(captureId);
  }, [version]);
  return (
    <div className="query" data-testid="query-panel">
      <Bar captureId={captureId} tables={tables} area={area} />
      <div className="query-columns">
        {captureId === undefined ? <p className="empty query-note">There is no capture to ask yet.</p> : <Side captureId={captureId} tables={tables} area={area} />}
        <Editor area={area} onRun={() => { if (captureId !== undefined) void runQuery(captureId); }} trouble={running.state === "failed" ? running.fault.message : undefined} />
        <div className="query-result" data-testid="query-result" data-state={running.state}><Result running={running} /></div>
      </div>
    </div>
  );
}
