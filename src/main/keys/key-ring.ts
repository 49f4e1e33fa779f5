// This data folder's own CURVE pair and whose keys it trusts. The file is the truth: the app, the command line and a running server share it,
// so each question reads it again and each change happens under its lock.
import { watch } from "node:fs";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fault, FaultError, type Clock, type Fault } from "../../shared/base.ts";
import { msFromNs } from "../../shared/time.ts";
import { acquireLock, type FolderLock } from "../rawlog/lock.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { makeCurvePair, type CurvePair } from "./curve-pair.ts";
import { curveKeySchema, keyFileOf, keyNameSchema, makeKeyFolder, readKeyFile, replaceKeyFile, TRUSTED_MAX, type KeyFile } from "./key-file.ts";

/** The operating system's key store: Electron's safeStorage. Both throw when the store is locked or is another user's. */
export interface SecretBox {
  seal(text: string): string;
  open(text: string): string;
}

export interface TrustedKey {
  readonly name: string;
  readonly publicKey: string;
  readonly addedMs: number;
}

export interface KeyRingOptions {
  readonly dataFolder: string;
  readonly clock: Clock;
  /** Undefined: the secret key lies in the file, for this user only. */
  readonly box?: SecretBox | undefined;
}

/** What is in the ring; no secrets. `publicKey` is undefined before there is a pair. */
export interface KeyRingState {
  readonly publicKey: string | undefined;
  readonly trusted: readonly TrustedKey[];
  readonly storedIn: "system" | "file";
}

const CHANGE_SETTLES_MS = 50;
const LOCK_LOOK_MS = 10;
const LOCK_WAIT_MS = 2_000;

