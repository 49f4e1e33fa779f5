// One process as the simulation sees it: timers and calls to the outside that fall silent at once when it is killed, at any
// instant, also between the outside having done what was asked and the process hearing of it.
import type { Timers } from "../../../shared/base.ts";
import type { VirtualClock } from "../../net/virtual-clock.ts";
import type { Disk, DiskFile } from "../../rawlog/types.ts";

export class Life implements Timers {
  readonly name: string;
  readonly #clock: VirtualClock;
  readonly #onKilled: () => void;
  #isAlive = true;
  #pending = 0;
  #stepsLeft = Infinity;

  /** `onKilled` runs once, in the instant of death: power loss takes the disk along there. */
  constructor(options: { readonly name: string; readonly clock: VirtualClock; onKilled(): void }) {
    this.name = options.name;
    this.#clock = options.clock;
    this.#onKilled = () => options.onKilled();
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** Timers that wait: none may be left when the process says that it is done. */
  get pending(): number {
    return this.#pending;
  }

  after(delayMs: number, run: () => void): () => void {
    if (!this.#isAlive) return () => undefined;
    this.#pending += 1;
    let isOver = false;
    const end = (): boolean => {
      if (isOver) return false;
      isOver = true;
      this.#pending -= 1;
      return true;
    };
    const cancel = this.#clock.after(delayMs, () => {
      if (end() && this.#isAlive) run();
    });
    return () => {
      if (end()) cancel();
    };
  }

  kill(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#onKilled();
  }

  /** Dies at the n-th next instant at which it touches the outside. */
  killAfterSteps(steps: number): void {
    this.#stepsLeft = steps;
  }

  /** An instant at which the process touches the outside. False: it is dead, and nothing that follows may have an effect. */
  step(): boolean {
    this.#stepsLeft -= 1;
    if (this.#stepsLeft < 0) this.kill();
    return this.#isAlive;
  }

  /** The outside does `action`; a process that dies before it has not asked, one that dies behind it never hears of it. */
  async perform<T>(action: () => Promise<T>, takesMs = 0): Promise<T> {
    if (!this.step()) return silence();
    try {
      if (takesMs > 0) await new Promise<void>((resolve) => void this.#clock.after(takesMs, resolve));
      if (!this.#isAlive) return await silence<T>();
      const value = await action();
      return this.step() ? value : await silence<T>();
    } catch (error) {
      if (!this.step()) return silence();
      throw error;
    }
  }
}

/** What a dead process hears. */
function silence<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}

/** How long the disk takes, ms; drawn anew for each operation. */
export interface DiskPace {
  sync(): number;
  read(): number;
}

/** The disk as one life sees it. */
export function diskOf(life: Life, disk: Disk, pace: DiskPace): Disk {
  return {
    open: (path, mode) => life.perform(async () => fileOf(life, await disk.open(path, mode), pace)),
    readFile: (path) => life.perform(() => disk.readFile(path)),
    replaceFile: (path, bytes) => life.perform(() => disk.replaceFile(path, bytes)),
    createWhole: (path, bytes) => life.perform(() => disk.createWhole(path, bytes)),
    rename: (from, to) => life.perform(() => disk.rename(from, to)),
    remove: (path) => life.perform(() => disk.remove(path)),
    truncate: (path, length) => life.perform(() => disk.truncate(path, length)),
    makeReadOnly: (path) => life.perform(() => disk.makeReadOnly(path)),
    makeFolder: (path) => life.perform(() => disk.makeFolder(path)),
    list: (path) => life.perform(() => disk.list(path)),
    size: (path) => life.perform(() => disk.size(path)),
    syncFolder: (path) => life.perform(() => disk.syncFolder(path), pace.sync()),
  };
}

function fileOf(life: Life, file: DiskFile, pace: DiskPace): DiskFile {
  return {
    append: (bytes) => life.perform(() => file.append(bytes)),
    sync: () => life.perform(() => file.sync(), pace.sync()),
    read: (offset, length) => life.perform(() => file.read(offset, length), pace.read()),
    size: () => life.perform(() => file.size()),
    close: () => life.perform(() => file.close()),
  };
}
