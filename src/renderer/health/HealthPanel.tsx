// Owns the health panel: the light with its reasons, disk and screen latency, and every stream under its venue.
import { useMemo, useState, type ReactElement } from "react";
import { useStore } from "zustand";
import type { DiskHealth, HealthReport, StreamHealth } from "../../shared/protocol/health.ts";
import { bytes, count, rate } from "../format/numbers.ts";
import { Cell, DataGrid, type GridColumn } from "../grid/DataGrid.tsx";
import { nextSort, type Sort } from "../grid/sort.ts";
import { STREAM_STATES } from "../panels/stream-state.ts";
import { engineStore } from "../store/engine-state.ts";
import { firstDirection, healthRows, rowId, type HealthRow } from "./rows.ts";
import { StreamDetail } from "./StreamDetail.tsx";
import { VenueLine } from "./VenueLine.tsx";
import { age, hoursToFull, known, lightOf, percentiles, percentilesInFull, UNKNOWN } from "./words.ts";

const COLUMNS: readonly GridColumn[] = [
  { id: "stream", title: "Stream", px: 168, grow: 2 },
  { id: "state", title: "State", px: 122, grow: 1, hint: "Worst first" },
  { id: "frame", title: "Last frame", px: 70, isNumber: true, hint: "Since the last message" },
  { id: "rate", title: "Msg/s", px: 62, isNumber: true, hint: "Over the last two seconds" },
  { id: "arrival", title: "Venue→here", px: 86, isNumber: true, hint: "Exchange time to receive, ms, p50 · p99 of the last minute; over two clocks, so it may be negative" },
  { id: "write", title: "Here→log", px: 78, isNumber: true, hint: "Receive to written, ms, p50 · p99 of the last minute" },
  { id: "duplicates", title: "Dupl.", px: 54, isNumber: true, hint: "Messages that came twice" },
  { id: "conflicts", title: "Confl.", px: 54, isNumber: true, hint: "Same id, other contents" },
  { id: "open", title: "Gaps", px: 50, isNumber: true, hint: "Open gaps" },
  { id: "unresolved", title: "Lost", px: 50, isNumber: true, hint: "Gaps that backfill could not fill" },
  { id: "watermark", title: "Watermark", px: 78, isNumber: true, hint: "How old the sealed event time is, by the venue's clock; streams that make candles only" },
  { id: "detail", title: "Detail", px: 120, grow: 3, isFixed: true },
];

const ROW_PX = 22;
const VENUE_PX = 34;
const DETAIL_PX = 112;

function Figure({ name, value, title, tone = "", testId }: { readonly name: string; readonly value: string; readonly title?: string; readonly tone?: string; readonly testId?: string }): ReactElement {
  return <span className="fact" title={title}><span className="figure-name">{name}</span><span className={`fact-value num ${tone}`} data-testid={testId}>{value}</span></span>;
}

const DISK_TONES: Readonly<Record<DiskHealth["state"], string>> = { ok: "", low: "tone-warn", full: "tone-trouble" };

function Summary({ health }: { readonly health: HealthReport | undefined }): ReactElement {
  const light = lightOf(health?.status);
  const disk = health?.disk;
  const tone = disk === undefined ? "" : DISK_TONES[disk.state];
  return (
    <div className="health-summary">
      <span className={`health-light ${light.tone}`} data-testid="health-light" data-status={health?.status ?? "unknown"}><span aria-hidden="true">{light.glyph}</span> {health?.status ?? UNKNOWN}</span>
      <ul className="health-reasons" data-testid="health-reasons" aria-label="Reasons, worst first">
        {(health?.reasons.length ?? 0) === 0 && <li className="dim">{light.words}.</li>}
        {health?.reasons.map(({ colour, text }, index) => <li key={`${index}/${text}`} className="clip" title={text}><span className={lightOf(colour).tone} aria-label={colour}>{lightOf(colour).glyph}</span> {text}</li>)}
      </ul>
      <Figure name="disk free" value={known(disk?.freeBytes, bytes)} tone={tone} testId="health-disk-free" />
      <Figure name="per hour" value={known(disk?.bytesPerHour, bytes)} title="What the recording takes; known after its first minute" />
      <Figure name="full in" value={hoursToFull(disk?.hoursToFull)} tone={tone} />
      <Figure name="log→screen ms" value={percentiles(health?.logToScreen)} title={percentilesInFull("Written to painted", health?.logToScreen)} />
    </div>
  );
}

