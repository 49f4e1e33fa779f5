// How a command refuses input with gaps: before any output, one line per interval on stderr, one object with --json, exit code 1.
import { intervalLine, refusalObject, type GapRefusal } from "../derive/gap-free.ts";
import type { CommandContext, ExitCode } from "./context.ts";

export async function refuseGaps(context: CommandContext, json: boolean, refusal: GapRefusal): Promise<ExitCode> {
  context.output.note(`tapedeck: ${refusal.fault.message}`);
  for (const interval of refusal.intervals) context.output.note(intervalLine(interval));
  if (json) await context.output.json(refusalObject(refusal));
  return 1;
}
