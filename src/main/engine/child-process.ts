// One child process as the engine sees it: typed messages, calls with answers, an orderly end, like a Thread. For what must not live in a
// thread (native add-ons). A child never outlives its parent: it ends by itself, in order, when the channel between them closes.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { assert, fault, type Fault } from "../../shared/base.ts";
import { PendingCalls } from "./pending-calls.ts";
import { keepHeapSmall } from "./small-heap.ts";
import { faultOf, type FromThread, type ToThread } from "./thread.ts";

/** How a child went away. `lastWords`: the end of what it printed, which is where a native abort says why. */
export interface ChildExit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  readonly lastWords: string;
}

/** A running child, whoever started it. Nothing is delivered after `onExit`. */
export interface SpawnedChild {
  readonly pid: number | undefined;
  send(message: unknown): void;
  /** Ends it now, without asking. */
  kill(): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Once, after its last message. */
  onExit(listener: (exit: ChildExit) => void): void;
}
/** The seam for Electron, whose shell passes a spawner over `utilityProcess`. */
export type SpawnChild = (entry: URL, name: string) => SpawnedChild;

const LAST_WORDS_MAX = 2_000;

/** As bin/shell-process.mjs starts the shell, and for the same reason; read by glibc when a process starts. */
const ALLOCATION = process.platform === "linux" ? { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "131072" } : {};

/** Plain Node: `child_process.fork`. What the child prints, it prints on our stderr: stdout belongs to results. */
export const forkChild: SpawnChild = (entry, name) => {
  const child = fork(fileURLToPath(entry), [name], {
    serialization: "advanced",
    // Flags of the command that started this process (-e, --input-type …) would not fit the child.
    execArgv: [],
    env: { ...process.env, ...ALLOCATION },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let lastWords = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      lastWords = `${lastWords}${text}`.slice(-LAST_WORDS_MAX);
      process.stderr.write(text);
    });
  }
  return {
    pid: child.pid,
    send: (message) => {
      // To a child that is going away: its exit is told anyway.
      if (child.connected) child.send(message as never, () => undefined);
    },
    kill: () => void child.kill("SIGKILL"),
    onMessage: (listener) => void child.on("message", listener),
    onExit: (listener) => {
      let exit: Pick<ChildExit, "code" | "signal"> | undefined;
      // Its last messages may still be in the channel when the process is gone.
      const settle = (): void => {
        if (exit !== undefined && !child.connected) listener({ ...exit, lastWords });
      };
      child.on("close", (code, signal) => {
        exit = { code: code ?? undefined, signal: signal ?? undefined };
        settle();
      });
      child.on("disconnect", settle);
      child.on("error", (error) => {
        // It could not even be started; other errors are told by its exit.
        if (child.pid === undefined) listener({ code: undefined, signal: undefined, lastWords: error.message });
      });
    },
  };
};

export interface ChildProcessOptions<NoteOut> {
  readonly entry: URL;
  readonly name: string;
  /** Default: forkChild. */
  readonly spawn?: SpawnChild;
  onNote(note: NoteOut): void;
  /** The child ended without being asked to. */
  onDeath(fault: Fault): void;
}

function deathOf(name: string, { code, signal, lastWords }: ChildExit): Fault {
  const how = signal === undefined ? `exit code ${code ?? "unknown"}` : `signal ${signal}`;
  const words = lastWords.trim();
  return { code: "engine.process-ended", message: `The ${name} process ended (${how})${words === "" ? "" : `: ${words}`}` };
}

/** The spawning side. */
export class ChildProcess<Call, NoteIn, NoteOut> {
  readonly name: string;
  readonly pid: number | undefined;
  readonly #child: SpawnedChild;
  readonly #calls = new PendingCalls();
  readonly #exited: Promise<void>;
  #state: "running" | "closing" | "dead" = "running";

