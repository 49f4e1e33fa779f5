// Owns the scripted sharing: where it listens, its clients and the keys that may come in. For development and tests of the screen.
import { fault } from "../../../shared/base.ts";
import type { CommandInput } from "../../../shared/protocol/commands.ts";
import type { KeyRing, ShareStatus } from "../../../shared/protocol/frames.ts";

const OFF: ShareStatus = {
  state: "off", fault: undefined, pub: undefined, rpc: undefined, secured: false, historyId: undefined, clients: [], streams: [], malformed: 0, oversized: 0, backfillBytes: 0,
};
const STARTING_MS = 400;
const OWN_KEY = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";

function isLoopback(address: string): boolean {
  return /^tcp:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\]):/.test(address);
}

/** `*` is any free port: what stands for it here is always the same one. */
function bound(address: string, port: string): string {
  return address.replace(/:\*$/, `:${port}`);
}

export class ScriptedSharing {
  #served: { readonly pub: string; readonly rpc: string; readonly sinceMs: number } | undefined;
  #trusted: KeyRing["trusted"] = [];

  start({ pub, rpc }: CommandInput<"share.start">, nowMs: number): { readonly pub: string; readonly rpc: string } {
    if (!isLoopback(pub) || !isLoopback(rpc)) {
      if (this.#trusted.length === 0) throw fault("share.needs-keys", "Beyond this machine only trusted keys may come in, and none is trusted yet: add a client's public key first");
    }
    if (pub === rpc && !pub.endsWith("*")) throw fault("share.same-address", `${pub} is taken for the live feed already: give requests another port`);
    this.#served = { pub: bound(pub, "49210"), rpc: bound(rpc, "49211"), sinceMs: nowMs };
    return { pub: this.#served.pub, rpc: this.#served.rpc };
  }

  stop(): void {
    this.#served = undefined;
  }

  keys(): KeyRing {
    return { publicKey: OWN_KEY, trusted: this.#trusted, storedIn: "file" };
  }

  trust({ name, publicKey }: CommandInput<"keys.trust">, nowMs: number): void {
    if (this.#trusted.some((one) => one.publicKey === publicKey)) throw fault("keys.known", "This key is trusted already");
    this.#trusted = [...this.#trusted, { name, publicKey, addedMs: nowMs }];
  }

  revoke(publicKey: string): void {
    this.#trusted = this.#trusted.filter((one) => one.publicKey !== publicKey);
  }

  status(nowMs: number): ShareStatus {
    if (this.#served === undefined) return OFF;
    const { pub, rpc, sinceMs } = this.#served;
    const forMs = nowMs - sinceMs;
    if (forMs < STARTING_MS) return { ...OFF, state: "starting", pub, rpc };
    const sequence = Math.floor(forMs / 1_000);
    const series = (symbol: string, interval: "1s" | "1m", rate: number, conflated: number): ShareStatus["streams"][number] => ({
      venue: "sim", symbol, interval, latestSequence: interval === "1s" ? 18_000 + sequence : 300 + Math.floor(sequence / 60), rate, conflated,
      lagMs: 3 + 2 * Math.sin(nowMs / 2_000) + (sequence % 23 === 0 ? 14 : 0),
    });
    return {
      state: "serving", fault: undefined, pub, rpc, secured: !isLoopback(pub), historyId: "5ac1".repeat(16),
      clients: [
        { id: "trading-desk", behind: 0, requests: 42, refused: 0, resyncsAdvised: 0 },
        { id: "notebook-7", behind: Math.min(3_100, sequence * 20), requests: 311, refused: 4, resyncsAdvised: sequence > 60 ? 1 : 0 },
      ],
      streams: [series("BTCUSDT", "1s", 1, 2 * sequence), series("BTCUSDT", "1m", 0.02, 9 * sequence), series("ETHUSDT", "1s", 1, 3 * sequence), series("ETHUSDT", "1m", 0.02, 5 * sequence)],
      malformed: 2, oversized: 0, backfillBytes: 1_240_000 + forMs * 3,
    };
  }
}
