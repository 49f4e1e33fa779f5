// The server's doorkeeper (ZAP, ZeroMQ RFC 27): libzmq asks it about each CURVE handshake, and it knows which public keys may come in.
import { Reply, type Context } from "zeromq";
import { encodeZ85 } from "../../keys/z85.ts";

const ZAP_ADDRESS = "inproc://zeromq.zap.01";
const ZAP_VERSION = "1.0";
const KEY_BYTES = 32;

export interface TrustedKeys {
  replace(keys: readonly string[]): void;
  close(): Promise<void>;
}

/** One per context: the address is fixed. `onRejected` gets the public key that was turned away and where it came from. */
export async function guardWithTrustedKeys(context: Context, initial: readonly string[], onRejected: (key: string | undefined, from: string) => void): Promise<TrustedKeys> {
  let trusted: ReadonlySet<string> = new Set(initial);
  const socket = new Reply({ context, linger: 0 });
  await socket.bind(ZAP_ADDRESS);

  const decide = (frames: readonly Buffer[]): string => {
    // version, request id, domain, address, identity, mechanism, credentials
    const [version, , , from, , mechanism, key] = frames;
    const text = key?.length === KEY_BYTES ? encodeZ85(key) : undefined;
    if (String(version) === ZAP_VERSION && String(mechanism) === "CURVE" && text !== undefined && trusted.has(text)) return "200";
    onRejected(text, String(from));
    return "400";
  };
  const answering = (async (): Promise<void> => {
    for await (const frames of socket) {
      const status = decide(frames);
      await socket.send([ZAP_VERSION, frames[1] ?? "", status, status === "200" ? "OK" : "not trusted", "", ""]);
    }
  })();

  return {
    replace(keys) {
      trusted = new Set(keys);
    },
    async close() {
      socket.close();
      await answering;
    },
  };
}
