// A file system that is really full or really read-only, DuckDB's own writes included; and the bytes of a compacted capture, pinned.
import { execFileSync } from "node:child_process";
import { cp, mkdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FaultError } from "../../shared/base.ts";
import { lakeFiles, makeCapture, MIXED, removeRoot, testRoot, withLake, type Wire } from "./lake.testkit.ts";

let root: string;
const mounted: string[] = [];
beforeAll(async () => { root = await testRoot(); });
afterAll(async () => {
  for (const folder of mounted) execFileSync("umount", [folder]);
  await removeRoot(root);
});

/** A file system of its own, of so many kilobytes. Undefined: this user may not make one. */
async function fileSystem(name: string, kilobytes: number): Promise<string | undefined> {
  const folder = join(root, name);
  await mkdir(folder);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "tapedeck-test", folder], { stdio: "ignore" });
  } catch {
    return undefined; // The test says that it was skipped.
  }
  mounted.push(folder);
  return folder;
}

function remount(folder: string, option: string): void {
  execFileSync("mount", ["-o", `remount,${option}`, folder]);
}

async function faultOf(run: Promise<unknown>): Promise<{ readonly code: string; readonly message: string }> {
  try {
    await run;
  } catch (error) {
    if (error instanceof FaultError) return error.fault;
    throw error;
  }
  return { code: "none", message: "" };
}

const MANY: readonly Wire[] = Array.from({ length: 6_000 }, (_, n): Wire =>
  ({ kind: "quote", venue: "sim", symbol: n % 2 === 0 ? "BTCUSDT" : "ETHUSDT", ms: n * 31, bid: `${61_000 + ((n * 7_919) % 1_000)}.${(n * 31) % 100}`, updateId: n * 1_000_003 }));

async function visible(folder: string): Promise<readonly (readonly [string, string])[]> {
  return Object.entries(await lakeFiles(folder)).filter(([name]) => name.endsWith(".parquet"));
}

test("a full file system, wherever it fills up: one clear line, nothing partial visible, and room is all it takes", async (context) => {
  const original = await makeCapture(join(root, "many"), MANY, 2_000);
  const free = join(root, "free");
  await cp(original.folder, free, { recursive: true });
  await withLake(free, {}, (lake) => lake.compact());
  const truth = Object.fromEntries(await visible(free));
  let full = 0;
  for (let kilobytes = 8; kilobytes < 900; kilobytes = Math.ceil(kilobytes * 2)) {
    const folder = await fileSystem(`full-${kilobytes}`, 4_096);
    if (folder === undefined) return context.skip("needs the right to mount a file system (root)");
    await cp(original.folder, folder, { recursive: true });
    const { blocks, bfree, bsize } = await statfs(folder);
    // The log fits, and so many kilobytes more.
    remount(folder, `size=${Math.ceil(((blocks - bfree) * bsize) / 1_024) + kilobytes}k`);
    const told = await faultOf(withLake(folder, {}, (lake) => lake.compact()));
    for (const [name, digest] of await visible(folder)) expect([name, digest]).toEqual([name, truth[name]]);
    remount(folder, "size=8192k");
    if (told.code !== "none") {
      full += 1;
      expect(told.code, told.message).toBe("disk.full");
      expect(told.message).toMatch(/the disk is full: free some space/);
      expect(told.message).not.toContain("\n");
    }
    const report = await withLake(folder, {}, (lake) => lake.compact());
    expect(report.differences).toEqual([]);
    expect(Object.fromEntries(await visible(folder))).toEqual(truth);
  }
  // Otherwise nothing was put to the test.
  expect(full).toBeGreaterThan(2);
}, 120_000);

test("a read-only file system: one clear line; what is there can still be checked", async (context) => {
  const original = await makeCapture(join(root, "mixed"), MIXED, 5);
  const folder = await fileSystem("read-only", 4_096);
  if (folder === undefined) return context.skip("needs the right to mount a file system (root)");
  await cp(original.folder, folder, { recursive: true });
  remount(folder, "ro");
  const told = await faultOf(withLake(folder, {}, (lake) => lake.compact()));
  expect(told.code, told.message).toBe("disk.read-only");
  expect(told.message).not.toContain("\n");
  remount(folder, "rw");
  await withLake(folder, {}, (lake) => lake.compact());
  const before = await lakeFiles(folder);
  remount(folder, "ro");
  expect((await faultOf(withLake(folder, {}, (lake) => lake.compact()))).code).toBe("disk.read-only");
  expect(await withLake(folder, {}, (lake) => lake.check(join(root, "scratch")))).toMatchObject({ differences: [], thorough: true });
  expect(await lakeFiles(folder)).toEqual(before);
}, 60_000);

test("the bytes are the same for any number of threads and any memory", async () => {
  const original = await makeCapture(join(root, "threads"), MANY, 1_000);
  const made: Readonly<Record<string, string>>[] = [];
  for (const settings of [{ threads: 1, memoryMegabytes: 512 }, { threads: 4, memoryMegabytes: 2_000 }, { threads: 2, memoryMegabytes: 64 }]) {
    const folder = join(root, `threads-${settings.threads}`);
    await cp(original.folder, folder, { recursive: true });
    await withLake(folder, { settings }, (lake) => lake.compact());
    made.push(await lakeFiles(folder));
  }
  expect(made[1]).toEqual(made[0]);
  expect(made[2]).toEqual(made[0]);
}, 60_000);

