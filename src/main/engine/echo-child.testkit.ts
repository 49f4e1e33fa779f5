// A child for tests of child-process.ts: echoes, fails, dies and hangs on command.
import { fault } from "../../shared/base.ts";
import { serveChild } from "./child-process.ts";

export type EchoCall =
  | { readonly type: "echo"; readonly value: unknown }
  | { readonly type: "fail" }
  | { readonly type: "never" }
  | { readonly type: "crash" }
  | { readonly type: "abort" }
  /** Keeps something alive that nobody closes. */
  | { readonly type: "leak" }
  | { readonly type: "close" };

let open: NodeJS.Timeout | undefined = setInterval(() => undefined, 1_000);

const child = serveChild<EchoCall, string, string>({
  async onCall(call) {
    switch (call.type) {
      case "echo":
        return call.value;
      case "fail":
        throw fault("test.failed", "as asked");
      case "never":
        return new Promise(() => undefined);
      case "crash":
        setImmediate(() => {
          throw new Error("crashed as asked");
        });
        return undefined;
      case "abort":
        process.abort();
        return undefined;
      case "leak":
        setInterval(() => undefined, 1_000);
        return undefined;
      case "close":
        await child.end();
        return "bye";
    }
  },
  onNote(note) {
    child.note(`echo ${note}`);
  },
  async onEnd() {
    clearInterval(open);
    open = undefined;
    child.note("ended in order");
  },
});
