// `tapedeck simulate`: the simulated venues as a process of its own, for soaks, kill tests and other machines' recorders.
import type { Command } from "commander";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import { venueFromText } from "../../shared/market.ts";
import { NodeClock, nodeTimers } from "../net/node-clock.ts";
import { isSimulatedVenue, SIMULATED_VENUES, type SimulatedVenueId } from "../sim/dialects.ts";
import { startSimulator, type Simulator } from "../sim/server.ts";
import { DEFAULT_SYMBOLS } from "../sim/specs.ts";
import { defineCommand, commonOptions, optionText, type CommandContext, type ExitCode } from "./context.ts";
import { collectWords } from "./words.ts";

const schema = z.object({
  ...commonOptions,
  venue: z.array(z.string()).default(["sim"]),
  symbol: z.array(optionText.symbol).default([...DEFAULT_SYMBOLS]),
  port: optionText.count("port").optional(),
  seed: optionText.count("seed").default(1),
  rate: optionText.count("rate").optional(),
});
type Input = z.output<typeof schema>;

/** Market made before the start, for REST to show: an hour, or less of a fast market, so that it begins at once. */
const WARM_MESSAGES = 600_000;
const WARM_MS_MAX = 3_600_000;
const RATE_OTHERWISE = 300;

function venuesOf(words: readonly string[]): readonly SimulatedVenueId[] {
  const venues = words.map((word) => {
    const venue = venueFromText(word) ?? word;
    if (isSimulatedVenue(venue)) return venue;
    throw fault("cli.bad-option", `--venue ${word}: the simulator speaks as ${SIMULATED_VENUES.join(", ")}`);
  });
  const isDoubled = new Set(venues).size < venues.length || (venues.includes("sim") && venues.includes("binance-usdm"));
  if (isDoubled) throw fault("cli.bad-option", `--venue ${words.join(",")}: each venue once, and sim or binance-usdm, which have the same paths`);
  return venues;
}

function hint(simulator: Simulator, { symbol }: Input): string {
  const words = simulator.venues.map(({ venue }) => `--venue ${venue} --endpoint ${venue}=${simulator.url}`);
  return `Record it with: tapedeck record ${words.join(" ")} --symbol ${symbol.join(",")}; Ctrl-C stops.`;
}

async function simulate(input: Input, context: CommandContext): Promise<ExitCode> {
  const { output } = context;
  const venues = venuesOf(input.venue);
  const simulator = await startSimulator({
    seed: input.seed, venues, symbols: input.symbol, clock: new NodeClock(), timers: nodeTimers, warmMs: Math.min(WARM_MS_MAX, Math.round((WARM_MESSAGES / (input.rate ?? RATE_OTHERWISE)) * 1_000)),
    ...(input.port === undefined ? {} : { port: input.port }), ...(input.rate === undefined ? {} : { messagesPerSecond: input.rate, steady: true }),
  });
  try {
    if (input.json) await output.json({ url: simulator.url, seed: input.seed, venues, symbols: input.symbol, endpoints: Object.fromEntries(venues.map((venue) => [venue, simulator.endpointsOf(venue)])) });
    else await output.line(`Simulating ${input.symbol.join(", ")} of ${venues.join(", ")} at ${simulator.url}`);
    await output.flush();
    output.note(hint(simulator, input));
    await new Promise<void>((resolve) => {
      if (context.stop.aborted) resolve();
      context.stop.addEventListener("abort", () => { resolve(); }, { once: true });
    });
  } finally {
    await simulator.close();
  }
  return 0;
}

export function registerSimulate(program: Command, context: CommandContext): void {
  const command = program
    .command("simulate")
    .description("the simulated venues as a process of their own, on one port of the loopback")
    .option("--venue <venue>", "whose wire is spoken: sim (default), binance, bybit, okx; may be repeated or separated by commas", collectWords)
    .option("--symbol <symbol>", "may be repeated or separated by commas", collectWords)
    .option("--port <number>", "default: any free one")
    .option("--seed <number>", "same seed and start, same market (default 1)")
    .option("--rate <number>", "messages per second over all venues and symbols, kept exactly (default: about 300, as lively as the market is)");
  defineCommand({ command, context, schema, run: (input) => simulate(input, context) });
}
