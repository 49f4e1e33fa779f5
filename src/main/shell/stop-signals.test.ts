// The first wish to end is orderly, the second is obeyed at once.
import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { firstStopSignal, STOP_SIGNALS } from "./stop-signals.ts";

class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

describe("firstStopSignal", () => {
  it.each(STOP_SIGNALS)("resolves with %s and exits by itself on nothing", async (signal) => {
    const source = new FakeProcess();
    const stopped = firstStopSignal(source, () => 0);
    source.emit(signal);
    expect([await stopped, source.exits]).toEqual([signal, []]);
  });

  it("exits on the second signal with the code a shell would give", () => {
    const source = new FakeProcess();
    let nowMs = 0;
    void firstStopSignal(source, () => nowMs);
    source.emit("SIGINT");
    nowMs = 1_000;
    source.emit("SIGTERM");
    expect(source.exits).toEqual([143]);
  });

  it("takes what comes twice at once for one wish", () => {
    const source = new FakeProcess();
    let nowMs = 0;
    void firstStopSignal(source, () => nowMs);
    source.emit("SIGINT");
    nowMs = 999;
    source.emit("SIGINT");
    expect(source.exits).toEqual([]);
  });
});
