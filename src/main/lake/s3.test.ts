// The lake to S3, against a real S3-compatible server on loopback: parts, taking up, refusals. TAPEDECK_S3_ENDPOINT names another server to use.
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, type S3Client } from "@aws-sdk/client-s3";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FaultError } from "../../shared/base.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { EXPORT_MANIFEST, exportLake, type LakeExportReport } from "./export-lake.ts";
import { madeBytes, putPartition } from "./export.testkit.ts";
import { parseS3Address } from "./s3-address.ts";
import { PART_BYTES_MIN, S3Target, createS3Client, type S3TargetOptions } from "./s3-target.ts";
import { UPLOADS_FILE, Uploads } from "./s3-uploads.ts";

/** The package has no types of its own. */
const S3rver = createRequire(import.meta.url)("s3rver") as new (options: { port: number; address: string; silent: boolean; directory: string }) => { run(): Promise<{ port: number }>; close(): Promise<void> };
const OTHER_SERVER = process.env["TAPEDECK_S3_ENDPOINT"];
const disk = new NodeDisk();
/** Three parts, the last of them small. */
const LARGE = madeBytes(7, 2 * PART_BYTES_MIN + 12_345);
const SMALL = madeBytes(8, 1_000);
const KEY = "exchange=binance/stream=trade/symbol=btcusdt/date=20240808/data.parquet";

// Comparing 10 MB byte by byte takes the test framework half a minute.
const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

let folder: string;
let server: { readonly endpoint: string; close(): Promise<void> };
let client: S3Client;
let capture: string;
let bucket: string;
let number = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tapedeck-s3-"));
  if (OTHER_SERVER === undefined) {
    process.env["AWS_ACCESS_KEY_ID"] = "S3RVER";
    process.env["AWS_SECRET_ACCESS_KEY"] = "S3RVER";
    const running = new S3rver({ port: 0, address: "127.0.0.1", silent: true, directory: join(folder, "s3") });
    const { port } = await running.run();
    server = { endpoint: `http://127.0.0.1:${port}`, close: () => running.close() };
  } else server = { endpoint: OTHER_SERVER, close: async () => undefined };
  client = createS3Client({ endpoint: server.endpoint });
});
afterAll(async () => {
  client.destroy();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  number += 1;
  bucket = `tapedeck-${process.pid}-${number}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  capture = await mkdtemp(join(folder, "capture-"));
  await putPartition(capture, { captureId: "one", symbol: "btcusdt", bytes: LARGE, rows: 10 });
  await putPartition(capture, { captureId: "one", symbol: "ethusdt", bytes: SMALL, rows: 5 });
});
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function exported(options: Partial<S3TargetOptions> & { readonly captureId?: string; readonly onProgress?: (progress: { done: number; total: number }) => void; readonly abort?: boolean } = {}): Promise<LakeExportReport> {
  const target = new S3Target({
    disk, address: parseS3Address(`s3://${bucket}/desk/one`), access: { endpoint: server.endpoint }, uploads: await Uploads.open(disk, capture), partBytes: PART_BYTES_MIN, attempts: 2, ...options,
  });
  try {
    return await exportLake({
      disk, captureFolder: capture, captureId: options.captureId ?? "one", toSeq: 2, target, ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
      ...(options.stop === undefined ? {} : { stop: options.stop }),
    });
  } finally {
    if (options.abort === true) await target.abortUploads();
    target.close();
  }
}

async function object(key: string): Promise<Buffer> {
  const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: `desk/one/${key}` }));
  return Buffer.from(await answer.Body!.transformToByteArray());
}

async function keys(): Promise<readonly string[]> {
  const answer = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
  return (answer.Contents ?? []).map(({ Key }) => Key ?? "").sort();
}

interface Request { readonly method: string; readonly url: URL }

