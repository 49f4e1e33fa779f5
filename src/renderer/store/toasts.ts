// Owns the short list of troubles that need a hand, and of deletions that can be undone.
import { createStore } from "zustand/vanilla";

export interface Toast {
  readonly id: number;
  readonly tone: "trouble" | "note";
  readonly code: string;
  readonly message: string;
  readonly action: { readonly title: string; readonly run: () => void } | undefined;
}
interface ToastState { readonly toasts: readonly Toast[]; readonly nextId: number }

/** More than this nobody reads; the oldest leave, the streams and jobs still show their own state. */
const TOASTS_MAX = 5;

export const toastStore = createStore<ToastState>(() => ({ toasts: [], nextId: 1 }));

function push(toast: Omit<Toast, "id">): void {
  toastStore.setState(({ toasts, nextId }) => {
    // The same trouble again replaces its older line instead of filling the screen. Of a remote that comes and goes only the newest line
    // counts: its banner, its row and its bar tell the rest.
    const isOfBridge = toast.code.startsWith("remote.") || toast.code.startsWith("bridge.");
    const others = toasts.filter((other) => other.code !== toast.code || (!isOfBridge && other.message !== toast.message));
    return { toasts: [...others, { ...toast, id: nextId }].slice(-TOASTS_MAX), nextId: nextId + 1 };
  });
}

export function addToast(fault: { readonly code: string; readonly message: string }): void {
  push({ tone: "trouble", code: fault.code, message: fault.message, action: undefined });
}

export function addUndo(message: string, undo: () => void): void {
  push({ tone: "note", code: "undo", message, action: { title: "Undo", run: undo } });
}

export function addNote(message: string): void {
  push({ tone: "note", code: "note", message, action: undefined });
}

export function dismissToast(id: number): void {
  toastStore.setState(({ toasts }) => ({ toasts: toasts.filter((toast) => toast.id !== id) }));
}
