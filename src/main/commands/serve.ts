// `tapedeck serve`: this Tapedeck as a market-data service: a live recording, a capture told again, or a CSV file, over the bridge.
import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { z } from "zod";
import { FaultError, fault, type Fault } from "../../shared/base.ts";
import type { ServerStatus } from "../bridge/server/types.ts";
import { BridgeShare } from "../engine/bridge-share.ts";
import type { LiveSource } from "../engine/live-source.ts";
import { NO_LATENCIES, type Observations, type ServingObservation } from "../metrics/observations.ts";
import { MetricsServer } from "../metrics/metrics-server.ts";
import { createMetrics } from "../metrics/registry.ts";
import { VERSION } from "../version.ts";
import { commonOptions, defineCommand, optionText, type CommandContext, type ExitCode } from "./context.ts";
import { byteSize, duration, DURATION_MAX_MS, hostAndPort, retention, speed } from "./measures.ts";
import { securityFor } from "./serve-security.ts";
import { openServedSource, type ServedSource } from "./serve-source.ts";
import { collectValues, collectWords } from "./words.ts";

const PROGRESS_EVERY_MS = 500;
/** How long the end of a recording may take to be published. What is not is published by the next start. */
const LAST_WORDS_MS = 5_000;

const schema = z.object({
  ...commonOptions,
  pub: z.string().default("tcp://127.0.0.1:5556"),
  rpc: z.string().default("tcp://127.0.0.1:5557"),
  secure: z.boolean().default(false),
  capture: optionText.capture.optional(),
  venue: z.array(z.string()).default([]),
  symbol: z.array(optionText.symbol).default([]),
  endpoint: z.array(z.string()).default([]),
  seed: optionText.count("seed").optional(),
  rate: optionText.count("rate").optional(),
  replay: optionText.capture.optional(),
  speed: speed.optional(),
  runId: optionText.capture.optional(),
  csv: z.string().min(1).optional(),
  sourceId: z.string().optional(),
  waitForSubscriber: z.boolean().default(false),
  metrics: hostAndPort.default({ host: "127.0.0.1", port: 0 }),
  retain: retention.optional(),
  heartbeat: duration("heartbeat").optional(),
  diskLow: byteSize("disk-low").optional(),
  diskStop: byteSize("disk-stop").optional(),
  for: duration("for").optional(),
});
export type ServeInput = z.output<typeof schema>;

/** Options that belong to another kind of source than the one that was asked for. */
function refuseMixtures(input: ServeInput): void {
  const refuse = (problem: string): never => {
    throw fault("cli.bad-option", problem);
  };
  if (input.replay !== undefined && input.csv !== undefined) refuse("--replay and --csv: one source at a time");
  const live: readonly (readonly [string, boolean])[] = [["--capture", input.capture !== undefined], ["--venue", input.venue.length > 0], ["--symbol", input.symbol.length > 0], ["--endpoint", input.endpoint.length > 0], ["--seed", input.seed !== undefined], ["--disk-low", input.diskLow !== undefined], ["--disk-stop", input.diskStop !== undefined]];
  const given = live.filter(([, is]) => is).map(([name]) => name);
  if (given.length > 0 && (input.replay !== undefined || input.csv !== undefined)) refuse(`${given.join(", ")}: only for a live source, not with ${input.replay === undefined ? "--csv" : "--replay"}`);
  if (input.replay === undefined && (input.speed !== undefined || input.runId !== undefined)) refuse(`${input.speed === undefined ? "--run-id" : "--speed"}: only with --replay`);
  if (input.replay !== undefined && input.rate !== undefined) refuse("--rate: not with --replay, which has --speed");
  if (input.csv === undefined && input.sourceId !== undefined) refuse("--source-id: only with --csv");
  if (input.csv !== undefined && input.sourceId === undefined) refuse("--csv needs --source-id: what the feed is called, such as SIM");
  if (input.waitForSubscriber && input.replay === undefined && input.csv === undefined) refuse("--wait-for-subscriber: only with --replay or --csv; a live source does not wait");
  if (input.heartbeat !== undefined && (input.heartbeat < 100 || input.heartbeat > 60_000)) refuse("--heartbeat: 100ms to 60s");
}

/** What happened while serving, and what is waiting for it. */
class Course {
  readonly #ended: Promise<void>;
  #end: () => void = () => undefined;
  #sayFed: () => void = () => undefined;
  readonly fed: Promise<void>;
  isFed = false;
  trouble: Fault | undefined;
  serving: ServingObservation["state"] = "serving";
  last: ServerStatus | undefined;

