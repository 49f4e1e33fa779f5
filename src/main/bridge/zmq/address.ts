// Addresses of the bridge: which ones there are, which stay on this machine, and what binding them can run into.
import { FaultError, fault } from "../../../shared/base.ts";
import { isCurveKey } from "../../keys/z85.ts";

const TCP = /^tcp:\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+|\*):(\*|\d{1,5})$/;
const IPC = /^ipc:\/\/.+$/;
const LOOPBACK_V4 = /^127(\.\d{1,3}){3}$/;
const PORT_MAX = 65_535;

/** Of `tcp://host:port`; undefined for `ipc://`. Throws `bridge.bad-address`. */
function hostOf(address: string): string | undefined {
  if (IPC.test(address)) return undefined;
  const [, host, port] = TCP.exec(address) ?? [];
  if (host === undefined || port === undefined || Number(port) > PORT_MAX) {
    throw fault("bridge.bad-address", `${address} is no address of the bridge: write tcp://127.0.0.1:5556 (port * = any free one) or ipc:///path/of/a/socket`, { address });
  }
  return host;
}

/** Whether only processes of this machine can reach it: 127.0.0.0/8, ::1, localhost, ipc. Throws `bridge.bad-address`. */
export function isLocal(address: string): boolean {
  const host = hostOf(address);
  return host === undefined || host === "localhost" || host === "[::1]" || LOOPBACK_V4.test(host);
}

/** Beyond this machine everything is encrypted and both sides prove who they are. Throws `bridge.needs-keys`, `bridge.bad-address`. */
export function requireKeysBeyondLoopback(address: string, hasKeys: boolean): void {
  if (isLocal(address) || hasKeys) return;
  throw fault("bridge.needs-keys", `${address} can be reached from other machines and needs keys: make a pair (tapedeck keys new) and trust the other side's key, or stay on tcp://127.0.0.1`, { address });
}

/** Throws `bridge.bad-key`, without saying the key: it may be a secret one. */
export function requireCurveKeys(keys: Readonly<Record<string, string>>): void {
  for (const [what, key] of Object.entries(keys)) {
    if (!isCurveKey(key)) throw fault("bridge.bad-key", `The ${what} is no CURVE key: 40 characters as tapedeck keys new prints them`);
  }
}

/** The same host with another port: where a server's PUB is, when only its ROUTER is known. Throws `bridge.bad-address` for ipc. */
export function withPort(address: string, port: number): string {
  const host = hostOf(address);
  if (host === undefined) throw fault("bridge.bad-address", `${address} has no port: the address of the live stream (pub) must be given too`, { address });
  return `tcp://${host}:${port}`;
}

/** Written in brackets. With ipv6 on, libzmq would take names and IPv4 addresses for IPv6 ones too. */
export function isIpv6(address: string): boolean {
  return address.startsWith("tcp://[");
}

/** Port of an address that is bound; 0 for ipc. */
export function portOf(address: string): number {
  const port = TCP.exec(address)?.[2];
  return port === undefined ? 0 : Number(port);
}

const BIND_CAUSES: Readonly<Record<string, readonly [code: string, what: string]>> = {
  EADDRINUSE: ["bridge.address-in-use", "something else listens there already: end it or choose another port (* = any free one)"],
  EADDRNOTAVAIL: ["bridge.no-such-address", "this machine has no such address"],
  ENODEV: ["bridge.no-such-address", "this machine has no such address or interface"],
  EACCES: ["bridge.address-denied", "permission denied: ports below 1024 and others' folders need more rights"],
  ENOENT: ["bridge.no-such-address", "the folder of the socket does not exist"],
};

export function bindFault(error: unknown, address: string): FaultError {
  const errno = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  const [code, what] = BIND_CAUSES[errno ?? ""] ?? ["bridge.bad-address", error instanceof Error ? error.message : String(error)];
  return fault(code, `Cannot listen at ${address}: ${what}`, { address, ...(errno === undefined ? {} : { errno }) });
}
