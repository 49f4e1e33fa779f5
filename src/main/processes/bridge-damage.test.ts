// A serving process that finds an old part of its sequences damaged ends in order, and the next one begins them anew.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { csvFile, Processes, served, serveOptions } from "./bridge-processes.testkit.ts";

/** More than one file of the journal, and more than the server keeps in memory. */
const ROWS = 9_000;
const RANGE = /\.journal$/;

it("ends when a client asks for what is damaged, and serves a new history when started again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tapedeck-damage-"));
  const processes = await Processes.build();
  try {
    const file = await csvFile(folder, ROWS);
    const { server, bound } = await served(processes, serveOptions(folder, file));
    await server.notes.first((note) => note.type === "fed");
    const stream = join(folder, "bridge", bound.history.historyId.slice(0, 16), "FIXTURE.BTCUSDT.1s");
    const [first = ""] = (await readdir(stream)).filter((name) => RANGE.test(name)).sort();
    const bytes = await readFile(join(stream, first));
    bytes[1_000] = (bytes[1_000] ?? 0) ^ 0x10;
    await writeFile(join(stream, first), bytes);
    const client = processes.client();
    await client.child.call({ type: "open_cache", file: join(folder, "cache.duckdb") });
    await client.child.call({ type: "connect", name: "home", endpoint: { remoteId: "home", rpc: bound.rpc, pub: bound.pub, security: undefined } });
    await client.child.call({ type: "watch", remoteId: "home", keys: [{ sourceId: "FIXTURE", symbol: "BTCUSDT", interval: "1s" }] });
    expect(await server.exited).toEqual({ code: 0, signal: null });
    const again = await served(processes, serveOptions(folder, file, { pub: bound.pub, rpc: bound.rpc }));
    expect(again.bound.history).toMatchObject({ lineage: bound.history.lineage, runId: "damaged-1" });
    await again.server.child.close({ type: "close" });
    await client.child.close({ type: "close" });
  } finally {
    await processes[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}, 60_000);