  constructor() {
    this.#ended = new Promise((resolve) => { this.#end = resolve; });
    this.fed = new Promise((resolve) => { this.#sayFed = resolve; });
  }

  fail(trouble: Fault): void {
    this.trouble ??= trouble;
    this.#end();
  }
  sayFed(): void {
    this.isFed = true;
    this.#sayFed();
  }

  /** Until told to stop, the time is up, or it cannot go on. */
  async over(stop: AbortSignal, forMs: number | undefined): Promise<void> {
    const timer = forMs === undefined ? undefined : setTimeout(this.#end, Math.min(forMs, DURATION_MAX_MS));
    if (stop.aborted) this.#end();
    stop.addEventListener("abort", this.#end, { once: true });
    await this.#ended;
    clearTimeout(timer);
  }
}

async function serve(input: ServeInput, context: CommandContext): Promise<ExitCode> {
  refuseMixtures(input);
  const { output } = context;
  const course = new Course();
  const startedMs = performance.now();
  // Before anything is recorded or bound: what is asked for may not be allowed.
  const security = await securityFor(input);
  const onProblem = (problem: Fault): void => {
    output.note(`tapedeck: ${problem.message}`);
  };
  const source = await openServedSource(input, context, { onProblem, onDiskFull: (why) => { course.fail(why); } });
  // The first status may come before `start` has returned.
  const started: { share?: BridgeShare } = {};
  try {
    const share = await BridgeShare.start({
      distMain: context.distMain, what: source.what, folder: source.folder, pub: input.pub, rpc: input.rpc, security: security?.keys, version: VERSION,
      ...(input.retain === undefined ? {} : { retention: input.retain }), ...(input.heartbeat === undefined ? {} : { heartbeatMs: input.heartbeat }),
      onStatus: (status) => {
        course.serving = "serving";
        course.last = status;
        if (status.clients.length > 0) started.share?.begin();
      },
      onProblem: (problem) => {
        if (problem.code === "bridge.restarting") course.serving = "restarting";
        onProblem(problem);
      },
      onFed: () => {
        course.sayFed();
        if (source.live === undefined) output.note("Everything has been told; serving on until stopped.");
      },
      onGone: (problem) => {
        course.serving = "gone";
        course.fail(problem);
      },
    });
    started.share = share;
    const stopFollowing = await security?.follow((keys) => share.trust(keys), onProblem);
    if (security?.keys.trusted.length === 0) output.note("Nobody is trusted yet: let somebody in with `tapedeck keys trust NAME KEY`, at any time.");
    try {
      await run({ input, context, course, source, share, startedMs, publicKey: security?.keys.publicKey });
    } finally {
      stopFollowing?.();
      await share.close();
    }
  } finally {
    await source.close("stopped");
  }
  await summarize({ input, context, course, source, startedMs });
  if (course.trouble !== undefined) throw new FaultError(course.trouble);
  return 0;
}

interface Running {
  readonly input: ServeInput;
  readonly context: CommandContext;
  readonly course: Course;
  readonly source: ServedSource;
  readonly share: BridgeShare;
  readonly startedMs: number;
  /** Of this server; undefined when it is served plain. */
  readonly publicKey: string | undefined;
}

async function run({ input, context, course, source, share, startedMs, publicKey }: Running): Promise<void> {
  const observe = (): Observations => ({
    version: VERSION, uptimeMs: performance.now() - startedMs, serving: { state: course.serving, bridge: share.status },
    ...(source.health?.observe() ?? { recording: undefined, health: undefined, latencies: NO_LATENCIES }),
  });
  const metrics = await MetricsServer.listen({ ...input.metrics, metrics: createMetrics({ processMetrics: true }), observe });
  try {
    await announce(share, source, metrics, { input, context, publicKey });
    const timer = setInterval(() => {
      context.output.progress(progressText(course, source.live));
      if (source.live?.halted !== undefined) course.fail(source.live.halted);
    }, PROGRESS_EVERY_MS);
    await course.over(context.stop, input.for);
    clearInterval(timer);
    // The recording first: its last bars are derived while it closes, and told before the sockets go.
    if (source.live !== undefined) {
      await source.close(course.trouble === undefined ? "stopped" : course.trouble.code);
      if (course.serving === "serving") await Promise.race([course.fed, sleep(LAST_WORDS_MS, undefined, { ref: false })]);
    }
    // A process that dies at this moment has been told of by its death.
    if (course.serving === "serving") course.last = (await share.latestStatus().catch(() => undefined)) ?? course.last;
  } finally {
    await metrics.close();
  }
}

/** The first line of stdout: scripts take the ports from it. */
async function announce(share: BridgeShare, source: ServedSource, metrics: MetricsServer, { input, context, publicKey }: Pick<Running, "input" | "context" | "publicKey">): Promise<void> {
  const { pub, rpc, history } = share.bound;
  const { output } = context;
  if (input.json) {
    await output.json({ pub, rpc, metrics: metrics.address, history_id: history.historyId, mode: history.mode, ...(source.captureId === undefined ? {} : { capture_id: source.captureId }), ...(publicKey === undefined ? {} : { public_key: publicKey }) });
  } else {
    await output.line(`Serving ${source.name} (${history.mode}) at ${pub} (live stream) and ${rpc} (requests)`);
    await output.line(`History ${history.historyId}; metrics at http://${metrics.address}/metrics, health at http://${metrics.address}/health`);
    if (publicKey !== undefined) await output.line(`Encrypted; clients need this server's public key: ${publicKey}`);
  }
  await output.flush();
  output.note(input.waitForSubscriber ? "Waiting for the first client; Ctrl-C stops." : "Ctrl-C stops.");
}

function total(status: ServerStatus | undefined, what: "published" | "conflated"): number {
  return status?.streams.reduce((sum, stream) => sum + stream[what], 0) ?? 0;
}

function progressText(course: Course, live: LiveSource | undefined): string {
  const recording = live === undefined ? "" : `${live.messages} messages recorded, `;
  return `${recording}${total(course.last, "published")} entries published, ${course.last?.clients.length ?? 0} clients, ${course.serving}`;
}

async function summarize({ input, context, course, source, startedMs }: Omit<Running, "share" | "publicKey">): Promise<void> {
  const { last } = course;
  const recorded = source.live === undefined ? undefined : await source.live.summary();
  const result = {
    published: total(last, "published"), streams: last?.streams.length ?? 0, clients: last?.clients.length ?? 0, backfill_entries: last?.backfillEntries ?? 0,
    backfill_bytes: last?.backfillBytes ?? 0, malformed: last?.malformed ?? 0, rejected_handshakes: last?.rejectedHandshakes ?? 0, fed: course.isFed,
    seconds: Math.round(performance.now() - startedMs) / 1_000,
    ...(source.live === undefined ? {} : { capture_id: source.live.captureId, messages: source.live.messages, gaps: recorded?.gaps ?? null }),
  };
  if (input.json) await context.output.json(result);
  else await context.output.line(`Published ${result.published} entries of ${result.streams} streams in ${result.seconds} s${source.live === undefined ? "" : `; ${source.live.captureId}: ${source.live.messages} messages`}`);
}

export function registerServe(program: Command, context: CommandContext): void {
  const command = program
    .command("serve")
    .description("serve candles to other Tapedecks: a live recording, --replay of a capture, or --csv")
    .option("--pub <address>", "where the live stream is published (default tcp://127.0.0.1:5556; port * = any free one)")
    .option("--rpc <address>", "where requests are answered (default tcp://127.0.0.1:5557)")
    .option("--secure", "encrypt and let in trusted keys only; always so beyond this machine")
    .option("--capture <id>", "live: capture to begin or to continue")
    .option("--venue <venue>", "live: sim or binance; may be repeated (default sim)", collectWords)
    .option("--symbol <symbol>", "live: may be repeated or separated by commas", collectWords)
    .option("--endpoint <venue=url>", "live: other addresses, as for record", collectValues)
    .option("--seed <number>", "live: seed of the built-in simulator")
    .option("--rate <number>", "messages per second of the built-in simulator; with --csv rows per second (default: as fast as possible)")
    .option("--replay <capture>", "tell a capture of the data folder again")
    .option("--speed <speed>", "of --replay: asap, or a multiple of real time such as 10x (default 1x)")
    .option("--run-id <id>", "of --replay: names the run, so that serving it again goes on where it stopped")
    .option("--csv <file>", "tell the bars of a CSV file (docs/bridge/CSV.md)")
    .option("--source-id <id>", "of --csv: what the feed is called")
    .option("--wait-for-subscriber", "of --replay and --csv: begin when the first client asks for something")
    .option("--metrics <host:port>", "where /metrics and /health are (default: any free port of 127.0.0.1)")
    .option("--retain <length>", "keep this for backfill: an age such as 7d, or a number of entries per stream (default 200000)")
    .option("--heartbeat <length>", "of quiet streams (default 1s)")
    .option("--disk-low <size>", "live: warn below this much free space (default 2G, or two hours of recording)")
    .option("--disk-stop <size>", "live: stop the recording below it (default 512M, or a quarter of an hour)")
    .option("--for <length>", "stop after this long: 30s, 10m, 4h");
  defineCommand({ command, context, schema, run: (input) => serve(input, context) });
}
