// Parquet beside a recording, with a lake process that does what the test says and a clock that moves when told.
import { describe, expect, test } from "vitest";
import { fault, type Fault } from "../../shared/base.ts";
import type { LakeTask, SpoolReport } from "../lake/types.ts";
import { VirtualClock } from "../net/virtual-clock.ts";
import { LiveSpool, type SpoolProcess } from "./live-spool.ts";

interface Asked {
  readonly task: LakeTask;
  answer(spooledSegments: number): void;
  fail(code: string, message: string): void;
}

class FakeProcess implements SpoolProcess {
  readonly asked: Asked[] = [];
  closed = 0;

  spool(_captureFolder: string, task: LakeTask = {}): Promise<SpoolReport> {
    return new Promise((resolve, reject) => {
      this.asked.push({
        task,
        answer: (spooledSegments) => { resolve({ sealedSegments: spooledSegments, spooledSegments, segments: 1, messages: 1, rows: 1, files: 1, bytes: 1 }); },
        fail: (code, message) => { reject(fault(code, message)); },
      });
      task.signal?.addEventListener("abort", () => { reject(fault("lake.cancelled", "Cancelled")); });
    });
  }
  close(): Promise<void> {
    this.closed += 1;
    return Promise.resolve();
  }
}

interface Bench {
  readonly spool: LiveSpool;
  readonly process: FakeProcess;
  readonly clock: VirtualClock;
  readonly problems: Fault[];
}

function bench(): Bench {
  const process = new FakeProcess();
  const clock = new VirtualClock(0);
  const problems: Fault[] = [];
  return { process, clock, problems, spool: new LiveSpool({ process, captureFolder: "/c", timers: clock, onProblem: (problem) => void problems.push(problem) }) };
}

/** Lets settled promises run their course. */
async function turn(): Promise<void> {
  for (let index = 0; index < 10; index += 1) await Promise.resolve();
}

describe("while it is recorded", () => {
  test("the first segment asks for nothing; each sealing asks once, whatever is told in between", async () => {
    const { spool, process } = bench();
    spool.onSegment(undefined);
    spool.onSegment(1);
    expect(process.asked).toHaveLength(0);
    spool.onSegment(2);
    spool.onSegment(2);
    spool.onSegment(3);
    expect(process.asked).toHaveLength(1);
    process.asked[0]?.answer(2);
    await turn();
    expect(process.asked).toHaveLength(1);
    spool.onSegment(4);
    expect(process.asked).toHaveLength(2);
  });

  test("a segment whose sealing is not done yet is looked for again", async () => {
    const { spool, process, clock } = bench();
    spool.onSegment(3);
    process.asked[0]?.answer(1);
    await turn();
    expect(process.asked).toHaveLength(1);
    await clock.advance(2_000);
    expect(process.asked).toHaveLength(2);
    process.asked[1]?.answer(2);
    await turn();
    await clock.advance(600_000);
    expect(process.asked).toHaveLength(2);
  });

  test("trouble is told once, the recording is not disturbed, and a minute later it is tried again", async () => {
    const { spool, process, clock, problems } = bench();
    spool.onSegment(2);
    for (const minute of [0, 1, 2]) {
      process.asked[minute]?.fail("disk.full", "Cannot write x: the disk is full");
      await turn();
      await clock.advance(60_000);
    }
    expect(process.asked).toHaveLength(4);
    expect(problems.map(({ code }) => code)).toEqual(["lake.spool-failed"]);
    expect(problems[0]?.message).toMatch(/recording, which goes on: Cannot write x: the disk is full/);
    process.asked[3]?.answer(1);
    await turn();
    await clock.advance(600_000);
    expect(process.asked).toHaveLength(4);
  });
});

describe("at its end", () => {
  test("what was sealed last is spooled, then the process ends; a long backlog is left for the next start", async () => {
    const { spool, process, clock, problems } = bench();
    const closing = spool.close();
    await turn();
    expect(process.asked).toHaveLength(1);
    expect(process.closed).toBe(0);
    await clock.advance(10_000);
    await closing;
    expect(process.closed).toBe(1);
    expect(problems).toEqual([]);
    spool.onSegment(9);
    expect(process.asked).toHaveLength(1);
    await spool.close();
    expect(process.closed).toBe(1);
  });

  test("what runs is waited for first", async () => {
    const { spool, process } = bench();
    spool.onSegment(2);
    const closing = spool.close();
    await turn();
    expect(process.asked).toHaveLength(1);
    process.asked[0]?.answer(1);
    await turn();
    expect(process.asked).toHaveLength(2);
    process.asked[1]?.answer(2);
    await closing;
    expect(process.closed).toBe(1);
  });

  test("a recording that could not start spools nothing", async () => {
    const { spool, process } = bench();
    await spool.abandon();
    await spool.close();
    expect([process.asked.length, process.closed]).toEqual([0, 1]);
  });
});
