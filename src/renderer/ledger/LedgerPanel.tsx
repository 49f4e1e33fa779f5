// Owns the gap ledger as a table: which stream, ids, when by both clocks, why, how it stands, what it does to grades. A click goes there.
import { useMemo, useState, type ReactElement } from "react";
import { useStore } from "zustand";
import type { GapEntry, GapState } from "../../shared/candles.ts";
import { run } from "../engine/session.ts";
import { count, duration, plural } from "../format/numbers.ts";
import { utc } from "../format/times.ts";
import { Cell, DataGrid, type GridColumn } from "../grid/DataGrid.tsx";
import { nextSort, type Sort } from "../grid/sort.ts";
import { UNKNOWN } from "../health/words.ts";
import { engineStore, isRemoteShown } from "../store/engine-state.ts";
import { selectBar } from "../store/screen.ts";
import { viewStore } from "../store/view.ts";
import { CAUSES, explainGap, GAP_STATES } from "../timeline/explain.ts";
import { intervalMsOf } from "../timeline/layout.ts";
import { Backfill } from "./Backfill.tsx";
import { choicesOf, effectText, idsText, ledgerRows, missingText, NO_FILTER, receivedText, type LedgerFilter } from "./rows.ts";

const COLUMNS: readonly GridColumn[] = [
  { id: "from", title: "From (venue)", px: 138, hint: "Exchange time of the last event before, UTC" },
  { id: "span", title: "Lasted", px: 62, isNumber: true },
  { id: "received", title: "Received (here)", px: 172, hint: "Receive time of the last message before and the first after, UTC", isFixed: true },
  { id: "stream", title: "Stream", px: 116, grow: 0.5 },
  { id: "state", title: "State", px: 132 },
  { id: "cause", title: "Cause", px: 140, grow: 1 },
  { id: "ids", title: "Ids", px: 170, isNumber: true },
  { id: "missing", title: "Missing", px: 84, isNumber: true },
  { id: "attempts", title: "Tries", px: 44, isNumber: true, hint: "Backfills that were tried" },
  { id: "effect", title: "Effect on grades", px: 116, grow: 1, isFixed: true },
  { id: "detail", title: "Detail", px: 90, grow: 2, isFixed: true },
];

const TONES: Readonly<Record<GapState, string>> = { open: "tone-warn", backfilling: "tone-warn", GAP_UNRESOLVED: "tone-trouble", partly_repaired: "tone-warn", repaired: "dim" };
const GLYPHS: Readonly<Record<GapState, string>> = { open: "◍", backfilling: "⟲", GAP_UNRESOLVED: "✕", partly_repaired: "◐", repaired: "✓" };

/** To the moment of a gap: the cursor of a tape of this machine; of a remote, which has none, the bar. */
function goTo(gap: GapEntry): void {
  if (!isRemoteShown(engineStore.getState())) {
    run("player", { type: "seek_time", ms: gap.fromMs, fit: "clamped" });
    return;
  }
  const intervalMs = intervalMsOf(viewStore.getState());
  if (intervalMs !== undefined) selectBar(Math.floor(gap.fromMs / intervalMs) * intervalMs);
}

function Choice<T extends string>({ name, value, all, words, onChoose, testId }: {
  readonly name: string; readonly value: T | ""; readonly all: readonly T[]; readonly words: (value: T) => string; readonly onChoose: (value: T | "") => void; readonly testId: string;
}): ReactElement {
  const options = value === "" || all.includes(value) ? all : [...all, value];
  return (
    <label>{name}<select data-testid={testId} value={value} onChange={(event) => onChoose(options.find((one) => one === event.target.value) ?? "")}>
      <option value="">all</option>{options.map((one) => <option key={one} value={one}>{words(one)}</option>)}
    </select></label>
  );
}

function Effect({ gap }: { readonly gap: GapEntry }): ReactElement {
  // A string, so that a new trade elsewhere does not render again.
  const text = useStore(viewStore, (view) => effectText(view, gap));
  return <Cell title={text}>{text}</Cell>;
}

