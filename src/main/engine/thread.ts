// One worker thread as the engine sees it: typed messages, calls with answers, an orderly end. Whoever spawns, closes.
import { Worker, parentPort, type TransferListItem } from "node:worker_threads";
import { FaultError, assert, fault, type Fault } from "../../shared/base.ts";
import { fileSystemFault } from "../rawlog/node-disk.ts";
import { PendingCalls } from "./pending-calls.ts";
import { keepHeapSmall } from "./small-heap.ts";

/** A call in, an answer out, and notes in both directions. */
export type ToThread<Call, Note> =
  | { readonly type: "call"; readonly id: number; readonly call: Call }
  | { readonly type: "note"; readonly note: Note };
export type FromThread<Note> =
  | { readonly type: "answer"; readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly type: "answer"; readonly id: number; readonly ok: false; readonly fault: Fault }
  | { readonly type: "note"; readonly note: Note };

export function faultOf(error: unknown): Fault {
  const known = error instanceof FaultError ? error : fileSystemFault(error);
  if (known !== undefined) return known.fault;
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: "engine.bug", message: `Unexpected error (please report it): ${message}` };
}

/**
 * A young generation grows to 48 MB where nobody says otherwise, in each of six threads: resident memory then rises for many
 * minutes while nothing is kept.
 */
const YOUNG_GENERATION_MB = 6;

/** A built thread entry. `distMain` is the folder of the running bundle (`dist/main/`), told by the process's own entry file. */
export function threadEntry(distMain: URL, name: string): URL {
  return new URL(`./workers/${name}.js`, distMain);
}

export interface ThreadOptions<NoteOut> {
  readonly entry: URL;
  readonly name: string;
  readonly data: unknown;
  onNote(note: NoteOut): void;
  /** The thread ended without being asked to. */
  onDeath(fault: Fault): void;
}

/** The spawning side of a thread. */
export class Thread<Call, NoteIn, NoteOut> {
  readonly name: string;
  readonly #worker: Worker;
  readonly #calls = new PendingCalls();
  readonly #exited: Promise<void>;
  #state: "running" | "closing" | "dead" = "running";

  constructor(options: ThreadOptions<NoteOut>) {
    this.name = options.name;
    this.#worker = new Worker(options.entry, {
      workerData: options.data,
      name: options.name,
      // Flags of the command that started the process (-e, --input-type …) would not fit a thread.
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    let failure: Fault | undefined;
    this.#worker.on("message", (message: FromThread<NoteOut>) => {
      if (message.type === "note") options.onNote(message.note);
      else this.#calls.settle(message);
    });
    this.#worker.on("error", (error) => {
      failure = faultOf(error);
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        const expected = this.#state === "closing";
        this.#state = "dead";
        const gone = failure ?? { code: "engine.thread-ended", message: `The ${this.name} thread ended (exit code ${code})` };
        this.#calls.fail(gone);
        if (!expected) options.onDeath(gone);
        resolve();
      });
    });
  }

  /** Resolves with the thread's answer; rejects with its fault, or when the thread ends first. */
  call<T>(call: Call, transfer: readonly TransferListItem[] = []): Promise<T> {
    if (this.#state === "dead") return Promise.reject(fault("engine.thread-ended", `The ${this.name} thread has ended`));
    return this.#calls.add<T>((id) => { this.#worker.postMessage({ type: "call", id, call } satisfies ToThread<Call, NoteIn>, transfer); });
  }

  note(note: NoteIn, transfer: readonly TransferListItem[] = []): void {
    if (this.#state !== "dead") this.#worker.postMessage({ type: "note", note } satisfies ToThread<Call, NoteIn>, transfer);
  }

  /**
   * Sends the farewell call, waits for its answer and for the thread to end by itself; ends it by force after the deadline.
   * Undefined when the thread had ended before.
   */
  async close<T = void>(farewell: Call, deadlineMs = 15_000): Promise<T | undefined> {
    if (this.#state === "dead") return undefined;
    this.#state = "closing";
    const timer = setTimeout(() => void this.#worker.terminate(), deadlineMs);
    try {
      return await this.call<T>(farewell);
    } finally {
      await this.#exited;
      clearTimeout(timer);
    }
  }

  /** Ends the thread now: for jobs that a person cancelled. */
  async terminate(): Promise<void> {
    this.#state = this.#state === "dead" ? "dead" : "closing";
    await this.#worker.terminate();
    await this.#exited;
  }
}

export interface ThreadHandlers<Call, NoteIn> {
  /** The value answers the call; a thrown FaultError answers with its fault. */
  onCall(call: Call): Promise<{ readonly value: unknown; readonly transfer?: readonly TransferListItem[] }>;
  onNote(note: NoteIn): void;
}

/** The thread's own side. Returns how to send notes; `end` lets the thread run out. */
export function serveThread<Call, NoteIn, NoteOut>(handlers: ThreadHandlers<Call, NoteIn>): {
  note(note: NoteOut, transfer?: readonly TransferListItem[]): void;
  end(): void;
} {
  const port = parentPort;
  assert(port !== null, "a thread entry runs in a worker thread");
  keepHeapSmall();
  let unanswered = 0;
  let ending = false;
  const answer = (message: FromThread<NoteOut>, transfer: readonly TransferListItem[] = []): void => {
    port.postMessage(message, transfer);
    unanswered -= 1;
    // What is posted after closing is lost, so the port stays open until everyone has their answer.
    if (ending && unanswered === 0) port.close();
  };
  port.on("message", (message: ToThread<Call, NoteIn>) => {
    if (message.type === "note") {
      handlers.onNote(message.note);
      return;
    }
    unanswered += 1;
    handlers.onCall(message.call).then(
      ({ value, transfer }) => {
        answer({ type: "answer", id: message.id, ok: true, value }, transfer);
      },
      (error: unknown) => {
        answer({ type: "answer", id: message.id, ok: false, fault: faultOf(error) });
      },
    );
  });
  return {
    note(note, transfer = []) {
      port.postMessage({ type: "note", note } satisfies FromThread<NoteOut>, transfer);
    },
    end() {
      ending = true;
      if (unanswered === 0) port.close();
    },
  };
}
