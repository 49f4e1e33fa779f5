// One client's player thread: its tape, its commands, its frames. The thread is spawned with the client and ends with it.
import type { Fault } from "../../shared/base.ts";
import { Thread, threadEntry } from "./thread.ts";
import type { PlayerAnswer, PlayerCall, PlayerFrame, PlayerNote, PlayerNoteIn } from "./thread-messages.ts";

export interface PlayerLinkOptions {
  readonly distMain: URL;
  onDirty(): void;
  onDeath(problem: Fault): void;
}

export class PlayerLink {
  readonly #thread: Thread<PlayerCall, PlayerNoteIn, PlayerNote>;
  #closing: Promise<void> | undefined;

  constructor(options: PlayerLinkOptions) {
    this.#thread = new Thread({
      entry: threadEntry(options.distMain, "player"),
      name: "player",
      data: {},
      onNote: () => {
        options.onDirty();
      },
      onDeath: (problem) => {
        options.onDeath(problem);
      },
    });
  }

  call<T extends PlayerAnswer>(call: PlayerCall): Promise<T> {
    return this.#thread.call<T>(call);
  }

  take(): Promise<PlayerFrame> {
    return this.#thread.call<PlayerFrame>({ type: "take" });
  }

  /** The log that is being recorded has been written up to here. */
  written(seq: number): void {
    this.#thread.note({ type: "written", seq });
  }

  /** The recording ended: the tape no longer grows. */
  ended(): void {
    this.#thread.note({ type: "ended" });
  }

  close(): Promise<void> {
    this.#closing ??= this.#thread.close({ type: "close" });
    return this.#closing;
  }
}
