// `tapedeck record`: capture headless, with progress, until told to stop. What it reports as durable is durable.
import { z } from "zod";
import type { Command } from "commander";
import { FaultError, fault, type Fault } from "../../shared/base.ts";
import { DEFAULT_SOURCE, startLive } from "../compose.ts";
import { HeadlessHealth } from "../engine/headless-health.ts";
import { lockDataFolder } from "../engine/data-lock.ts";
import type { LiveSource } from "../engine/live-source.ts";
import { RateMeter } from "../engine/rate-meter.ts";
import { MetricsServer } from "../metrics/metrics-server.ts";
import { createMetrics } from "../metrics/registry.ts";
import { VERSION } from "../version.ts";
import { byteSize, diskLimitsOf, duration, hostAndPort } from "./measures.ts";
import { collectValues, collectWords } from "./words.ts";
import { commonOptions, defineCommand, optionText, type CommandContext, type ExitCode } from "./context.ts";

const PROGRESS_EVERY_MS = 250;

const faultText = z.string().transform((text) => {
  const match = /^([a-z0-9-]+)(?:=(-?\d+(?:\.\d+)?))?(?:@(\d+(?:\.\d+)?)s)?$/.exec(text);
  if (match === null) throw fault("cli.bad-option", `--fault ${text}: write name, name=amount or name=amount@5s (5 s after the start)`);
  return { name: match[1] ?? "", amount: match[2] === undefined ? undefined : Number(match[2]), afterMs: Number(match[3] ?? 0) * 1_000 };
});

const schema = z.object({
  ...commonOptions,
  capture: optionText.capture.optional(),
  venue: z.array(z.string()).default([]),
  symbol: z.array(optionText.symbol).default([]),
  endpoint: z.array(z.string()).default([]),
  for: duration("for").optional(),
  legs: z.enum(["1", "2"], "--legs is 1 or 2").default("1").transform((text) => (text === "2" ? 2 : 1)),
  seed: optionText.count("seed").optional(),
  rate: optionText.count("rate").optional(),
  fault: z.array(faultText).default([]),
  spool: z.boolean().default(true),
  metrics: hostAndPort.optional(),
  diskLow: byteSize("disk-low").optional(),
  diskStop: byteSize("disk-stop").optional(),
});
type RecordInput = z.output<typeof schema>;

export function registerRecord(program: Command, context: CommandContext): void {
  const command = program
    .command("record")
    .description("capture live data headless; Ctrl-C stops and seals")
    .option("--capture <id>", "capture to begin or to continue (default: live-<venue>; the simulator's begin anew)")
    .option("--venue <venue>", "sim or binance; may be repeated (default sim)", collectWords)
    .option("--symbol <symbol>", "may be repeated or separated by commas (default: the venue's)", collectWords)
    .option("--for <length>", "stop after this long: 30s, 10m, 4h")
    .option("--endpoint <venue=url>", "other addresses: venue=url for all, venue.name=url for one", collectValues)
    .option("--legs <1|2>", "2: every connection twice; what one loses the other has (default 1)")
    .option("--seed <number>", "seed of the built-in simulator")
    .option("--rate <number>", "messages per second of the built-in simulator")
    .option("--metrics <[host:]port>", "serve /metrics and /health there (default: not; without a host: 127.0.0.1)")
    .option("--disk-low <size>", "warn below this much free space (default 2G, or two hours of recording)")
    .option("--disk-stop <size>", "stop in good order below it (default 512M, or a quarter of an hour)")
    .option("--no-spool", "write no Parquet beside the recording; compact makes it later")
    .option("--fault <name=amount@s>", "make something go wrong (docs/faults.md), now or after some seconds; simulated sources only; may be repeated", collectValues);
  defineCommand({ command, context, schema, run: (input) => record(input, context) });
}

async function record(input: RecordInput, context: CommandContext): Promise<ExitCode> {
  const lock = await lockDataFolder(input.data);
  try {
    return await recordLocked(input, context);
  } finally {
    await lock.release();
  }
}

/** How a recording ends: told to, at its time, or by trouble. */
class Course {
  readonly ended: Promise<void>;
  readonly end: () => void;
  trouble: Fault | undefined;

  constructor() {
    let resolve: () => void = () => undefined;
    this.ended = new Promise<void>((settle) => { resolve = settle; });
    this.end = resolve;
  }

  fail(trouble: Fault): void {
    this.trouble ??= trouble;
    this.end();
  }
}

