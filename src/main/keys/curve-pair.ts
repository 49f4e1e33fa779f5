// CURVE key pairs: what ZeroMQ calls a pair is one of X25519, so Node makes it and no native module is loaded for it.
import { generateKeyPairSync } from "node:crypto";
import { encodeZ85 } from "./z85.ts";

export interface CurvePair {
  /** Z85, 40 characters. May be shown and sent. */
  readonly publicKey: string;
  /** Z85, 40 characters. Never leaves this machine. */
  readonly secretKey: string;
}

function textOf(base64: string | undefined): string {
  return encodeZ85(Buffer.from(base64 ?? "", "base64url"));
}

/** A pair whose public key begins with a letter or digit: one that begins with a dash would be an option on a command line. */
export function makeCurvePair(): CurvePair {
  for (;;) {
    const { d, x } = generateKeyPairSync("x25519").privateKey.export({ format: "jwk" });
    const pair = { publicKey: textOf(x), secretKey: textOf(d) };
    if (/^[A-Za-z0-9]/.test(pair.publicKey)) return pair;
  }
}
