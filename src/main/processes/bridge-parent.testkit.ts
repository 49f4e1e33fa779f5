// A parent for tests: brings both of the bridge's processes to work, says their pids on stdout, and waits to be killed.
import type { Bound, ClientProcessCall, ClientProcessNote, ServeOptions, ServerProcessCall, ServerProcessNote, ServerProcessNoteIn } from "../bridge/process-messages.ts";
import { ChildProcess } from "../engine/child-process.ts";

const { options, cacheFile } = JSON.parse(process.argv[2] ?? "") as { readonly options: Omit<ServeOptions, "security">; readonly cacheFile: string };
const key = { sourceId: "FIXTURE", symbol: "BTCUSDT", interval: "1s" } as const;

const server = new ChildProcess<ServerProcessCall, ServerProcessNoteIn, ServerProcessNote>({
  entry: new URL("./bridge-server.mjs", import.meta.url), name: "bridge-server", onNote: () => undefined, onDeath: () => undefined,
});
const { rpc } = await server.call<Bound>({ type: "serve", options: { ...options, security: undefined, retention: { ...options.retention, ageMs: undefined } } });

const client = new ChildProcess<ClientProcessCall, never, ClientProcessNote>({
  entry: new URL("./bridge-client.mjs", import.meta.url), name: "bridge-client", onDeath: () => undefined,
  onNote: (note) => {
    if (note.type === "remotes" && note.remotes[0]?.status.streams[0]?.phase === "warming") process.stdout.write(`${server.pid} ${client.pid}\n`);
  },
});
await client.call({ type: "open_cache", file: cacheFile });
await client.call({ type: "connect", endpoint: { remoteId: "r", rpc, pub: undefined, security: undefined }, name: "test" });
await client.call({ type: "watch", remoteId: "r", keys: [key] });