async function recordLocked(input: RecordInput, context: CommandContext): Promise<ExitCode> {
  const course = new Course();
  const startedMs = performance.now();
  // Before anything is recorded: what is asked for may not be possible.
  const health = await HeadlessHealth.prepare({
    dataFolder: input.data, limits: diskLimitsOf(input),
    onProblem: (problem) => { context.output.note(`tapedeck: ${problem.message}`); },
    onDiskFull: (why) => { course.fail(why); },
  });
  const metrics = input.metrics === undefined ? undefined : await MetricsServer.listen({
    ...input.metrics, metrics: createMetrics({ processMetrics: true }),
    observe: () => ({ version: VERSION, uptimeMs: performance.now() - startedMs, serving: undefined, ...health.observe() }),
  });
  try {
    if (metrics !== undefined) context.output.note(`Metrics at http://${metrics.address}/metrics, health at http://${metrics.address}/health`);
    return await recordWatched(input, context, { course, health, startedMs });
  } finally {
    await health.close();
    await metrics?.close();
  }
}

interface Watched {
  readonly course: Course;
  readonly health: HeadlessHealth;
  readonly startedMs: number;
}

async function recordWatched(input: RecordInput, context: CommandContext, { course, health, startedMs }: Watched): Promise<ExitCode> {
  const { output } = context;
  const started: { live?: LiveSource } = {};
  const live = await startLive(
    {
      dataFolder: input.data, distMain: context.distMain, spool: input.spool,
      request: {
        ...DEFAULT_SOURCE, venues: input.venue, symbols: input.symbol, endpoints: input.endpoint, captureId: input.capture, legs: input.legs,
        simulator: { seed: input.seed ?? DEFAULT_SOURCE.simulator.seed, messagesPerSecond: input.rate },
      },
    },
    {
      onPositions: () => undefined,
      onStatus: () => undefined,
      onProblem: (problem) => {
        output.note(`tapedeck: ${problem.message}`);
        if (started.live?.halted !== undefined) course.fail(started.live.halted);
      },
    },
  );
  started.live = live;
  health.watch(live);
  output.note(`Recording into capture ${live.captureId}; Ctrl-C stops.`);
  const timers = await scheduleFaults(live, input, context).catch(async (error: unknown) => {
    await live.close("bad-option");
    throw error;
  });
  const meter = new RateMeter();
  const running = live;
  timers.push(setInterval(() => {
    const rate = meter.sample(performance.now(), running.positions.appended);
    // With --json, whoever reads learns what is durable while it is recorded; the last line is the summary.
    if (input.json) void output.json({ capture_id: running.captureId, messages: running.messages, durable_seq: running.positions.durable, derived_seq: running.derivedSeq, gaps_open: running.gapsOpen }).then(() => output.flush());
    output.progress(`${running.messages} messages, ${Math.round(rate)}/s, durable up to #${running.positions.durable}, ${running.gapsOpen} gaps open`);
    if (running.halted !== undefined) course.fail(running.halted);
  }, PROGRESS_EVERY_MS));
  if (input.for !== undefined) timers.push(setTimeout(course.end, input.for));
  if (context.stop.aborted) course.end();
  context.stop.addEventListener("abort", course.end, { once: true });
  await course.ended;
  for (const timer of timers) clearTimeout(timer);
  const { trouble } = course;
  await live.close(trouble === undefined ? "stopped" : trouble.code);
  await report(live, performance.now() - startedMs, input, context);
  if (trouble !== undefined) throw new FaultError(trouble);
  return 0;
}

async function scheduleFaults(live: LiveSource, input: RecordInput, context: CommandContext): Promise<NodeJS.Timeout[]> {
  for (const { name } of input.fault) {
    if (live.faults.list.some((known) => known.name === name)) continue;
    const known = live.faults.list.map((entry) => entry.name).join(", ");
    throw fault("cli.bad-option", known === "" ? `--fault ${name} needs a simulator as the source: --venue sim, or --endpoint with an address of this machine` : `--fault ${name}: there is no such fault here; there are ${known}`);
  }
  return input.fault.map(({ name, amount, afterMs }) => setTimeout(() => {
    live.faults.inject(name, amount).then(
      ({ applied }) => { context.output.note(`fault: ${applied}`); },
      (error: unknown) => { context.output.note(`tapedeck: ${error instanceof Error ? error.message : String(error)}`); },
    );
  }, afterMs));
}

async function report(live: LiveSource, elapsedMs: number, input: RecordInput, context: CommandContext): Promise<void> {
  const summary = await live.summary();
  const result = {
    capture_id: live.captureId, messages: live.messages, durable_messages: Math.max(0, live.messages - (live.positions.appended - live.positions.durable)),
    bytes: summary.bytes, seconds: Math.round(elapsedMs) / 1_000, quarantined: summary.quarantined, unhandled: summary.unhandled, gaps: summary.gaps,
  };
  if (input.json) await context.output.json(result);
  else await context.output.line(`${result.capture_id}: ${result.messages} messages (${result.durable_messages} durable), ${result.bytes} bytes, ${result.seconds} s, ${result.gaps} gaps`);
}
