// `tapedeck verify`: everything re-derived from the log and compared; MATCH, or the first difference and exit 1.
import { readFile, writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { z } from "zod";
import { FaultError, fault } from "../../shared/base.ts";
import { decodeCertificate, encodeCertificate, type Certificate } from "../derive/certificate.ts";
import type { Difference, Verification } from "../derive/verify.ts";
import { verifyFolder } from "../engine/verify-folder.ts";
import { commonOptions, defineCommand, optionText, type CommandContext, type ExitCode } from "./context.ts";
import { captureFolder, captureIds } from "./open-capture.ts";

const schema = z.object({
  ...commonOptions,
  capture: optionText.capture.optional(),
  certificate: z.string().min(1).optional(),
  writeCertificate: z.string().min(1).optional(),
});
type Input = z.output<typeof schema>;

function differenceObject(difference: Difference): Record<string, unknown> {
  const { segment, chunk, seq, streamId, what, expected, actual } = difference;
  return { segment: segment ?? null, chunk: chunk ?? null, seq: seq ?? null, stream_id: streamId ?? null, what, expected, actual };
}

function resultObject(captureId: string, verification: Verification): Record<string, unknown> {
  const { result, segments, events, candles, firstDifference, notes } = verification;
  return {
    result, segments, events, candles,
    ...(firstDifference === undefined ? {} : { first_difference: differenceObject(firstDifference) }),
    capture_id: captureId, notes,
  };
}

function differenceText(difference: Difference): readonly string[] {
  const { segment, chunk, seq, streamId, what, expected, actual } = difference;
  const place = [
    segment === undefined ? undefined : `segment ${segment}`,
    chunk === undefined ? undefined : `chunk ${chunk}`,
    seq === undefined ? "no event affected" : `first affected event seq ${seq}`,
    streamId,
  ];
  return [`  at ${place.filter((part) => part !== undefined).join(", ")}`, `  what: ${what}`, `  expected: ${expected}`, `  actual:   ${actual}`];
}

async function readCertificate(path: string): Promise<Certificate> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw fault("certificate.unreadable", `--certificate ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const decoded = decodeCertificate(bytes, path);
  if (!decoded.ok) throw new FaultError(decoded.fault);
  return decoded.value;
}

async function chooseCapture(input: Input): Promise<string> {
  if (input.capture !== undefined) return input.capture;
  const ids = await captureIds(input.data);
  const [only] = ids;
  if (ids.length === 1 && only !== undefined) return only;
  throw fault("capture.unknown", ids.length === 0 ? `no capture in ${input.data}` : `say which: --capture ${ids.join(" | ")}`);
}

async function verify(context: CommandContext, input: Input): Promise<ExitCode> {
  const { output } = context;
  const captureId = await chooseCapture(input);
  const folder = await captureFolder(input.data, captureId);
  const certificate = input.certificate === undefined ? undefined : await readCertificate(input.certificate);
  const verification = await verifyFolder({
    captureFolder: folder, stop: context.stop,
    onProgress: ({ phase, done, total }) => output.progress(`verifying ${phase}: ${done} of ${total}`),
    ...(certificate === undefined ? {} : { certificate }),
  });
  if (input.writeCertificate !== undefined) await writeCertificate(input.writeCertificate, verification, context);
  if (input.json) await output.json(resultObject(captureId, verification));
  else await report(captureId, verification, context);
  return verification.result === "MATCH" ? 0 : 1;
}

async function writeCertificate(path: string, verification: Verification, context: CommandContext): Promise<void> {
  if (verification.result !== "MATCH" || verification.certificate === undefined) {
    context.output.note(`tapedeck: no certificate written: the result is ${verification.result}`);
    return;
  }
  await writeFile(path, encodeCertificate(verification.certificate));
  context.output.note(`Certificate written to ${path}`);
}

async function report(captureId: string, verification: Verification, context: CommandContext): Promise<void> {
  const { result, segments, events, candles, firstDifference, notes } = verification;
  await context.output.line(`${result}  ${captureId}: ${segments} segments, ${events} events, ${candles} candle versions`);
  if (firstDifference !== undefined) for (const line of differenceText(firstDifference)) await context.output.line(line);
  for (const note of notes) await context.output.line(`  note: ${note}`);
}

export function registerVerify(program: Command, context: CommandContext): void {
  const command = program
    .command("verify")
    .description("re-derive everything and compare digests (exit 1 unless MATCH)")
    .option("--capture <id>", "which capture; not needed when there is only one")
    .option("--certificate <file>", "also compare with this certificate")
    .option("--write-certificate <file>", "write a certificate of what was verified");
  defineCommand({ command, context, schema, run: (input) => verify(context, input) });
}