function StreamCells({ stream, atMs }: { readonly stream: StreamHealth; readonly atMs: number }): ReactElement {
  const shown = STREAM_STATES[stream.state];
  const renamed = stream.renamedTo === undefined ? "" : `renamed to ${stream.renamedTo}`;
  const detail = [renamed, stream.detail].filter((part) => part !== "").join(" · ");
  return (
    <>
      <Cell title={stream.streamId}><b>{stream.symbol}</b> <span className="dim">{stream.channel}</span></Cell>
      <Cell tone={`tone-${shown.tone}`}><span className="glyph" aria-hidden="true">{shown.glyph}</span> {shown.words}</Cell>
      <Cell isNumber>{known(stream.lastFrameMs, (ms) => age(atMs - ms))}</Cell>
      <Cell isNumber>{rate(stream.rate)}</Cell>
      <Cell isNumber title={percentilesInFull("Exchange to here", stream.exchangeToHere)}>{percentiles(stream.exchangeToHere)}</Cell>
      <Cell isNumber title={percentilesInFull("Here to log", stream.hereToLog)}>{percentiles(stream.hereToLog)}</Cell>
      <Cell isNumber tone={stream.duplicates === 0 ? "dim" : ""}>{count(stream.duplicates)}</Cell>
      <Cell isNumber tone={stream.conflicts === 0 ? "dim" : "tone-trouble"}>{count(stream.conflicts)}</Cell>
      <Cell isNumber tone={stream.gapsOpen === 0 ? "dim" : "tone-warn"}>{count(stream.gapsOpen)}</Cell>
      <Cell isNumber tone={stream.gapsUnresolved === 0 ? "dim" : "tone-trouble"}>{count(stream.gapsUnresolved)}</Cell>
      <Cell isNumber>{known(stream.watermarkAgeMs, age)}</Cell>
      <Cell tone="dim" title={detail}>{detail}</Cell>
    </>
  );
}

export function HealthPanel(): ReactElement {
  const health = useStore(engineStore, (state) => state.health);
  const atMs = useStore(engineStore, (state) => state.healthAtMs) ?? Date.now();
  const [sort, setSort] = useState<Sort | undefined>(undefined);
  const [selectedId, setSelectedId] = useState<string | undefined>(undefined);
  const [openId, setOpenId] = useState<string | undefined>(undefined);
  const rows = useMemo(() => healthRows(health, sort), [health, sort]);
  const selected = rows.findIndex((row) => rowId(row) === selectedId);
  const heightOf = (index: number): number => {
    const row = rows[index];
    return row?.kind === "venue" ? VENUE_PX : row?.stream.streamId === openId ? ROW_PX + DETAIL_PX : ROW_PX;
  };
  const toggle = (index: number): void => {
    const row = rows[index];
    if (row?.kind === "stream") setOpenId(row.stream.streamId === openId ? undefined : row.stream.streamId);
  };
  const cells = (index: number): ReactElement | undefined => {
    const row = rows[index];
    if (row === undefined) return undefined;
    if (row.kind === "venue") return <VenueLine venue={row.venue} streams={row.streams} />;
    return (
      <>
        <StreamCells stream={row.stream} atMs={atMs} />
        {row.stream.streamId === openId && <StreamDetail stream={row.stream} />}
      </>
    );
  };
  return (
    <div className="health" data-testid="health-panel">
      <Summary health={health} />
      <DataGrid
        label="Streams" testId="health-streams" columns={COLUMNS} count={rows.length} rowPx={heightOf} cells={cells} rowProps={(index) => rowData(rows[index])} version={`${openId ?? ""}/${rows.map(({ kind }) => kind.charAt(0)).join("")}`}
        sort={sort} onSort={(column) => setSort((now) => nextSort(now, column, firstDirection(column)))} selected={selected < 0 ? undefined : selected}
        onSelect={(index) => { const row = rows[index]; setSelectedId(row === undefined ? undefined : rowId(row)); }} onOpen={toggle}
        empty={<p className="empty">No health report yet. It comes with the first second of a recording: start recording, or connect a venue.</p>}
      />
    </div>
  );
}

function rowData(row: HealthRow | undefined): Readonly<Record<`data-${string}`, string | undefined>> {
  if (row === undefined) return {};
  return row.kind === "venue" ? { "data-kind": "venue", "data-venue": row.venue.venue } : { "data-kind": "stream", "data-stream": row.stream.streamId, "data-state": row.stream.state };
}
