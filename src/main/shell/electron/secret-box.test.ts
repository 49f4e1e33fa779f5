import { expect, it } from "vitest";
import { systemSecretBox, type ElectronSafeStorage } from "./secret-box.ts";

/** Turns bytes around: enough to see that what is kept is not what was said. */
function storage(backend: string | undefined, available = true): ElectronSafeStorage {
  return {
    isEncryptionAvailable: () => available,
    ...(backend === undefined ? {} : { getSelectedStorageBackend: () => backend }),
    encryptString: (text) => Buffer.from(text, "utf8").reverse(),
    decryptString: (sealed) => Buffer.from(sealed).reverse().toString("utf8"),
  };
}

it("opens what it sealed, and shows nothing of it", () => {
  for (const box of [systemSecretBox(storage("gnome_libsecret")), systemSecretBox(storage(undefined))]) {
    const sealed = box?.seal("a secret key") ?? "";
    expect(Buffer.from(sealed, "base64").toString()).not.toContain("secret");
    expect(box?.open(sealed)).toBe("a secret key");
  }
});

it("is not there where the system has no store worth the name", () => {
  expect(systemSecretBox(storage("gnome_libsecret", false))).toBeUndefined();
  expect(systemSecretBox(storage("basic_text"))).toBeUndefined();
  expect(systemSecretBox(storage("unknown"))).toBeUndefined();
});
