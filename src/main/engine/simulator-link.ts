// The built-in simulator as the main thread sees it: a thread with a loopback server, an identity and a fault menu.
import { readFile, writeFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import type { Endpoints } from "../venues/adapter.ts";
import { Thread, threadEntry } from "./thread.ts";
import type { SimulatorCall, SimulatorData } from "./thread-messages.ts";

const markSchema = z.strictObject({ seed: z.number().int(), startMs: z.number().int(), symbols: z.array(z.string()), messagesPerSecond: z.number().optional() });
type MarketMark = z.infer<typeof markSchema>;

/**
 * A recorder that restarts continues the same capture, so the market must go on too: what makes it is kept beside the
 * capture, and the simulator plays the time in between again.
 */
async function marketOf(captureFolder: string, wanted: MarketMark): Promise<MarketMark> {
  const file = `${captureFolder}.market.json`;
  let text: string | undefined;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  if (text === undefined) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `${JSON.stringify(wanted)}\n`);
    return wanted;
  }
  const parsed = markSchema.safeParse(JSON.parse(text));
  if (!parsed.success) throw fault("sim.bad-market", `${file} does not describe a simulated market: delete it to begin a new one in another capture`);
  return parsed.data;
}

export class SimulatorLink {
  readonly endpoints: Endpoints;
  /** Names the market in the log's configuration: equal identities, equal messages. */
  readonly identity: Endpoints;
  readonly #thread: Thread<SimulatorCall, never, never>;

  private constructor(thread: Thread<SimulatorCall, never, never>, endpoints: Endpoints, identity: Endpoints) {
    this.#thread = thread;
    this.endpoints = endpoints;
    this.identity = identity;
  }

  static async start(options: {
    readonly distMain: URL; readonly symbols: readonly string[]; readonly captureFolder: string; readonly seed: number; readonly messagesPerSecond: number | undefined;
  }): Promise<SimulatorLink> {
    const wanted: MarketMark = {
      seed: options.seed, startMs: Date.now(), symbols: [...options.symbols],
      ...(options.messagesPerSecond === undefined ? {} : { messagesPerSecond: options.messagesPerSecond }),
    };
    const market = await marketOf(options.captureFolder, wanted);
    const data: SimulatorData = { seed: market.seed, startMs: market.startMs, symbols: market.symbols, messagesPerSecond: market.messagesPerSecond };
    const thread = new Thread<SimulatorCall, never, never>({
      entry: threadEntry(options.distMain, "simulator"),
      name: "simulator",
      data,
      onNote: () => undefined,
      onDeath: () => undefined, // the collector sees the socket close and says so
    });
    const { endpoints } = await thread.call<{ endpoints: Endpoints }>({ type: "open" });
    return new SimulatorLink(thread, endpoints, { simulator: `seed ${market.seed} from ${market.startMs}` });
  }

  fault(name: string, amount: number | undefined): Promise<{ readonly applied: string }> {
    return this.#thread.call({ type: "fault", name, amount });
  }

  close(): Promise<void> {
    return this.#thread.close({ type: "close" });
  }
}
