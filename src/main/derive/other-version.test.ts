// Candles and certificates of an earlier canonicalizer: said so, never called damage, and derived again beside what there was.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CANONICALIZER_VERSION } from "../canonical/types.ts";
import { hftLine, runImport, START_MS, testFolder, tradeMessage } from "../importers/import.testkit.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { decoderLookup } from "../venues/registry.ts";
import type { Certificate } from "./certificate.ts";
import { createDeriver } from "./deriver.ts";
import { verifyCapture, type Verification } from "./verify.ts";

const disk = new NodeDisk();

async function deriveAll(captureFolder: string): Promise<void> {
  const reader = await openReader({ disk, folder: captureFolder });
  const deriver = await createDeriver({ disk, captureFolder, reader, decoders: decoderLookup, sha256 });
  await deriver.advance();
  await deriver.finish();
  await deriver.close();
  await reader.close();
}

function verify(captureFolder: string, certificate?: Certificate): Promise<Verification> {
  return verifyCapture({
    disk, captureFolder, decoders: decoderLookup, sha256, openReader: () => openReader({ disk, folder: captureFolder }),
    checkLog: () => Promise.resolve({ findings: [], segments: 1, events: 0 }), ...(certificate === undefined ? {} : { certificate }),
  });
}

test("another canonicalizer's candles and certificate are OTHER_VERSION, and match once derived again", async () => {
  await using folder = await testFolder();
  let text = "";
  for (let id = 1; id <= 40; id += 1) {
    const ms = START_MS + id * 400;
    text += hftLine(BigInt(ms + 20) * 1_000_000n, tradeMessage({ id, ms, price: "100.5", symbol: "BTCUSDT", maker: false, qty: "0.1" }));
  }
  const capture = (await runImport(folder.path, { files: [await folder.write("a.txt", text)] })).folder;
  await deriveAll(capture);
  const checkpoint = join(capture, "candles", "checkpoint");
  const bytes = await readFile(checkpoint, "latin1");
  await writeFile(checkpoint, bytes.replace(/"canonicalizer_version":"[^"]*"/, '"canonicalizer_version":"1"'), "latin1");
  const stale = await verify(capture);
  expect([stale.result, stale.firstDifference]).toEqual(["OTHER_VERSION", undefined]);
  expect(stale.notes.join()).toContain(`made by canonicalizer version 1, this is version ${CANONICALIZER_VERSION}`);

  await deriveAll(capture);
  const again = await verify(capture);
  expect(again.result).toBe("MATCH");
  const { certificate } = again;
  expect(certificate?.canonicalizer_version).toBe(CANONICALIZER_VERSION);
  if (certificate === undefined) return;
  expect((await verify(capture, certificate)).result).toBe("MATCH");
  expect((await verify(capture, { ...certificate, canonicalizer_version: "1" })).result).toBe("OTHER_VERSION");
});