function GapCells({ gap }: { readonly gap: GapEntry }): ReactElement {
  return (
    <>
      <Cell title={explainGap(gap)}><span className="num">{gap.fromMs > 0 ? utc(gap.fromMs).slice(5) : UNKNOWN}</span></Cell>
      <Cell isNumber>{gap.toMs === undefined ? "goes on" : duration(gap.toMs - gap.fromMs)}</Cell>
      <Cell><span className="num dim">{receivedText(gap)}</span></Cell>
      <Cell title={gap.streamId}>{gap.streamId.split(":").slice(1).join(" ")}</Cell>
      <Cell tone={TONES[gap.state]}><span className="glyph" aria-hidden="true">{GLYPHS[gap.state]}</span> {GAP_STATES[gap.state]}</Cell>
      <Cell title={gap.cause}>{CAUSES[gap.cause]}</Cell>
      <Cell isNumber title={idsText(gap)}>{idsText(gap)}</Cell>
      <Cell isNumber tone={gap.missing === 0 ? "dim" : ""}>{missingText(gap)}</Cell>
      <Cell isNumber>{count(gap.attempts)}</Cell>
      <Effect gap={gap} />
      <Cell tone="dim" title={gap.detail}>{gap.detail}</Cell>
    </>
  );
}

export function LedgerPanel(): ReactElement {
  const gaps = useStore(viewStore, (view) => view.gaps);
  const series = useStore(viewStore, (view) => view.series);
  const [filter, setFilter] = useState<LedgerFilter>(NO_FILTER);
  const [sort, setSort] = useState<Sort | undefined>(undefined);
  const [selectedId, setSelectedId] = useState<string | undefined>(undefined);
  const rows = useMemo(() => ledgerRows(gaps, filter, sort), [gaps, filter, sort]);
  const selected = rows.findIndex(({ gapId }) => gapId === selectedId);
  const isFiltered = filter.state !== "" || filter.cause !== "" || filter.streamId !== "";
  return (
    <div className="ledger" data-testid="ledger-panel">
      <div className="toolbar">
        <b>{series === undefined ? "No series" : `${series.symbol} · ${series.venue}`}</b>
        <Choice name="State" value={filter.state} all={choicesOf(gaps, "state")} words={(value) => GAP_STATES[value]} onChoose={(state) => setFilter({ ...filter, state })} testId="ledger-state" />
        <Choice name="Cause" value={filter.cause} all={choicesOf(gaps, "cause")} words={(value) => CAUSES[value]} onChoose={(cause) => setFilter({ ...filter, cause })} testId="ledger-cause" />
        <Choice name="Stream" value={filter.streamId} all={choicesOf(gaps, "streamId")} words={(value) => value} onChoose={(streamId) => setFilter({ ...filter, streamId })} testId="ledger-stream" />
        {isFiltered && <button type="button" className="small" onClick={() => setFilter(NO_FILTER)}>Show all</button>}
        <span className="dim num" data-testid="ledger-count">{isFiltered ? `${count(rows.length)} of ${plural(gaps.length, "entry", "entries")}` : plural(gaps.length, "entry", "entries")}</span>
        <span className="grow" />
        <Backfill />
      </div>
      <DataGrid
        label="Gap ledger" testId="ledger-rows" columns={COLUMNS} count={rows.length} rowPx={() => 23} cells={(index) => { const gap = rows[index]; return gap === undefined ? undefined : <GapCells gap={gap} />; }}
        rowProps={(index) => ({ "data-gap": rows[index]?.gapId, "data-state": rows[index]?.state })}
        sort={sort} onSort={(column) => setSort((now) => nextSort(now, column, column === "stream" || column === "cause" || column === "state" ? 1 : -1))}
        selected={selected < 0 ? undefined : selected} onSelect={(index) => setSelectedId(rows[index]?.gapId)} onOpen={(index) => { const gap = rows[index]; if (gap !== undefined) goTo(gap); }}
        onPress={(index) => { const gap = rows[index]; if (gap !== undefined) goTo(gap); }}
        empty={<p className="empty">{isFiltered ? "No entry fits this filter." : "Nothing is known to be missing from this symbol up to the cursor. What goes missing is written here with its cause, before anything is repaired."}</p>}
      />
    </div>
  );
}
