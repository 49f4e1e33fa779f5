// Who may come in: everybody on this machine, or whom the key ring trusts, as it stands at any moment.
import { fault, type Fault } from "../../shared/base.ts";
import type { ServerSecurity } from "../bridge/process-messages.ts";
import { isLocal, requireKeysBeyondLoopback } from "../bridge/zmq/address.ts";
import { KeyRing } from "../keys/key-ring.ts";
import { NodeClock } from "../net/node-clock.ts";

export interface SecurityInput {
  readonly pub: string;
  readonly rpc: string;
  /** Also on this machine. */
  readonly secure: boolean;
  readonly data: string;
}

export interface ServeSecurity {
  readonly keys: ServerSecurity;
  /** Passes on who is trusted whenever somebody changes the ring. Returns how to stop. */
  follow(trust: (keys: readonly string[]) => Promise<void>, onProblem: (problem: Fault) => void): Promise<() => void>;
}

/** Undefined: plain, for this machine only. Throws `bridge.bad-address`, `bridge.needs-keys` and what the ring says (`keys.*`). */
export async function securityFor({ pub, rpc, secure, data }: SecurityInput): Promise<ServeSecurity | undefined> {
  const isPlain = [pub, rpc].map(isLocal).every(Boolean) && !secure;
  if (isPlain) return undefined;
  const ring = new KeyRing({ dataFolder: data, clock: new NodeClock() });
  const { publicKey, trusted } = await ring.state();
  // A pair is made on purpose: whoever serves to other machines must know that there is one.
  for (const address of [pub, rpc]) requireKeysBeyondLoopback(address, publicKey !== undefined);
  if (publicKey === undefined) throw fault("bridge.needs-keys", "--secure needs keys: make a pair (tapedeck keys new) and trust the other side's key (tapedeck keys trust)");
  const keys: ServerSecurity = { ...(await ring.own()), trusted: trusted.map((one) => one.publicKey) };
  return {
    keys,
    async follow(trust, onProblem) {
      const passOn = (now: readonly string[]): void => {
        trust(now).catch((error: unknown) => {
          onProblem({ code: "keys.not-passed-on", message: `The changed list of trusted keys could not be passed on: ${error instanceof Error ? error.message : String(error)}` });
        });
      };
      const stop = await ring.watchTrusted(passOn, onProblem);
      // Changed since the keys were read, before anybody watched.
      const now = (await ring.state()).trusted.map((one) => one.publicKey);
      if (now.join() !== keys.trusted.join()) passOn(now);
      return stop;
    },
  };
}
