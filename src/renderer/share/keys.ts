// Owns the key ring as this screen last read it: asked for when a dialog needs it, and again after each change.
import { createStore } from "zustand/vanilla";
import type { KeyRing } from "../../shared/protocol/frames.ts";
import { faultOf } from "../engine/client.ts";
import { engine } from "../engine/session.ts";

export interface KeysState { readonly ring: KeyRing | undefined; readonly trouble: string | undefined }
export const keysStore = createStore<KeysState>(() => ({ ring: undefined, trouble: undefined }));

export async function readKeys(): Promise<void> {
  try {
    keysStore.setState({ ring: await engine().call("keys.list", {}), trouble: undefined });
  } catch (error) {
    keysStore.setState({ trouble: faultOf(error).message });
  }
}

/** Throws what the engine refused, for the line beside the field. */
export async function trustKey(name: string, publicKey: string): Promise<void> {
  await engine().call("keys.trust", { name, publicKey });
  await readKeys();
}

export async function revokeKey(publicKey: string): Promise<void> {
  await engine().call("keys.revoke", { publicKey });
  await readKeys();
}
