// Owns the SQL editor: line numbers, Tab as spaces (Escape, then Tab leaves), undo as the browser has it, one line for what is wrong.
import { useRef, type KeyboardEvent, type ReactElement, type RefObject } from "react";
import { useStore } from "zustand";
import { queryStore } from "./store.ts";

const TAB = "  ";

/** Replaces the selection, or all, so that the browser's own undo can take it back. */
export function insertText(area: HTMLTextAreaElement, text: string, isAll = false): void {
  area.focus();
  if (isAll) area.select();
  // The one way to change a field's text that its undo knows of.
  document.execCommand("insertText", false, text);
}

export function Editor({ area, onRun, trouble }: { readonly area: RefObject<HTMLTextAreaElement | null>; readonly onRun: () => void; readonly trouble: string | undefined }): ReactElement {
  const sql = useStore(queryStore, (state) => state.sql);
  const gutter = useRef<HTMLDivElement>(null);
  const isLeaving = useRef(false);
  const lines = sql.split("\n").length;
  const onKey = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) onRun();
    else if (event.key === "Escape" && !isLeaving.current) isLeaving.current = true;
    else if (event.key === "Tab" && !isLeaving.current && !event.ctrlKey && !event.altKey && !event.shiftKey) insertText(event.currentTarget, TAB);
    else {
      if (event.key !== "Shift") isLeaving.current = false;
      return;
    }
    event.preventDefault();
  };
  return (
    <div className="editor">
      <div className="editor-body">
        <div ref={gutter} className="editor-gutter num" aria-hidden="true">{Array.from({ length: lines }, (_, index) => <span key={index}>{index + 1}</span>)}</div>
        <textarea
          ref={area} className="editor-text" data-testid="query-sql" data-dock-focus="" aria-label="SQL, read-only. Ctrl Enter runs it. Escape, then Tab leaves" aria-invalid={trouble !== undefined} spellCheck={false} autoComplete="off" autoCapitalize="off" wrap="off"
          value={sql} placeholder="SELECT … FROM …   Ctrl Enter runs it" onChange={(event) => queryStore.setState({ sql: event.target.value })} onKeyDown={onKey} onFocus={() => { isLeaving.current = false; }}
          onScroll={(event) => { if (gutter.current !== null) gutter.current.scrollTop = event.currentTarget.scrollTop; }}
        />
      </div>
      {trouble !== undefined && <p className="editor-trouble tone-trouble" role="alert" data-testid="query-error" title={trouble}>✕ {trouble.split("\n")[0]}</p>}
    </div>
  );
}
