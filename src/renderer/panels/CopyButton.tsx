// Owns the button that copies a text: it says for a moment that it has, or that the clipboard refused.
import { useEffect, useState, type ReactElement } from "react";
import { Icon } from "./Icon.tsx";

const SAID_MS = 1_500;

export function CopyButton({ text, name, testId }: { readonly text: string; readonly name: string; readonly testId?: string }): ReactElement {
  const [said, setSaid] = useState<"copied" | "refused" | undefined>(undefined);
  useEffect(() => {
    if (said === undefined) return undefined;
    const timer = setTimeout(() => setSaid(undefined), SAID_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("copied");
    } catch {
      setSaid("refused");
    }
  };
  return (
    <button type="button" className="small copy" aria-label={`Copy ${name}`} data-testid={testId} onClick={() => void copy()}>
      <Icon name={said === "copied" ? "check" : "copy"} /><span role="status">{said === undefined ? "Copy" : said === "copied" ? "Copied" : "Refused: select it"}</span>
    </button>
  );
}
