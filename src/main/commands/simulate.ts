// `tapedeck simulate`: the venue simulator as a process of its own, for soaks, kill tests and other machines' recorders.
import type { Command } from "commander";
import { z } from "zod";
import { NodeClock, nodeTimers } from "../net/node-clock.ts";
import { startSimulator } from "../sim/server.ts";
import { defineCommand, commonOptions, optionText, type CommandContext, type ExitCode } from "./context.ts";
import { collectWords } from "./words.ts";

const schema = z.object({
  ...commonOptions,
  symbol: z.array(optionText.symbol).default(["BTCUSDT", "ETHUSDT", "SOLUSDT"]),
  port: optionText.count("port").optional(),
  seed: optionText.count("seed").default(1),
  rate: optionText.count("rate").optional(),
});
type Input = z.output<typeof schema>;

async function simulate(input: Input, context: CommandContext): Promise<ExitCode> {
  const { output } = context;
  const simulator = await startSimulator({
    seed: input.seed, symbols: input.symbol, clock: new NodeClock(), timers: nodeTimers,
    ...(input.port === undefined ? {} : { port: input.port }), ...(input.rate === undefined ? {} : { messagesPerSecond: input.rate }),
  });
  try {
    if (input.json) await output.json({ url: simulator.url, seed: input.seed, symbols: input.symbol });
    else await output.line(`Simulating ${input.symbol.join(", ")} at ${simulator.url}`);
    await output.flush();
    output.note(`Record it with: tapedeck record --venue sim --endpoint sim=${simulator.url} --symbol ${input.symbol.join(",")}; Ctrl-C stops.`);
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
    .description("the simulated exchange as a process of its own, on loopback")
    .option("--symbol <symbol>", "may be repeated or separated by commas", collectWords)
    .option("--port <number>", "default: any free one")
    .option("--seed <number>", "same seed and start, same market (default 1)")
    .option("--rate <number>", "messages per second");
  defineCommand({ command, context, schema, run: (input) => simulate(input, context) });
}
