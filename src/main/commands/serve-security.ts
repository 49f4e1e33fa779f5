// Who may come in: everybody on this machine, or whom the key ring trusts.
import type { ServerSecurity } from "../bridge/process-messages.ts";
import { isLocal, requireKeysBeyondLoopback } from "../bridge/zmq/address.ts";

export interface SecurityInput {
  readonly pub: string;
  readonly rpc: string;
  /** Also on this machine. */
  readonly secure: boolean;
  readonly data: string;
}

/** Undefined: plain, for this machine only. Throws `bridge.bad-address`, `bridge.needs-keys`. */
export async function securityFor({ pub, rpc, secure }: SecurityInput): Promise<ServerSecurity | undefined> {
  const isPlain = [pub, rpc].map(isLocal).every(Boolean) && !secure;
  if (isPlain) return undefined;
  for (const address of [pub, rpc]) requireKeysBeyondLoopback(address, false);
  return Promise.resolve(undefined);
}
