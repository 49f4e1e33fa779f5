// Owns a result as rows: numbers to the right, NULL as NULL, sorted here, copied as text.
import { useMemo, type ReactElement } from "react";
import { useStore } from "zustand";
import type { QueryColumn, QueryResult, QueryValue } from "../../shared/protocol/query.ts";
import { Cell, DataGrid, type GridColumn } from "../grid/DataGrid.tsx";
import { nextSort } from "../grid/sort.ts";
import { isNumeric, sortedRows } from "./columns.ts";
import { queryStore } from "./store.ts";
import { cellText } from "./text.ts";

const CHAR_PX = 7.1;
const LEAST_PX = 60;
const MOST_PX = 320;
/** Rows that decide how wide a column is. */
const LOOKED_AT = 60;

function widthOf(column: QueryColumn, index: number, rows: QueryResult["rows"]): number {
  const longest = rows.slice(0, LOOKED_AT).reduce((most, row) => Math.max(most, cellText(row[index]).length), column.name.length + 2);
  return Math.min(MOST_PX, Math.max(LEAST_PX, Math.ceil(longest * CHAR_PX) + 20));
}

function Value({ value, column }: { readonly value: QueryValue | undefined; readonly column: QueryColumn }): ReactElement {
  const isNumber = isNumeric(column);
  if (value === null || value === undefined) return <Cell isNumber={isNumber} tone="null">NULL</Cell>;
  const text = String(value);
  return <Cell isNumber={isNumber} title={text.length > 24 ? text : undefined}>{text}</Cell>;
}

export function ResultGrid({ result }: { readonly result: QueryResult }): ReactElement {
  const sort = useStore(queryStore, (state) => state.sort);
  const rows = useMemo(() => sortedRows(result, sort), [result, sort]);
  const columns = useMemo(() => [
    { id: "#", title: "#", px: 52, isNumber: true, isFixed: true },
    ...result.columns.map((column, index): GridColumn => ({ id: String(index), title: column.name, px: widthOf(column, index, result.rows), isNumber: isNumeric(column), hint: `${column.name}: ${column.type}` })),
    { id: "rest", title: "", px: 0, grow: 1, isFixed: true },
  ], [result]);
  const cells = (index: number): ReactElement => (
    <>
      <Cell isNumber tone="dim">{index + 1}</Cell>
      {result.columns.map((column, at) => <Value key={at} value={rows[index]?.[at]} column={column} />)}
    </>
  );
  return (
    <DataGrid
      label="Result" testId="query-rows" columns={columns} count={rows.length} rowPx={() => 23} cells={cells} sort={sort}
      onSort={(column) => queryStore.setState({ sort: nextSort(sort, column) })} empty={<p className="empty">The query has no rows.</p>}
    />
  );
}
