// Owns the dense table of the dock: columns with tracks, a header that sorts, and only the visible rows in the page.
import { useEffect, useId, useRef, type KeyboardEvent, type ReactElement, type ReactNode } from "react";
import { useVirtualizer } from "@tanstack/react-virtual";
import type { Sort } from "./sort.ts";

export interface GridColumn {
  readonly id: string;
  readonly title: string;
  /** Least width; `grow` shares what is left. */
  readonly px: number;
  readonly grow?: number;
  readonly isNumber?: boolean;
  /** One sentence on hover. */
  readonly hint?: string;
  readonly isFixed?: boolean;
}

const HEADER_PX = 24;
const PAGE_ROWS = 10;

function HeaderCell({ column, sort, onSort }: { readonly column: GridColumn; readonly sort: Sort | undefined; readonly onSort: ((id: string) => void) | undefined }): ReactElement {
  const direction = sort?.column === column.id ? sort.direction : undefined;
  const isSortable = onSort !== undefined && column.isFixed !== true;
  const ariaSort = direction === undefined ? "none" : direction === 1 ? "ascending" : "descending";
  return (
    <span role="columnheader" className={`grid-head ${column.isNumber === true ? "is-number" : ""}`} title={column.hint} {...(isSortable && { "aria-sort": ariaSort })}>
      {isSortable
        ? <button type="button" data-column={column.id} onClick={() => onSort(column.id)}><span className="clip">{column.title}</span>{direction !== undefined && <span aria-hidden="true">{direction === 1 ? "▴" : "▾"}</span>}</button>
        : <span className="clip">{column.title}</span>}
    </span>
  );
}

/** `rowPx` and `cells` are asked for visible rows only. Arrow keys move the selection, Enter opens it. */
export function DataGrid({ label, columns, count, rowPx, cells, rowProps, sort, onSort, selected, onSelect, onOpen, onPress, testId, empty, version }: {
  readonly label: string; readonly columns: readonly GridColumn[]; readonly count: number;
  readonly rowPx: (index: number) => number; readonly cells: (index: number) => ReactNode;
  readonly rowProps?: (index: number) => Readonly<Record<`data-${string}`, string | undefined>>;
  readonly sort?: Sort | undefined; readonly onSort?: (id: string) => void;
  readonly selected?: number | undefined; readonly onSelect?: (index: number) => void; readonly onOpen?: (index: number) => void;
  /** A click with the pointer, beyond selecting. */
  readonly onPress?: (index: number) => void;
  readonly testId?: string; readonly empty?: ReactNode;
  /** Changes when the heights of rows may have. */
  readonly version?: string | number;
}): ReactElement {
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const rows = useVirtualizer({ count, getScrollElement: () => scroller.current, estimateSize: rowPx, overscan: 6, scrollPaddingStart: HEADER_PX });
  useEffect(() => rows.measure(), [version]);
  const tracks = columns.map(({ px, grow }) => (grow === undefined ? `${px}px` : `minmax(${px}px, ${grow}fr)`)).join(" ");
  const leastPx = columns.reduce((sum, { px }) => sum + px, 0);
  const move = (to: number): void => {
    const index = Math.min(Math.max(0, to), count - 1);
    onSelect?.(index);
    rows.scrollToIndex(index, { align: "auto" });
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.target !== event.currentTarget || onSelect === undefined || count === 0) return;
    const at = selected ?? -1;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + PAGE_ROWS, PageUp: at - PAGE_ROWS, Home: 0, End: count - 1 }[event.key];
    if (to !== undefined) move(to);
    else if (event.key === "Enter" && selected !== undefined) onOpen?.(selected);
    else return;
    event.preventDefault();
  };
  return (
    <div
      ref={scroller} className="grid" role="grid" tabIndex={0} data-dock-focus="" aria-label={label} aria-rowcount={count + 1} aria-colcount={columns.length} data-testid={testId} data-rows={count} onKeyDown={onKey}
      {...(selected !== undefined && { "aria-activedescendant": `${id}-${selected}` })}
    >
      <div className="grid-space" style={{ height: rows.getTotalSize() + HEADER_PX, minWidth: leastPx }}>
        <div className="grid-row grid-header" role="row" aria-rowindex={1} style={{ gridTemplateColumns: tracks }}>
          {columns.map((column) => <HeaderCell key={column.id} column={column} sort={sort} onSort={onSort} />)}
        </div>
        {rows.getVirtualItems().map((item) => (
          <div
            key={item.key} id={`${id}-${item.index}`} role="row" aria-rowindex={item.index + 2} className="grid-row" aria-selected={item.index === selected} data-index={item.index} {...rowProps?.(item.index)}
            style={{ gridTemplateColumns: tracks, height: item.size, transform: `translateY(${item.start + HEADER_PX}px)` }}
            onClick={() => { onSelect?.(item.index); onPress?.(item.index); }} onDoubleClick={() => onOpen?.(item.index)}
          >
            {cells(item.index)}
          </div>
        ))}
      </div>
      {count === 0 && empty !== undefined && <div className="grid-empty">{empty}</div>}
    </div>
  );
}

export function Cell({ children, isNumber = false, tone = "", title, testId }: { readonly children: ReactNode; readonly isNumber?: boolean; readonly tone?: string; readonly title?: string | undefined; readonly testId?: string }): ReactElement {
  return <span role="gridcell" className={`grid-cell ${isNumber ? "is-number num" : ""} ${tone}`} title={title} data-testid={testId}>{children}</span>;
}