  constructor(options: ChildProcessOptions<NoteOut>) {
    const { name, entry, spawn = forkChild } = options;
    this.name = name;
    this.#child = spawn(entry, name);
    this.pid = this.#child.pid;
    this.#child.onMessage((received) => {
      const message = received as FromThread<NoteOut>;
      if (message.type === "note") options.onNote(message.note);
      else this.#calls.settle(message);
    });
    this.#exited = new Promise((resolve) => {
      this.#child.onExit((exit) => {
        const expected = this.#state === "closing";
        this.#state = "dead";
        const gone = deathOf(name, exit);
        this.#calls.fail(gone);
        resolve();
        if (!expected) options.onDeath(gone);
      });
    });
  }

  /** Resolves with the child's answer; rejects with its fault, or with `engine.process-ended` when it ends first. */
  call<T>(call: Call): Promise<T> {
    if (this.#state === "dead") return Promise.reject(fault("engine.process-ended", `The ${this.name} process has ended`));
    return this.#calls.add<T>((id) => { this.#child.send({ type: "call", id, call } satisfies ToThread<Call, NoteIn>); });
  }

  note(note: NoteIn): void {
    if (this.#state !== "dead") this.#child.send({ type: "note", note } satisfies ToThread<Call, NoteIn>);
  }

  /**
   * Sends the farewell call, waits for its answer and for the child to end by itself; ends it by force after the deadline (then it rejects).
   * Undefined when it had ended before.
   */
  async close<T = void>(farewell: Call, deadlineMs = 15_000): Promise<T | undefined> {
    if (this.#state === "dead") return undefined;
    this.#state = "closing";
    const timer = setTimeout(() => this.#child.kill(), deadlineMs);
    try {
      return await this.call<T>(farewell);
    } finally {
      await this.#exited;
      clearTimeout(timer);
    }
  }

  /** Ends the child now. */
  async terminate(): Promise<void> {
    if (this.#state === "dead") return;
    this.#state = "closing";
    this.#child.kill();
    await this.#exited;
  }
}

// ── The child's own side ─────────────────────────────────────────────────────

/** What a child needs of its parent: Node's IPC channel, or Electron's parent port. */
interface ParentChannel {
  send(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  onGone(listener: () => void): void;
  /** Nothing more is said: the process may run out. */
  close(): void;
}

/** `process.parentPort` of a utility process, without Electron's types. */
interface ParentPort {
  postMessage(message: unknown): void;
  on(type: "message", listener: (event: { readonly data: unknown }) => void): void;
}

function electronChannel(port: ParentPort): ParentChannel {
  return {
    send: (message) => { port.postMessage(message); },
    onMessage: (listener) => { port.on("message", (event) => { listener(event.data); }); },
    // Chromium itself ends a utility process whose parent is gone.
    onGone: () => undefined,
    // A parent port cannot be closed and keeps the process alive. A turn later, so that the last message is handed over.
    close: () => void setImmediate(() => process.exit()),
  };
}

function nodeChannel(): ParentChannel {
  assert(process.send !== undefined, "a process entry is started by its parent, with a channel between them");
  return {
    send: (message) => {
      // A parent that is gone takes nothing more; `onGone` says so.
      if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
    },
    onMessage: (listener) => void process.on("message", listener),
    onGone: (listener) => void process.on("disconnect", listener),
    close: () => {
      if (process.connected) process.disconnect();
    },
  };
}

function parentChannel(): ParentChannel {
  const { parentPort } = process as NodeJS.Process & { readonly parentPort?: ParentPort };
  return parentPort === undefined ? nodeChannel() : electronChannel(parentPort);
}

export interface ChildHandlers<Call, NoteIn> {
  /** The value answers the call; a thrown FaultError answers with its fault. */
  onCall(call: Call): Promise<unknown>;
  onNote(note: NoteIn): void;
  /** Closes what is open, in order: the parent is gone, the system asks, or `end` was called. Once. */
  onEnd(): Promise<void>;
}

/** From being asked to end, or from the parent's death, to being gone; then something hangs, and an orphan would be worse. */
const END_DEADLINE_MS = 10_000;
const HUNG_EXIT_CODE = 70;

/** The child's own side. Returns how to send notes; `end` closes everything and lets the process run out with exit code 0. */
export function serveChild<Call, NoteIn, NoteOut>(handlers: ChildHandlers<Call, NoteIn>): { note(note: NoteOut): void; end(): Promise<void> } {
  keepHeapSmall();
  const channel = parentChannel();
  const unanswered = new Set<Promise<void>>();
  let ending: Promise<void> | undefined;

  const end = (): Promise<void> => {
    ending ??= endInOrder();
    return ending;
  };
  const endInOrder = async (): Promise<void> => {
    // Fires only when something still keeps the process alive by then.
    setTimeout(() => {
      process.stderr.write(`process ${process.argv[2] ?? process.pid}: still busy ${END_DEADLINE_MS / 1_000} s after it was asked to end; it ends now\n`);
      process.exit(HUNG_EXIT_CODE);
    }, END_DEADLINE_MS).unref();
    await handlers.onEnd();
    // Not awaited by the farewell call, whose own answer is among them.
    void Promise.all(unanswered).then(() => { channel.close(); });
  };

  channel.onMessage((received) => {
    const message = received as ToThread<Call, NoteIn>;
    if (message.type === "note") {
      handlers.onNote(message.note);
      return;
    }
    const answering = handlers.onCall(message.call).then(
      (value): FromThread<NoteOut> => ({ type: "answer", id: message.id, ok: true, value }),
      (error: unknown): FromThread<NoteOut> => ({ type: "answer", id: message.id, ok: false, fault: faultOf(error) }),
    ).then((answer) => {
      channel.send(answer);
      unanswered.delete(answering);
    });
    unanswered.add(answering);
  });
  channel.onGone(() => void end());
  process.on("SIGTERM", () => void end());
  // Ctrl-C and a closed terminal reach the whole group: the parent decides, and tells.
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);

  return {
    note: (note) => { channel.send({ type: "note", note } satisfies FromThread<NoteOut>); },
    end,
  };
}