/** In front of the server: sees every request, and answers instead of it where told. */
async function proxied(answer: (request: Request) => number | undefined | Promise<number | undefined>): Promise<{ readonly endpoint: string; readonly seen: Request[] }> {
  const seen: Request[] = [];
  const { hostname, port } = new URL(server.endpoint);
  const { request: ask } = await import("node:http");
  const proxy: Server = createServer((incoming, outgoing) => {
    const request = { method: incoming.method ?? "", url: new URL(incoming.url ?? "/", server.endpoint) };
    seen.push(request);
    void Promise.resolve(answer(request)).then((status) => {
      if (status !== undefined) {
        incoming.resume();
        outgoing.writeHead(status).end();
        return;
      }
      // The host that was signed goes with it.
      const forward = ask({ hostname, port, path: incoming.url, method: incoming.method, headers: incoming.headers }, (reply) => {
        outgoing.writeHead(reply.statusCode ?? 500, reply.headers);
        reply.pipe(outgoing);
      });
      forward.on("error", () => outgoing.destroy());
      incoming.pipe(forward);
    });
  });
  await new Promise<void>((resolve) => { proxy.listen(0, "127.0.0.1", resolve); });
  closing.push(() => new Promise((resolve) => { proxy.closeAllConnections(); proxy.close(() => { resolve(); }); }));
  return { endpoint: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, seen };
}

const parts = (seen: readonly Request[]): readonly string[] => seen.filter(({ method, url }) => method === "PUT" && url.searchParams.has("partNumber")).map(({ url }) => url.searchParams.get("partNumber")!).sort();

