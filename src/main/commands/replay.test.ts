// `tapedeck replay` as scripts use it: one JSON line, resumable, the same digest again, and clear refusals.
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hftTrades, runImport, testFolder, type TestFolder } from "../importers/import.testkit.ts";
import { runCli } from "../cli.ts";

let folder: TestFolder;
beforeAll(async () => {
  folder = await testFolder();
  await runImport(folder.path, { captureId: "made-up", files: [await folder.write("trades.txt", hftTrades(500))] });
});
afterAll(() => folder[Symbol.asyncDispose]());

class Sink extends Writable {
  text = "";
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

async function replay(...args: readonly string[]): Promise<{ readonly code: number; readonly out: string; readonly log: string }> {
  const [out, log] = [new Sink(), new Sink()];
  const code = await runCli(["replay", "--data", folder.path, "--capture", "made-up", ...args], { out: out as never, log: log as never });
  return { code, out: out.text, log: log.text };
}
async function json(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, out, log } = await replay("--json", ...args);
  expect({ code, log }).toEqual({ code: 0, log: "" });
  return JSON.parse(out.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
}

describe("tapedeck replay", () => {
  it("prints count, digest, last cursor and stop reason, the same each time and in event order for data that came in order", async () => {
    const first = await json();
    expect(first).toMatchObject({ events: 500, decisions: 0, stop_reason: "STREAM_END", order: "arrival" });
    expect(first["digest"]).toMatch(/^[0-9a-f]{64}$/);
    for (const again of [await json(), await json("--order", "event")]) {
      expect([again["digest"], again["last_cursor"]]).toEqual([first["digest"], first["last_cursor"]]);
    }
  });

  it("cut at a moment and resumed at the cursor gives every event once", async () => {
    const left = await json("--until", "2023-11-14T22:15:00Z");
    expect(left["stop_reason"]).toBe("UNTIL");
    const right = await json("--cursor", String(left["last_cursor"]));
    expect(Number(left["events"]) + Number(right["events"])).toBe(500);
  });

  it("selects by venue, symbol and kind", async () => {
    expect(await json("--venue", "binance", "--symbol", "btcusdt", "--stream", "trade")).toMatchObject({ events: 500 });
    expect(await json("--stream", "bbo")).toMatchObject({ events: 0, last_cursor: null });
  });

  it.each([
    [["--strategy", "x.js"], /does not run strategies yet/],
    [["--order", "random"], /there are arrival/],
    [["--speed", "fast"], /write asap/],
    [["--symbol", "NOPE"], /has no stream of that/],
    [["--cursor", btoa('{"v":1,"ts_event":"5"}')], /lacks the field seq/],
    [["--from", "2023-11-14T22:15:00Z", "--until", "2023-11-14T22:14:00Z"], /not before/],
  ])("refuses %j with one clear line and exit code 2", async (args, message) => {
    const { code, out, log } = await replay(...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(log).toMatch(message);
    expect(log.trim().split("\n")).toHaveLength(1);
  });
});
