// Utility processes through a fake of Electron's: messages both ways, last words, and nothing sent to a child that is gone.
import { expect, it } from "vitest";
import { ChildProcess } from "../../engine/child-process.ts";
import { utilityChild, type ElectronUtilityProcess } from "./utility-process.ts";

class FakeStream {
  listeners: ((text: string) => void)[] = [];
  setEncoding(): void {}
  on(_event: "data", listener: (text: string) => void): void {
    this.listeners.push(listener);
  }
  print(text: string): void {
    for (const listener of this.listeners) listener(text);
  }
}

class FakeUtilityProcess implements ElectronUtilityProcess {
  readonly pid = 7;
  readonly stdout = new FakeStream();
  readonly stderr = new FakeStream();
  readonly sent: unknown[] = [];
  #onMessage: (message: unknown) => void = () => undefined;
  #onExit: (code: number) => void = () => undefined;
  postMessage(message: unknown): void {
    this.sent.push(message);
  }
  kill(): boolean {
    this.exit(1);
    return true;
  }
  on(event: "message" | "exit", listener: ((message: unknown) => void) | ((code: number) => void)): void {
    if (event === "message") this.#onMessage = listener as (message: unknown) => void;
    else this.#onExit = listener as (code: number) => void;
  }
  say(message: unknown): void {
    this.#onMessage(message);
  }
  exit(code: number): void {
    this.#onExit(code);
  }
}

function setUp() {
  const fake = new FakeUtilityProcess();
  const forked: unknown[] = [];
  const printed: string[] = [];
  const notes: unknown[] = [];
  const deaths: string[] = [];
  const child = new ChildProcess<string, string, string>({
    entry: new URL("file:///app/processes/bridge-client.js"), name: "bridge-client",
    spawn: utilityChild({ fork: (...args) => { forked.push(args); return fake; } }, (text) => printed.push(text)),
    onNote: (note) => notes.push(note),
    onDeath: (problem) => deaths.push(problem.message),
  });
  return { fake, forked, printed, notes, deaths, child };
}

it("starts the entry under its name and talks both ways", async () => {
  const { fake, forked, notes, child } = setUp();
  expect(forked).toEqual([["/app/processes/bridge-client.js", ["bridge-client"], { serviceName: "Tapedeck bridge-client", stdio: "pipe" }]]);
  const answer = child.call<string>("hello");
  fake.say({ type: "note", note: "n" });
  fake.say({ type: "answer", id: 1, ok: true, value: "there" });
  expect(await answer).toBe("there");
  expect(notes).toEqual(["n"]);
});

it("tells a death with the last words, once, and sends nothing after it", async () => {
  const { fake, printed, deaths, child } = setUp();
  const waiting = child.call("hello").catch((error: unknown) => String(error));
  fake.stderr.print("terminate called after throwing");
  fake.exit(134);
  expect(await waiting).toContain("exit code 134");
  expect(deaths).toEqual(["The bridge-client process ended (exit code 134): terminate called after throwing"]);
  expect(printed).toEqual(["terminate called after throwing"]);
  child.note("late");
  expect(fake.sent).toHaveLength(1);
});
