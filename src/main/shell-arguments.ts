// The words after `npm start`: one small set for both shells, checked before anything starts.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { fault } from "../shared/base.ts";
import { defaultDataFolder } from "./commands/context.ts";
import { byteSize, diskLimitsOf, hostAndPort } from "./commands/measures.ts";
import { DEFAULT_SOURCE, type ShellArguments } from "./compose.ts";

export const SHELL_USAGE = `Usage: npm start -- [--data DIR] [--port N] [--no-open] [--venue sim|binance …] [--symbol S …]
                    [--endpoint venue=url …] [--capture ID] [--seed N] [--rate MESSAGES_PER_SECOND]
                    [--metrics [HOST:]PORT] [--disk-low SIZE] [--disk-stop SIZE]`;

function wholeNumber(name: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > most) throw fault("usage", `--${name} ${JSON.stringify(text)} is not a whole number up to ${most}`);
  return value;
}

/** Throws `usage` faults that name the word. */
export function parseShellArguments(argv: readonly string[]): ShellArguments {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        data: { type: "string" }, port: { type: "string" }, "no-open": { type: "boolean" }, venue: { type: "string", multiple: true },
        symbol: { type: "string", multiple: true }, endpoint: { type: "string", multiple: true }, capture: { type: "string" },
        seed: { type: "string" }, rate: { type: "string" }, metrics: { type: "string" }, "disk-low": { type: "string" }, "disk-stop": { type: "string" },
      },
    }));
  } catch (error) {
    throw fault("usage", `${(error as Error).message}\n${SHELL_USAGE}`);
  }
  const size = (name: "disk-low" | "disk-stop"): number | undefined => (values[name] === undefined ? undefined : byteSize(name).parse(values[name]));
  const split = (words: readonly string[] | undefined): readonly string[] => (words ?? []).flatMap((word) => word.split(",")).filter((word) => word !== "");
  return {
    dataFolder: resolve(values.data ?? defaultDataFolder()),
    port: wholeNumber("port", values.port, 65_535),
    open: values["no-open"] !== true,
    metrics: values.metrics === undefined ? undefined : hostAndPort.parse(values.metrics),
    diskLimits: diskLimitsOf({ diskLow: size("disk-low"), diskStop: size("disk-stop") }),
    request: {
      venues: split(values.venue), symbols: split(values.symbol), endpoints: values.endpoint ?? [], captureId: values.capture,
      simulator: { seed: wholeNumber("seed", values.seed, 2 ** 31) ?? DEFAULT_SOURCE.simulator.seed, messagesPerSecond: wholeNumber("rate", values.rate, 100_000) },
    },
  };
}