describe("export to S3", () => {
  test("files in parts and whole, verified, with a manifest; a second run sends nothing", async () => {
    const watch = await proxied(() => undefined);
    const shares: number[] = [];
    const report = await exported({ access: { endpoint: watch.endpoint }, onProgress: ({ done, total }) => { shares.push(done / total); } });
    expect(report).toMatchObject({ files: 4, skipped: 0, rows: 15 });
    expect(parts(watch.seen)).toEqual(["1", "2", "3"]);
    expect(digest(await object(KEY))).toBe(digest(LARGE));
    expect(digest(await object(KEY.replace("btc", "eth")))).toBe(digest(SMALL));
    expect(JSON.parse((await object(EXPORT_MANIFEST)).toString("utf8"))).toMatchObject({ capture_id: "one", rows: 15, log_root: report.root });
    expect(await keys()).toHaveLength(5);
    expect(shares.at(-1)).toBe(1);
    expect(await disk.size(join(capture, UPLOADS_FILE))).toBeUndefined();
    const again = await proxied(() => undefined);
    expect(await exported({ access: { endpoint: again.endpoint } })).toMatchObject({ skipped: 4 });
    expect(again.seen.filter(({ method, url }) => method === "PUT" && url.pathname.endsWith("parquet"))).toEqual([]);
  });

  test("stopped between two parts: the next run sends only what is missing", async () => {
    const stop = new AbortController();
    let sent = 0;
    // The second part and all after it never get an answer before the stop.
    const stuck = await proxied(({ method, url }) => {
      if (method !== "PUT" || !url.searchParams.has("partNumber")) return undefined;
      sent += 1;
      return url.searchParams.get("partNumber") === "1" ? undefined : new Promise<never>(() => undefined);
    });
    const endpoint = stuck.endpoint;
    await expect(exported({ access: { endpoint }, stop: stop.signal, onProgress: ({ done }) => { if (done >= PART_BYTES_MIN) stop.abort(); } })).rejects.toMatchObject({ fault: { code: "export.stopped" } });
    expect(sent).toBeGreaterThan(0);
    const state = JSON.parse(await readFile(join(capture, UPLOADS_FILE), "utf8")) as { uploads: Record<string, { parts: Record<string, unknown> }> };
    expect(Object.values(state.uploads).map((upload) => Object.keys(upload.parts))).toEqual([["1"]]);
    expect(await keys()).not.toContain(`desk/one/${KEY}`);

    // The same address serves again: uploads are remembered by where they went.
    const seen = stuck.seen.length;
    const open = await proxied(() => undefined);
    await rewriteState(endpoint, open.endpoint);
    await exported({ access: { endpoint: open.endpoint } });
    expect(parts(open.seen)).toEqual(["2", "3"]);
    expect(stuck.seen).toHaveLength(seen);
    expect(digest(await object(KEY))).toBe(digest(LARGE));
    expect(await disk.size(join(capture, UPLOADS_FILE))).toBeUndefined();
  });

  async function rewriteState(from: string, to: string): Promise<void> {
    const path = join(capture, UPLOADS_FILE);
    await disk.replaceFile(path, Buffer.from((await readFile(path, "utf8")).replaceAll(from, to)));
  }

  test("parts of a file that has changed since are not used; a cancel gives up only when told", async () => {
    const stop = new AbortController();
    const stuck = await proxied(({ url }) => (url.searchParams.get("partNumber") === "3" ? new Promise<never>(() => undefined) : undefined));
    const run = (abort: boolean): Promise<unknown> => exported({ access: { endpoint: stuck.endpoint }, stop: stop.signal, abort, onProgress: ({ done }) => { if (done >= 2 * PART_BYTES_MIN) stop.abort(); } });
    await expect(run(false)).rejects.toMatchObject({ fault: { code: "export.stopped" } });
    expect(await disk.size(join(capture, UPLOADS_FILE))).toBeDefined();
    const other = madeBytes(9, LARGE.length);
    await putPartition(capture, { captureId: "one", symbol: "btcusdt", bytes: other, rows: 10 });
    const open = await proxied(() => undefined);
    await rewriteState(stuck.endpoint, open.endpoint);
    await exported({ access: { endpoint: open.endpoint } });
    expect(parts(open.seen)).toEqual(["1", "2", "3"]);
    expect(digest(await object(KEY))).toBe(digest(other));
  });

  test("a cancel that says so forgets what was begun", async () => {
    const stop = new AbortController();
    const stuck = await proxied(({ url }) => (url.searchParams.get("partNumber") === "3" ? new Promise<never>(() => undefined) : undefined));
    await expect(exported({ access: { endpoint: stuck.endpoint }, stop: stop.signal, abort: true, onProgress: ({ done }) => { if (done >= 2 * PART_BYTES_MIN) stop.abort(); } })).rejects.toMatchObject({ fault: { code: "export.stopped" } });
    expect(stuck.seen.some(({ method, url }) => method === "DELETE" && url.searchParams.has("uploadId"))).toBe(true);
    expect(await disk.size(join(capture, UPLOADS_FILE))).toBeUndefined();
  });

  test("a server that fails for a moment is asked again", async () => {
    const failed = new Set<string>();
    const shaky = await proxied(({ method, url }) => {
      const what = `${method} ${url.pathname} ${url.searchParams.get("partNumber") ?? ""}`;
      if (failed.has(what)) return undefined;
      failed.add(what);
      return method === "PUT" ? 503 : undefined;
    });
    await exported({ access: { endpoint: shaky.endpoint }, attempts: 3 });
    expect(digest(await object(KEY))).toBe(digest(LARGE));
  });

  test("an object that is not what was sent is never called exported", async () => {
    await exported();
    // Somebody else's object of the same size lies there.
    const { PutObjectCommand } = await import("@aws-sdk/client-s3");
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: `desk/one/${KEY}`, Body: madeBytes(1, LARGE.length) }));
    expect(await exported()).toMatchObject({ skipped: 3 });
    expect(digest(await object(KEY))).toBe(digest(LARGE));
  });

  async function refusal(options: Parameters<typeof exported>[0]): Promise<{ readonly code: string; readonly message: string }> {
    try {
      await exported(options);
    } catch (error) {
      if (error instanceof FaultError) return error.fault;
      throw error;
    }
    throw new Error("it should have been refused");
  }

  test("what goes wrong is one line that says what to do", async () => {
    await exported();
    expect(await refusal({ captureId: "two" })).toMatchObject({ code: "export.other-capture" });
    expect(await refusal({ address: parseS3Address("s3://no-such-bucket-here/x") })).toMatchObject({ code: "export.s3-no-bucket", message: expect.stringContaining("make it first") as string });
    expect(await refusal({ access: { endpoint: "http://127.0.0.1:1" }, attempts: 1 })).toMatchObject({ code: "export.s3-unreachable", message: expect.stringContaining("ECONNREFUSED") as string });
    const denied = await proxied(() => 403);
    expect(await refusal({ access: { endpoint: denied.endpoint } })).toMatchObject({ code: "export.s3-denied" });
    const broken = await proxied(({ method }) => (method === "PUT" ? 500 : undefined));
    expect(await refusal({ access: { endpoint: broken.endpoint }, attempts: 2 })).toMatchObject({ code: "export.s3-failed", message: expect.stringContaining("goes on where it stopped") as string });
  });

  test.each(["s3://", "s3://A", "s3://ab", "s3://bucket/a//b", "s3://buck et/x"])("%s is no address", (text) => {
    expect(() => parseS3Address(text)).toThrow("s3://bucket/prefix");
  });
});
