// Owns what may stand in the fields of a remote or of sharing, and the one line that says why not. Pure.
import { commandSchemas, type CommandInput } from "../../shared/protocol/commands.ts";

export type RemoteInput = CommandInput<"remote.save">["remote"];
export interface RemoteFields { readonly name: string; readonly rpc: string; readonly pub: string; readonly serverKey: string }
export type Troubles<Fields> = { readonly [Field in keyof Fields]?: string };

const NAME_MAX = 60;
const PORT_MAX = 65_535;
const KEY = commandSchemas["keys.revoke"].shape.publicKey;

/** `host:port` alone is what people type: the protocol is always tcp. */
export function completedAddress(text: string): string {
  const trimmed = text.trim();
  return trimmed === "" || trimmed.includes("://") ? trimmed : `tcp://${trimmed}`;
}

/** Why this is no address, undefined when it is one. `isAnyPort`: for serving, `*` lets the system choose. */
export function addressTrouble(text: string, options: { readonly isAnyPort: boolean }): string | undefined {
  const address = completedAddress(text);
  const [, host, port] = /^tcp:\/\/([^\s/]+):([^:\s/]*)$/.exec(address) ?? [];
  if (host === undefined || port === undefined) return "Write host and port, like tcp://127.0.0.1:5557";
  if (port === "*") return options.isAnyPort ? undefined : "The server's port is needed here: * only means “any free one” when serving";
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > PORT_MAX) return `The port must be 1 to ${PORT_MAX}`;
  return undefined;
}

export function keyTrouble(text: string): string | undefined {
  const key = text.trim();
  if (KEY.safeParse(key).success) return undefined;
  return key.length === 40 ? "This has characters that no key has: copy it once more" : `A public key has 40 characters, this has ${key.length}`;
}

/** Outside this machine everything is secured with keys, unless something else (a tunnel) does it. */
export function isLoopback(address: string): boolean {
  return /^tcp:\/\/(127(\.\d{1,3}){3}|localhost|\[::1\]):/.test(completedAddress(address));
}

export function remoteTroubles(fields: RemoteFields, otherNames: readonly string[]): Troubles<RemoteFields> {
  const name = fields.name.trim();
  const nameTrouble = name === "" ? "Give it a name: it stands on the screen wherever its candles do"
    : name.length > NAME_MAX ? `At most ${NAME_MAX} characters`
    : otherNames.some((other) => other.toLowerCase() === name.toLowerCase()) ? "Another remote has this name" : undefined;
  const rpcTrouble = fields.rpc.trim() === "" ? "The server prints this address when it starts" : addressTrouble(fields.rpc, { isAnyPort: false });
  const pubTrouble = fields.pub.trim() === "" ? undefined : addressTrouble(fields.pub, { isAnyPort: false });
  const serverKeyTrouble = fields.serverKey.trim() === "" ? undefined : keyTrouble(fields.serverKey);
  return {
    ...(nameTrouble !== undefined && { name: nameTrouble }), ...(rpcTrouble !== undefined && { rpc: rpcTrouble }),
    ...(pubTrouble !== undefined && { pub: pubTrouble }), ...(serverKeyTrouble !== undefined && { serverKey: serverKeyTrouble }),
  };
}

/** The address part of checked fields, as commands take it. */
export function addressOf(fields: RemoteFields): CommandInput<"remote.test"> {
  const [pub, serverKey] = [completedAddress(fields.pub), fields.serverKey.trim()];
  return { rpc: completedAddress(fields.rpc), ...(pub !== "" && { pub }), ...(serverKey !== "" && { serverKey }) };
}

/** An id that stays when the remote is renamed: the cache is named by it. */
export function freshRemoteId(name: string, taken: readonly string[]): string {
  const stem = name.trim().normalize("NFKD").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-+|-+$/g, "").toLowerCase().slice(0, 32) || "remote";
  if (!taken.includes(stem)) return stem;
  for (let turn = 2; ; turn += 1) if (!taken.includes(`${stem}-${turn}`)) return `${stem}-${turn}`;
}
