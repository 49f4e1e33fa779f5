// Runs a command line as tests see it: exit code, stdout and stderr as text.
import { Writable } from "node:stream";
import { runCli } from "../cli.ts";

class Collected extends Writable {
  readonly parts: Buffer[] = [];
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.parts.push(chunk);
    done();
  }
  get text(): string {
    return Buffer.concat(this.parts).toString("utf8");
  }
}

export async function runForTest(argv: readonly string[]): Promise<{ readonly code: number; readonly out: string; readonly log: string }> {
  const [out, log] = [new Collected(), new Collected()];
  const code = await runCli(argv, { out, log });
  return { code, out: out.text, log: log.text };
}
