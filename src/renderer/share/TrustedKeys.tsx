// Owns the list of keys that may come in: adding one, and revoking one with a way back.
import { useState, type FormEvent, type ReactElement } from "react";
import { useStore } from "zustand";
import type { KeyRing } from "../../shared/protocol/frames.ts";
import { faultOf } from "../engine/client.ts";
import { utcDay } from "../format/times.ts";
import { keyTrouble } from "../remote/form.ts";
import { Field } from "../panels/Field.tsx";
import { addToast, addUndo } from "../store/toasts.ts";
import { keysStore, revokeKey, trustKey } from "./keys.ts";

type Trusted = KeyRing["trusted"][number];

async function revoke({ name, publicKey }: Trusted): Promise<void> {
  try {
    await revokeKey(publicKey);
    addUndo(`${name} may no longer come in`, () => void trustKey(name, publicKey).catch((error: unknown) => addToast(faultOf(error))));
  } catch (error) {
    addToast(faultOf(error));
  }
}

export function TrustedKeys(): ReactElement {
  const ring = useStore(keysStore, (state) => state.ring);
  const [name, setName] = useState("");
  const [publicKey, setPublicKey] = useState("");
  const [isChecked, setChecked] = useState(false);
  const [trouble, setTrouble] = useState<string | undefined>(undefined);
  const nameTrouble = name.trim() === "" ? "Say whose key it is" : undefined;
  const publicKeyTrouble = keyTrouble(publicKey);
  const add = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setChecked(true);
    if (nameTrouble !== undefined || publicKeyTrouble !== undefined) return;
    try {
      await trustKey(name.trim(), publicKey.trim());
      setName("");
      setPublicKey("");
      setChecked(false);
      setTrouble(undefined);
    } catch (error) {
      setTrouble(faultOf(error).message);
    }
  };
  return (
    <>
      {ring?.trusted.length === 0 && <p className="empty">No key is trusted: only this machine may be a client.</p>}
      <ul data-testid="trusted-keys">{ring?.trusted.map((one) => (
        <li key={one.publicKey} className="row" data-testid="trusted-key">
          <b className="clip">{one.name}</b><code className="grow clip dim" title={one.publicKey}>{one.publicKey}</code><span className="dim num">{utcDay(one.addedMs)}</span>
          <button type="button" className="small" aria-label={`Revoke ${one.name}`} data-testid="key-revoke" onClick={() => void revoke(one)}>Revoke</button>
        </li>
      ))}</ul>
      <form className="trust-form" onSubmit={(event) => void add(event)} noValidate>
        <Field title="Trust a client: its name" testId="trust-name" value={name} onChange={setName} trouble={isChecked ? nameTrouble : undefined} placeholder="Desk" />
        <Field title="Its public key" testId="trust-key" value={publicKey} onChange={(value) => { setPublicKey(value); setTrouble(undefined); }} trouble={trouble ?? (isChecked ? publicKeyTrouble : undefined)} isMono />
        <button type="submit" className="small" data-testid="trust-add">Trust</button>
      </form>
      {ring !== undefined && <p className="dim">{ring.storedIn === "system" ? "The secret key is in the operating system's key store." : "The secret key is in a file that only this user can read."}</p>}
    </>
  );
}
