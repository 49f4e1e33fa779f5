// Limits that venues count per exchange and address: one memory for all collectors of this process, whatever is stopped and started; and bans,
// which also outlive the program, in `bans.json` of the data folder. Only the main thread uses this.
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { NodeClock, nodeTimers } from "../net/node-clock.ts";
import { msFromNs } from "../../shared/time.ts";
import type { VenueId } from "../../shared/market.ts";
import type { Endpoints } from "../venues/adapter.ts";
import type { SharedLimits } from "../venues/collector.ts";
import { createBudgetMemory, RateBudget } from "../venues/rate-budget.ts";
import { adapterFor } from "../venues/registry.ts";

/** Who shares limits: venues of one exchange, at one host. For as long as the process runs. */
const memories = new Map<string, SharedLimits>();

const FILE = "bans.json";
const fileSchema = z.strictObject({ format: z.literal(1), bans: z.record(z.string(), z.strictObject({ untilMs: z.number().int().nonnegative(), detail: z.string() })) });
type Bans = z.infer<typeof fileSchema>["bans"];
/** The same ban, counted down, differs by less. */
const SAME_BAN_MS = 2_000;

function keyOf(venue: VenueId, endpoints: Endpoints): string {
  const sharedAs = adapterFor(venue)?.budget.sharedAs ?? venue;
  const rest = endpoints["rest"];
  return `${sharedAs}@${rest !== undefined && URL.canParse(rest) ? new URL(rest).host : ""}`;
}

export class VenueLimits {
  readonly #file: string;
  readonly #clock = new NodeClock();
  #bans: Bans;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: string, bans: Bans) {
    this.#file = file;
    this.#bans = bans;
  }

  /** Reads the bans of earlier runs. A file that cannot be read or understood counts as none, since the venue would say so again; it is replaced with the next ban. */
  static async open(dataFolder: string): Promise<VenueLimits> {
    const file = join(dataFolder, FILE);
    const text = await readFile(file, "utf8").catch(() => undefined);
    let parsed: unknown;
    try {
      parsed = text === undefined ? undefined : JSON.parse(text);
    } catch {
      parsed = undefined;
    }
    const saved = fileSchema.safeParse(parsed);
    return new VenueLimits(file, saved.success ? saved.data.bans : {});
  }

  #nowMs(): number {
    return msFromNs(this.#clock.wallNs());
  }

  of(venue: VenueId, endpoints: Endpoints): SharedLimits {
    const key = keyOf(venue, endpoints);
    const known = memories.get(key);
    if (known !== undefined) return known;
    const limits = { requests: createBudgetMemory(), connects: createBudgetMemory() };
    memories.set(key, limits);
    const ban = this.#bans[key];
    const leftMs = (ban?.untilMs ?? 0) - this.#nowMs();
    const budget = adapterFor(venue)?.budget;
    if (ban !== undefined && leftMs > 0 && budget !== undefined) {
      new RateBudget({ ...budget, clock: this.#clock, timers: nodeTimers, memory: limits.requests }).stopFor("banned", leftMs, ban.detail);
    }
    return limits;
  }

  /** A venue's collector says that it is banned for so long. Written when it is a new or a longer ban. */
  banned(venue: VenueId, endpoints: Endpoints, leftMs: number, detail: string): void {
    const key = keyOf(venue, endpoints);
    const nowMs = this.#nowMs();
    const untilMs = Math.ceil(nowMs + leftMs);
    if (untilMs <= (this.#bans[key]?.untilMs ?? 0) + SAME_BAN_MS) return;
    const inForce = Object.entries(this.#bans).filter(([, ban]) => ban.untilMs > nowMs);
    this.#bans = { ...Object.fromEntries(inForce), [key]: { untilMs, detail: detail.slice(0, 400) } };
    const text = `${JSON.stringify({ format: 1, bans: this.#bans } satisfies z.infer<typeof fileSchema>, undefined, 2)}\n`;
    this.#writing = this.#writing.then(async () => {
      await writeFile(`${this.#file}.new`, text);
      await rename(`${this.#file}.new`, this.#file);
    }).catch(() => undefined); // A full disk is the recorder's to tell; the ban holds in this process all the same.
  }

  /** Resolves when what was noted is on the disk. */
  async close(): Promise<void> {
    await this.#writing;
  }
}
