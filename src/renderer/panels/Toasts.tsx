// Owns the corner where troubles that need a hand wait, and where deletions can be undone for a while.
import { useEffect, type ReactElement } from "react";
import { useStore } from "zustand";
import { dismissToast, toastStore, type Toast } from "../store/toasts.ts";
import { Icon } from "./Icon.tsx";

/** Notes leave by themselves; a trouble stays until it is read. */
const NOTE_MS = 8_000;

function ToastLine({ toast }: { readonly toast: Toast }): ReactElement {
  useEffect(() => {
    if (toast.tone !== "note") return undefined;
    const timer = setTimeout(() => dismissToast(toast.id), NOTE_MS);
    return () => clearTimeout(timer);
  }, [toast]);
  return (
    <li className={`toast toast-${toast.tone}`} data-testid="toast" data-code={toast.code}>
      <span className="grow">{toast.message}</span>
      {toast.action !== undefined && <button type="button" className="small" onClick={() => { toast.action?.run(); dismissToast(toast.id); }}>{toast.action.title}</button>}
      <button type="button" className="star" aria-label="Dismiss" onClick={() => dismissToast(toast.id)}><Icon name="close" /></button>
    </li>
  );
}

export function Toasts(): ReactElement {
  const toasts = useStore(toastStore, (state) => state.toasts);
  return <ul className="toasts" role="status" aria-live="polite">{toasts.map((toast) => <ToastLine key={toast.id} toast={toast} />)}</ul>;
}
