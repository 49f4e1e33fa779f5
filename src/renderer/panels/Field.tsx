// Owns a labelled field of a form with the one line beside it that says what is wrong; the line's place is kept, so that nothing moves.
import { useId, type ReactElement, type ReactNode } from "react";

export function Field({ title, value, onChange, trouble, hint, testId, placeholder, isMono = false, isFirst = false }: {
  readonly title: string; readonly value: string; readonly onChange: (value: string) => void; readonly trouble: string | undefined; readonly hint?: ReactNode;
  readonly testId: string; readonly placeholder?: string; readonly isMono?: boolean; readonly isFirst?: boolean;
}): ReactElement {
  const noteId = useId();
  return (
    <label className="field">
      <span>{title}</span>
      <input
        data-testid={testId} className={isMono ? "mono" : undefined} value={value} placeholder={placeholder} spellCheck={false} autoComplete="off" autoFocus={isFirst}
        aria-invalid={trouble !== undefined} aria-describedby={noteId} onChange={(event) => onChange(event.target.value)}
      />
      <span id={noteId} className={`field-note ${trouble === undefined ? "dim" : "tone-trouble"}`} data-testid={`${testId}-note`}>{trouble ?? hint ?? ""}</span>
    </label>
  );
}
