// Owns the line with this machine's public key: what others must trust to let it in, or paste to know it by.
import { useEffect, type ReactElement } from "react";
import { useStore } from "zustand";
import { CopyButton } from "../panels/CopyButton.tsx";
import { keysStore, readKeys } from "./keys.ts";

export function OwnKey({ hint }: { readonly hint: string }): ReactElement {
  const { ring, trouble } = useStore(keysStore);
  useEffect(() => void readKeys(), []);
  return (
    <div className="own-key">
      <span className="dim">This machine's public key</span>
      <div className="row">
        <code className="grow clip" data-testid="own-key">{ring?.publicKey ?? (trouble === undefined ? "…" : "unknown")}</code>
        {ring !== undefined && <CopyButton text={ring.publicKey} name="this machine's public key" testId="own-key-copy" />}
      </div>
      <span className={`field-note ${trouble === undefined ? "dim" : "tone-trouble"}`}>{trouble ?? hint}</span>
    </div>
  );
}
