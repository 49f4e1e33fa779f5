// Serving what is being recorded to other desktops, as the screen starts, watches and stops it; and the keys that say who may come in.
import { fault, type Fault } from "../../shared/base.ts";
import type { CommandInput } from "../../shared/protocol/commands.ts";
import type { ShareStatus } from "../../shared/protocol/frames.ts";
import type { ServerStatus } from "../bridge/server/types.ts";
import { isLocal } from "../bridge/zmq/address.ts";
import type { KeyRing } from "../keys/key-ring.ts";
import { BridgeShare, type BridgeShareOptions } from "./bridge-share.ts";
import type { SpawnChild } from "./child-process.ts";
import type { SharedSource } from "./derived-watch.ts";
import { faultOf } from "./thread.ts";

/** The key ring as the engine needs it (keys/key-ring.ts). */
export type SharingKeys = Pick<KeyRing, "own" | "list" | "trust" | "revoke" | "watchTrusted">;

export interface SharingOptions {
  readonly distMain: URL;
  /** `<data>/bridge`. */
  readonly folder: string;
  readonly version: string;
  readonly keys: SharingKeys;
  /** What is recorded now. */
  live(): SharedSource | undefined;
  onChanged(): void;
  onProblem(problem: Fault): void;
  readonly spawnChild: SpawnChild | undefined;
  /** For tests. */
  start?(options: BridgeShareOptions): Promise<BridgeShare>;
}

type Addresses = CommandInput<"share.start">;

export class Sharing {
  readonly #options: SharingOptions;
  #wanted: Addresses | undefined;
  #share: BridgeShare | undefined;
  #secured = false;
  #state: ShareStatus["state"] = "off";
  #fault: Fault | undefined;
  #stopFollowing: (() => void) | undefined;
  /** One change at a time, in the order asked for. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SharingOptions) {
    this.#options = options;
  }

  get status(): ShareStatus {
    const status = this.#share?.status;
    return {
      state: this.#state, fault: this.#fault, pub: this.#share?.bound.pub, rpc: this.#share?.bound.rpc, secured: this.#secured,
      historyId: this.#share?.bound.history.historyId, ...countsOf(status),
    };
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(run);
    this.#turn = next.catch(() => undefined); // whoever asked is told; the next one only waits
    return next;
  }

  /** Rejects with what prevents it: nothing recorded, address in use, keys needed. */
  start(addresses: Addresses): Promise<{ readonly pub: string; readonly rpc: string }> {
    return this.#inTurn(async () => {
      const { pub, rpc } = await this.#begin(addresses);
      this.#wanted = addresses;
      return { pub, rpc };
    });
  }

  stop(): Promise<void> {
    return this.#inTurn(async () => {
      this.#wanted = undefined;
      await this.#end();
    });
  }

  /** Another recording began or ended: what is shared is always the one that runs. */
  recordingChanged(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#wanted === undefined || this.#options.live() === undefined) return;
      await this.#end();
      await this.#begin(this.#wanted).catch((error: unknown) => {
        this.#options.onProblem(faultOf(error));
      });
    });
  }

  async #begin({ pub, rpc }: Addresses): Promise<{ readonly pub: string; readonly rpc: string }> {
    if (this.#share !== undefined) throw fault("share.on", `The feed is already shared on ${this.#share.bound.pub} and ${this.#share.bound.rpc}: stop sharing first`);
    const live = this.#options.live();
    if (live === undefined) throw fault("share.nothing", "Nothing is being recorded: start recording, then share it");
    this.#say("starting", undefined);
    try {
      this.#secured = !(isLocal(pub) && isLocal(rpc));
      const share = await (this.#options.start ?? BridgeShare.start)({
        distMain: this.#options.distMain, what: { live }, folder: this.#options.folder, pub, rpc, version: this.#options.version,
        security: this.#secured ? await this.#security() : undefined,
        ...(this.#options.spawnChild === undefined ? {} : { spawn: this.#options.spawnChild }),
        onStatus: () => { this.#options.onChanged(); },
        onProblem: (problem) => { this.#options.onProblem(problem); },
        onGone: (problem) => { this.#say("failed", problem); },
      });
      this.#share = share;
      if (this.#secured) await this.#followTrust(share);
      this.#say("serving", undefined);
      return share.bound;
    } catch (error) {
      await this.#end();
      this.#say("failed", faultOf(error));
      throw error;
    }
  }

  async #security(): Promise<NonNullable<BridgeShareOptions["security"]>> {
    const { publicKey, secretKey } = await this.#options.keys.own();
    const { trusted } = await this.#options.keys.list();
    return { publicKey, secretKey, trusted: trusted.map((one) => one.publicKey) };
  }

  /** Whoever changes the ring, here or on the command line: a key that is no longer trusted is cut off at once. */
  async #followTrust(share: BridgeShare): Promise<void> {
    const { keys, onProblem } = this.#options;
    const passOn = (trusted: readonly string[]): void => {
      share.trust(trusted).catch((error: unknown) => { onProblem(faultOf(error)); });
    };
    this.#stopFollowing = await keys.watchTrusted(passOn, onProblem);
    passOn((await keys.list()).trusted.map((one) => one.publicKey));
  }

  async #end(): Promise<void> {
    const share = this.#share;
    this.#share = undefined;
    this.#stopFollowing?.();
    this.#stopFollowing = undefined;
    await share?.close();
    this.#say("off", undefined);
  }

  #say(state: ShareStatus["state"], problem: Fault | undefined): void {
    this.#state = state;
    this.#fault = problem;
    this.#options.onChanged();
  }

  close(): Promise<void> {
    return this.stop();
  }
}

function countsOf(status: ServerStatus | undefined): Pick<ShareStatus, "clients" | "streams" | "malformed" | "oversized" | "backfillBytes"> {
  if (status === undefined) return { clients: [], streams: [], malformed: 0, oversized: 0, backfillBytes: 0 };
  const { clients, streams, malformed, oversized, backfillBytes } = status;
  return {
    clients: clients.map(({ id, behind, requests, refused, resyncsAdvised }) => ({ id, behind, requests, refused, resyncsAdvised })),
    streams: streams.map(({ key, latestSequence, rate, conflated, lagMs }) => ({
      venue: key.sourceId, symbol: key.symbol, interval: key.interval, latestSequence, rate, conflated, lagMs,
    })),
    malformed, oversized, backfillBytes,
  };
}
