// The operating system's key store, as the key ring uses it. Electron itself is handed in; it answers only once the app is ready.
import type { SecretBox } from "../../keys/key-ring.ts";

/** Electron's safeStorage, as far as we use it. */
export interface ElectronSafeStorage {
  isEncryptionAvailable(): boolean;
  /** Linux only: which key store was found. */
  getSelectedStorageBackend?(): string;
  encryptString(text: string): Uint8Array;
  decryptString(sealed: Buffer): string;
}

/** Chromium's stand-in where no key store is found: a password that is the same everywhere. A file of this user only is worth more. */
const NO_STORE: readonly string[] = ["basic_text", "unknown"];

/** Undefined where the system has no key store: the key ring then keeps its secret in a file that only this user can read. */
export function systemSecretBox(storage: ElectronSafeStorage): SecretBox | undefined {
  if (!storage.isEncryptionAvailable() || NO_STORE.includes(storage.getSelectedStorageBackend?.() ?? "")) return undefined;
  return {
    seal: (text) => Buffer.from(storage.encryptString(text)).toString("base64"),
    open: (text) => storage.decryptString(Buffer.from(text, "base64")),
  };
}
