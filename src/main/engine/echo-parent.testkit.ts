// A parent for tests: starts the echo child, says its pid and waits to be killed.
import { ChildProcess } from "./child-process.ts";
import type { EchoCall } from "./echo-child.testkit.ts";

const child = new ChildProcess<EchoCall, string, string>({
  entry: new URL("./echo-child.testkit.mjs", import.meta.url), name: "echo", onNote: () => undefined, onDeath: () => undefined,
});
await child.call({ type: "echo", value: 1 });
process.stdout.write(`${child.pid}\n`);
