// How child processes start under Electron: as utility processes, which Chromium ends when this process ends. Electron itself is handed in.
import { fileURLToPath } from "node:url";
import type { SpawnChild, SpawnedChild } from "../../engine/child-process.ts";

interface TextStream {
  setEncoding(encoding: "utf8"): unknown;
  on(event: "data", listener: (text: string) => void): unknown;
}

/** Electron's UtilityProcess, as far as we use it. */
export interface ElectronUtilityProcess {
  /** Undefined before it runs and after it ended. */
  readonly pid: number | undefined;
  readonly stdout: TextStream | null;
  readonly stderr: TextStream | null;
  postMessage(message: unknown): void;
  kill(): boolean;
  on(event: "message", listener: (message: unknown) => void): unknown;
  on(event: "exit", listener: (code: number) => void): unknown;
}

export interface ElectronUtilityProcesses {
  fork(modulePath: string, args: string[], options: { readonly serviceName: string; readonly stdio: "pipe" }): ElectronUtilityProcess;
}

const LAST_WORDS_MAX = 2_000;

/** What the child prints goes to `print`: a window has no terminal of its own. */
export function utilityChild(processes: ElectronUtilityProcesses, print: (text: string) => void): SpawnChild {
  return (entry, name): SpawnedChild => {
    const child = processes.fork(fileURLToPath(entry), [name], { serviceName: `Tapedeck ${name}`, stdio: "pipe" });
    let lastWords = "";
    let ended = false;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (text) => {
        lastWords = `${lastWords}${text}`.slice(-LAST_WORDS_MAX);
        print(text);
      });
    }
    return {
      pid: child.pid,
      send: (message) => {
        // To a child that is gone: its exit was told.
        if (!ended) child.postMessage(message);
      },
      kill: () => void child.kill(),
      onMessage: (listener) => void child.on("message", listener),
      onExit: (listener) => void child.on("exit", (code) => {
        ended = true;
        listener({ code, signal: undefined, lastWords });
      }),
    };
  };
}
