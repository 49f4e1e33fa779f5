// Makes CURVE key pairs. Main threads only: the module behind it aborts the process when a worker thread that loaded it ends.
import { curveKeyPair } from "zeromq";

export interface CurveKeyPair {
  /** Z85, 40 characters. */
  readonly publicKey: string;
  readonly secretKey: string;
}

/** A pair whose public key begins with a letter or digit: one that begins with a dash would be an option on a command line. */
export function makeKeyPair(): CurveKeyPair {
  for (;;) {
    const pair = curveKeyPair();
    if (/^[A-Za-z0-9]/.test(pair.publicKey)) return pair;
  }
}
