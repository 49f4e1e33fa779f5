// The bridge's two child processes as tests start, steer and end them: bundled on their own, with every exit on record.
import { fork, type ChildProcess as NodeChild } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Fault } from "../../shared/base.ts";
import type { Bound, ClientProcessCall, ClientProcessNote, RemoteReport, ServeOptions, ServerProcessCall, ServerProcessNote, ServerProcessNoteIn } from "../bridge/process-messages.ts";
import { Heard } from "../bridge/zmq/zmq.testkit.ts";
import { ChildProcess, type SpawnChild } from "../engine/child-process.ts";
import { buildEntries, type BuiltEntries } from "../engine/child.testkit.ts";

export const CSV_START_MS = 1_700_000_000_000;

/** One-second bars of one symbol, all different. */
export async function csvFile(folder: string, rows: number): Promise<string> {
  const file = join(folder, `bars-${rows}.csv`);
  const lines = ["symbol,interval,ts,open,high,low,close,volume"];
  for (let row = 0; row < rows; row += 1) lines.push(`BTCUSDT,1s,${CSV_START_MS + row * 1_000},100.${row % 10},${101 + (row % 7)},99,100.${(row * 3) % 10},${row + 1}`);
  await writeFile(file, `${lines.join("\n")}\n`);
  return file;
}

export function serveOptions(folder: string, file: string, changes: Partial<ServeOptions> = {}): ServeOptions {
  return {
    feed: { kind: "csv", file, sourceId: "FIXTURE", rowsPerSecond: 0, held: false }, folder: join(folder, "bridge"),
    pub: "tcp://127.0.0.1:*", rpc: "tcp://127.0.0.1:*", security: undefined, retention: { entries: 1_000_000, ageMs: undefined },
    version: "test", heartbeatMs: 200, formingMs: 100, ...changes,
  };
}

export interface Exit { readonly code: number | null; readonly signal: NodeJS.Signals | null }

interface Running<Child> {
  readonly child: Child;
  /** The process beneath, to be signalled and cut off. */
  readonly raw: NodeChild;
  readonly exited: Promise<Exit>;
  readonly deaths: Heard<Fault>;
}
export type ServerChild = Running<ChildProcess<ServerProcessCall, ServerProcessNoteIn, ServerProcessNote>> & { readonly notes: Heard<ServerProcessNote> };
export type ClientChild = Running<ChildProcess<ClientProcessCall, never, ClientProcessNote>> & { readonly notes: Heard<ClientProcessNote> };

export class Processes {
  readonly #built: BuiltEntries;
  readonly #raw = new Set<NodeChild>();

  private constructor(built: BuiltEntries) {
    this.#built = built;
  }

  static async build(): Promise<Processes> {
    return new Processes(await buildEntries(["src/main/processes/bridge-server.ts", "src/main/processes/bridge-client.ts", "src/main/processes/bridge-parent.testkit.ts"]));
  }

  entry(name: string): URL {
    return this.#built.entry(name);
  }

  server(): ServerChild {
    const notes = new Heard<ServerProcessNote>();
    return { notes, ...this.#start<ServerProcessCall, ServerProcessNoteIn, ServerProcessNote>("bridge-server", notes) };
  }

  client(): ClientChild {
    const notes = new Heard<ClientProcessNote>();
    return { notes, ...this.#start<ClientProcessCall, never, ClientProcessNote>("bridge-client", notes) };
  }

  #start<Call, NoteIn, NoteOut>(name: string, notes: Heard<NoteOut>): Running<ChildProcess<Call, NoteIn, NoteOut>> {
    let raw: NodeChild | undefined;
    const spawn: SpawnChild = (entry) => {
      const forked = fork(fileURLToPath(entry), [name], { serialization: "advanced", execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
      raw = forked;
      this.#raw.add(forked);
      return {
        pid: forked.pid,
        send: (message) => {
          if (forked.connected) forked.send(message as never, () => undefined);
        },
        kill: () => void forked.kill("SIGKILL"),
        onMessage: (listener) => void forked.on("message", listener),
        onExit: (listener) => void forked.on("close", (code, signal) => listener({ code: code ?? undefined, signal: signal ?? undefined, lastWords: "" })),
      };
    };
    const deaths = new Heard<Fault>();
    const child = new ChildProcess<Call, NoteIn, NoteOut>({ entry: this.entry(name), name, spawn, onNote: (note) => notes.push(note), onDeath: (death) => deaths.push(death) });
    if (raw === undefined) throw new Error("not spawned");
    const started = raw;
    const exited = new Promise<Exit>((resolve) => {
      started.on("exit", (code, signal) => {
        this.#raw.delete(started);
        resolve({ code, signal });
      });
    });
    return { child, raw: started, exited, deaths };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const raw of this.#raw) raw.kill("SIGKILL");
    await this.#built[Symbol.asyncDispose]();
  }
}

export async function served(processes: Processes, options: ServeOptions): Promise<{ readonly server: ServerChild; readonly bound: Bound }> {
  const server = processes.server();
  const bound = await server.child.call<Bound>({ type: "serve", options });
  return { server, bound };
}

/** The first report, past or future, that says so of its first remote. */
export async function reported(client: ClientChild, wanted: (report: RemoteReport) => boolean): Promise<RemoteReport> {
  const first = (note: ClientProcessNote): RemoteReport | undefined => (note.type === "remotes" ? note.remotes[0] : undefined);
  const note = await client.notes.first((one) => {
    const report = first(one);
    return report !== undefined && wanted(report);
  });
  const report = first(note);
  if (report === undefined) throw new Error("unreachable");
  return report;
}