test("the bytes of a fixed capture (another DuckDB may write others: then say so in schemas/PARQUET.md and pin them anew)", async () => {
  const { folder } = await makeCapture(join(root, "golden"), MIXED, 5);
  await withLake(folder, {}, (lake) => lake.compact());
  expect(Object.fromEntries(Object.entries(await lakeFiles(folder)).filter(([name]) => name.startsWith("compact/")))).toMatchInlineSnapshot(`
    {
      "compact/exchange=binance-spot/stream=bbo/symbol=btcusdt/date=20240115/data.json": "3b32696d5fd6a3addd2a50039cf0502defb2237142059777b25a2cae2fe10ce6",
      "compact/exchange=binance-spot/stream=bbo/symbol=btcusdt/date=20240115/data.parquet": "800ab44e0d187588737aba997dded6f184eda08563964d3c448571f8b446d19d",
      "compact/exchange=binance/stream=bbo/symbol=btcusdt/date=20240114/data.json": "fb9849515b7254c35edff12740c2bb87a5be7d90e152da7f03747715698295d6",
      "compact/exchange=binance/stream=bbo/symbol=btcusdt/date=20240114/data.parquet": "b2e7f8f20273b400f4b69dc0c8f892568d88a85eae8189f8916a66a0a26b3773",
      "compact/exchange=binance/stream=trade/symbol=btcusdt/date=20240114/data.json": "50326808aa5d394b4cfd2c24f0c404115db354f45aa2d048d8ea2a9cc29b70d3",
      "compact/exchange=binance/stream=trade/symbol=btcusdt/date=20240114/data.parquet": "58e7987a662305c3cee932ebf4e0ce631c4e7f09acc7af52c03647f375bc293b",
      "compact/exchange=binance/stream=trade/symbol=btcusdt/date=20240115/data.json": "070dcd5f72a2ec53e635e9e4ce0ffb601f346a07150e535da975eec8d82a6d53",
      "compact/exchange=binance/stream=trade/symbol=btcusdt/date=20240115/data.parquet": "dca201362a72e751fac03e4b49b32fec30e48cf26d2fbd198853047a81e02345",
      "compact/exchange=bybit/stream=mark_price/symbol=1000pepeusdt/date=20240114/data.json": "b532cb788e469b364ead3c74f05b4d29216ffa3ebda0b212b792e33fb6fe3af4",
      "compact/exchange=bybit/stream=mark_price/symbol=1000pepeusdt/date=20240114/data.parquet": "1bed943507764c2896fc855fe4f721c99b0ca0857d9a565fd30f3a428053ece7",
      "compact/exchange=bybit/stream=mark_price/symbol=1000pepeusdt/date=20240115/data.json": "2bb43a9b81d486e730565370abf0693114e2c89e4c057084b3e0d9a11ff8867e",
      "compact/exchange=bybit/stream=mark_price/symbol=1000pepeusdt/date=20240115/data.parquet": "47c760c43efefcf9aa8fc971da27748618dd7235cd2a871d9fc29fece9889f29",
      "compact/exchange=bybit/stream=trade/symbol=1000pepeusdt/date=20240114/data.json": "d49f666eb35ba18a365fbd815081e399f821e1dad69c27025912bc40e064dd91",
      "compact/exchange=bybit/stream=trade/symbol=1000pepeusdt/date=20240114/data.parquet": "8f6a1c10e4b7a7cb1a1e51bd6c5015b3ade4c80ab39c139ab55cc10501e69588",
      "compact/exchange=bybit/stream=trade/symbol=1000pepeusdt/date=20240115/data.json": "f6cf1c7279d5e8b9a5714738306110f363031da9ba6e45e3cc1ee0af2b9c74b5",
      "compact/exchange=bybit/stream=trade/symbol=1000pepeusdt/date=20240115/data.parquet": "40028580608aaa6ebb94ed00930df7f2c9b060b28b88cb9beec5e34d880b73d8",
      "compact/exchange=okx/stream=funding/symbol=btc-usdt-swap/date=20240114/data.json": "e67097b0ebf77816be03048d52104c33846b2741c9a42d317358bd0a192627ea",
      "compact/exchange=okx/stream=funding/symbol=btc-usdt-swap/date=20240114/data.parquet": "523dfd54fc9917fa22524abb99b1e66649d5de0072759329ede618b6940e0471",
      "compact/exchange=okx/stream=open_interest/symbol=btc-usdt-swap/date=20240115/data.json": "f4ba897be57ac928eb49004fe3968bcd10f17192f7f4a6a1da0bf22db346f048",
      "compact/exchange=okx/stream=open_interest/symbol=btc-usdt-swap/date=20240115/data.parquet": "e03f027823f7ceb9a795b3f6fb14f0608ec8d984f9820bd73bfb502efccedef0",
    }
  `);
});
