// What `serve` serves: a recording that it starts and owns, or something that the serving process reads by itself.
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fault, type Fault } from "../../shared/base.ts";
import { DEFAULT_SOURCE, startLive } from "../compose.ts";
import type { BridgeShareOptions } from "../engine/bridge-share.ts";
import { useCapture } from "../engine/captures-use.ts";
import { HeadlessHealth } from "../engine/headless-health.ts";
import { lockDataFolder } from "../engine/data-lock.ts";
import type { LiveSource } from "../engine/live-source.ts";
import type { CommandContext } from "./context.ts";
import { captureFolder } from "./open-capture.ts";
import { diskLimitsOf } from "./measures.ts";
import type { ServeInput } from "./serve.ts";

export interface ServedSource {
  /** For people: `the recording live-sim`. */
  readonly name: string;
  readonly captureId: string | undefined;
  readonly what: BridgeShareOptions["what"];
  /** Where sequences are kept. */
  readonly folder: string;
  readonly live: LiveSource | undefined;
  /** Of the recording. */
  readonly health: HeadlessHealth | undefined;
  /** Idempotent. */
  close(reason: string): Promise<void>;
}

export interface SourceListener {
  onProblem(problem: Fault): void;
  /** Too little space to record on. */
  onDiskFull(why: Fault): void;
}

/** Faults: `log.locked`, `capture.unknown`, `record.*`, `disk.low`, those of the disk. */
export async function openServedSource(input: ServeInput, context: CommandContext, listener: SourceListener): Promise<ServedSource> {
  if (input.csv !== undefined) return csvSource(input, input.csv);
  return input.replay === undefined ? liveSource(input, context, listener) : replaySource(input, input.replay);
}

async function liveSource(input: ServeInput, context: CommandContext, { onProblem, onDiskFull }: SourceListener): Promise<ServedSource> {
  const lock = await lockDataFolder(input.data);
  try {
    const health = await HeadlessHealth.prepare({ dataFolder: input.data, limits: diskLimitsOf(input), onProblem, onDiskFull });
    const live = await startLive(
      {
        dataFolder: input.data, distMain: context.distMain, spool: true,
        request: {
          ...DEFAULT_SOURCE, venues: input.venue, symbols: input.symbol, endpoints: input.endpoint, captureId: input.capture,
          simulator: { seed: input.seed ?? DEFAULT_SOURCE.simulator.seed, messagesPerSecond: input.rate },
        },
      },
      { onPositions: () => undefined, onStatus: () => undefined, onProblem },
    );
    health.watch(live);
    let closing: Promise<void> | undefined;
    return {
      name: `the recording ${live.captureId}`, captureId: live.captureId, what: { live }, folder: join(input.data, "bridge"), live, health,
      close: (reason) => (closing ??= health.close().then(() => live.close(reason)).finally(() => lock.release())),
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** A replay without a name can never go on: its sequences are not worth keeping. */
async function replaySource(input: ServeInput, captureId: string): Promise<ServedSource> {
  const folder = await captureFolder(input.data, captureId);
  const letGo = await useCapture(folder);
  const kept = input.runId === undefined ? await scratch() : keptFolder(input);
  let closing: Promise<void> | undefined;
  return {
    name: `capture ${captureId}`, captureId, live: undefined, health: undefined, folder: kept.folder, close: () => (closing ??= letGo().finally(kept.close)),
    what: { spec: { kind: "replay", captureFolder: folder, captureId, speed: input.speed ?? 1, runId: input.runId ?? randomUUID(), held: input.waitForSubscriber } },
  };
}

function csvSource(input: ServeInput, file: string): ServedSource {
  const { sourceId } = input;
  if (sourceId === undefined) throw fault("cli.bad-option", "--csv needs --source-id");
  const kept = keptFolder(input);
  return {
    name: file, captureId: undefined, live: undefined, health: undefined, folder: kept.folder, close: kept.close,
    what: { spec: { kind: "csv", file: resolve(file), sourceId, rowsPerSecond: input.rate ?? 0, held: input.waitForSubscriber } },
  };
}

interface Kept {
  readonly folder: string;
  close(): Promise<void>;
}

async function scratch(): Promise<Kept> {
  const folder = await mkdtemp(join(tmpdir(), "tapedeck-serve-"));
  let removing: Promise<void> | undefined;
  return { folder, close: () => (removing ??= rm(folder, { recursive: true, force: true })) };
}

/** Also beside a recording of the same data folder: each history has a lock of its own. */
function keptFolder(input: ServeInput): Kept {
  return { folder: join(input.data, "bridge"), close: () => Promise.resolve() };
}
