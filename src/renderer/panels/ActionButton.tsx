// Owns the button that carries out a named action: its title tells the key, its name reads aloud.
import type { ReactElement, ReactNode } from "react";
import { ACTIONS, act } from "../keyboard/actions.ts";
import { shownKeys, type ActionId } from "../keyboard/keymap.ts";

export function titleOf(action: ActionId): string {
  const keys = shownKeys(action);
  return keys === undefined ? ACTIONS[action].title : `${ACTIONS[action].title} (${keys})`;
}

export function ActionButton({ action, children, testId, className = "tool", pressed, disabled }: {
  readonly action: ActionId; readonly children: ReactNode; readonly testId?: string; readonly className?: string;
  readonly pressed?: boolean; readonly disabled?: boolean;
}): ReactElement {
  return (
    <button
      type="button" className={className} title={titleOf(action)} aria-label={ACTIONS[action].title} data-testid={testId}
      aria-pressed={pressed} disabled={disabled} onClick={() => act(action)}
    >
      {children}
    </button>
  );
}