export class KeyRing {
  readonly file: string;
  readonly #options: KeyRingOptions;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: KeyRingOptions) {
    this.#options = options;
    this.file = keyFileOf(options.dataFolder);
  }

  async state(): Promise<KeyRingState> {
    return stateOf(await readKeyFile(this.file), this.#options.box !== undefined);
  }

  /** As the screen is told: with a pair, made if there is none yet. */
  async list(): Promise<KeyRingState & { readonly publicKey: string }> {
    const { publicKey } = await this.own();
    return { ...(await this.state()), publicKey };
  }

  /** This data folder's pair, made when it is first asked for. Throws `keys.sealed` when only the desktop app can open it. */
  async own(): Promise<CurvePair> {
    const { own } = await readKeyFile(this.file);
    if (own !== undefined) return this.#open(own);
    return this.#change((content) => {
      if (content.own !== undefined) return { content, result: this.#open(content.own) };
      const pair = makeCurvePair();
      return { content: { ...content, own: this.#sealed(pair) }, result: pair };
    });
  }

  /** Makes a pair. Where there is one, only with `force`: whoever knows the old key no longer gets in or is known. Throws `keys.exists`. */
  makeNew({ force }: { readonly force: boolean }): Promise<{ readonly publicKey: string }> {
    return this.#change((content) => {
      if (content.own !== undefined && !force) {
        throw fault("keys.exists", `${this.file} has a pair already (public key ${content.own.publicKey}): --force replaces it, and everybody who trusts it must trust the new one`);
      }
      const pair = makeCurvePair();
      return { content: { ...content, own: this.#sealed(pair) }, result: { publicKey: pair.publicKey } };
    });
  }

  /** Lets this key in from its next connection on. Throws `keys.bad-key keys.bad-name keys.name-taken keys.key-taken keys.too-many`. */
  trust(name: string, publicKey: string): Promise<void> {
    return this.#change((content) => {
      if (!curveKeySchema.safeParse(publicKey).success) throw fault("keys.bad-key", `${JSON.stringify(publicKey)} is no public key: 40 characters as tapedeck keys new prints them; in a shell put them in single quotes`);
      const checked = keyNameSchema.safeParse(name);
      if (!checked.success) throw fault("keys.bad-name", `${JSON.stringify(name)}: ${checked.error.issues[0]?.message ?? "no name"}`);
      const same = content.trusted.find((one) => one.publicKey === publicKey);
      if (same?.name === name) return { content, result: undefined };
      if (same !== undefined) throw fault("keys.key-taken", `This key is trusted already, as ${same.name}`);
      if (content.trusted.some((one) => one.name === name)) throw fault("keys.name-taken", `${name} is the name of another trusted key: revoke that first, or take another name`);
      if (content.trusted.length >= TRUSTED_MAX) throw fault("keys.too-many", `${TRUSTED_MAX} keys are trusted already: revoke some first`);
      return { content: { ...content, trusted: [...content.trusted, { name, publicKey, addedMs: msFromNs(this.#options.clock.wallNs()) }] }, result: undefined };
    });
  }

  /** Takes trust away, by key or by name. Open connections end where a server is told (`watchTrusted`). Throws `keys.unknown`. */
  revoke(keyOrName: string): Promise<void> {
    return this.#change((content) => {
      const trusted = content.trusted.filter((one) => one.publicKey !== keyOrName && one.name !== keyOrName);
      if (trusted.length === content.trusted.length) throw fault("keys.unknown", `${JSON.stringify(keyOrName)} is neither the name nor the key of anybody trusted: see tapedeck keys list`);
      return { content: { ...content, trusted }, result: undefined };
    });
  }

  /** Tells the trusted keys whenever they change, whoever changes them. Does not keep the process alive. Returns how to stop it. */
  async watchTrusted(listener: (keys: readonly string[]) => void, onProblem: (problem: Fault) => void): Promise<() => void> {
    const folder = await makeKeyFolder(this.file);
    let last = (await this.state()).trusted.map((one) => one.publicKey);
    let timer: NodeJS.Timeout | undefined;
    const look = async (): Promise<void> => {
      const keys = (await this.state()).trusted.map((one) => one.publicKey);
      if (keys.join() === last.join()) return;
      last = keys;
      listener(keys);
    };
    const watcher = watch(folder, { persistent: false }, (_event, name) => {
      if (name !== null && name !== basename(this.file)) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        look().catch((error: unknown) => onProblem({ code: "keys.unreadable", message: `The keys cannot be read, those of before stay trusted: ${error instanceof Error ? error.message : String(error)}` }));
      }, CHANGE_SETTLES_MS).unref();
    });
    watcher.on("error", (error) => onProblem({ code: "keys.unwatched", message: `Changes of ${this.file} are no longer noticed: ${error.message}` }));
    return () => {
      clearTimeout(timer);
      watcher.close();
    };
  }

  #open(own: NonNullable<KeyFile["own"]>): CurvePair {
    const { publicKey } = own;
    if ("secretKey" in own) return { publicKey, secretKey: own.secretKey };
    const { box } = this.#options;
    if (box === undefined) throw fault("keys.sealed", `The secret key of ${this.file} is in the system's key store, where only the desktop app reads it: use another data folder here, or replace the pair (tapedeck keys new --force)`);
    try {
      return { publicKey, secretKey: box.open(own.sealedSecretKey) };
    } catch (error) {
      throw fault("keys.sealed", `The system's key store does not open the secret key of ${this.file} (${error instanceof Error ? error.message : String(error)}): unlock it, or replace the pair (tapedeck keys new --force)`);
    }
  }

  #sealed({ publicKey, secretKey }: CurvePair): NonNullable<KeyFile["own"]> {
    const { box } = this.#options;
    return box === undefined ? { publicKey, secretKey } : { publicKey, sealedSecretKey: box.seal(secretKey) };
  }

  /** Changes take milliseconds: whoever finds another one under way waits for it. */
  async #lock(): Promise<FolderLock> {
    for (let waitedMs = 0; ; waitedMs += LOCK_LOOK_MS) {
      try {
        return await acquireLock({ disk: new NodeDisk(), path: `${this.file}.lock`, what: this.file });
      } catch (error) {
        if (!isLocked(error) || waitedMs >= LOCK_WAIT_MS) throw error;
        await sleep(LOCK_LOOK_MS);
      }
    }
  }

  /** One change at a time, here and in other processes. */
  #change<T>(make: (content: KeyFile) => { readonly content: KeyFile; readonly result: T }): Promise<T> {
    const run = async (): Promise<T> => {
      await makeKeyFolder(this.file);
      const lock = await this.#lock();
      try {
        const before = await readKeyFile(this.file);
        const { content, result } = make(before);
        if (content !== before) await replaceKeyFile(this.file, content);
        return result;
      } finally {
        await lock.release();
      }
    };
    const next = this.#turn.then(run);
    this.#turn = next.catch(() => undefined); // Who asked is told; the next one only waits.
    return next;
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof FaultError && error.fault.code === "log.locked";
}

function stateOf(content: KeyFile, hasBox: boolean): KeyRingState {
  const { own, trusted } = content;
  const isSealed = own === undefined ? hasBox : "sealedSecretKey" in own;
  return { publicKey: own?.publicKey, trusted, storedIn: isSealed ? "system" : "file" };
}
