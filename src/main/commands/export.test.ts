// `export` and `query` from the command line: what they print, refuse and leave.
import { readFile, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hftTrades, testFolder, type TestFolder } from "../importers/import.testkit.ts";
import { runForTest } from "./cli.testkit.ts";

type Row = Readonly<Record<string, unknown>>;
const rows = (out: string): readonly Row[] => out.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Row);

function cli(folder: TestFolder, ...argv: readonly string[]): Promise<{ readonly code: number; readonly out: string; readonly log: string }> {
  return runForTest([...argv, "--data", join(folder.path, "data")]);
}

async function withCapture(content = hftTrades(300)): Promise<TestFolder> {
  const folder = await testFolder();
  const file = await folder.write("a.txt", content);
  expect((await cli(folder, "import", "--capture", "one", "--venue", "binance", "--format", "hft", file)).code).toBe(0);
  return folder;
}

describe("export", () => {
  test("to a folder: compacts first, then says what lies where; a second run finds all of it; the capture is marked", async () => {
    await using folder = await withCapture();
    const to = join(folder.path, "lake");
    const first = await cli(folder, "export", "--capture", "one", "--to", to, "--json");
    expect(first.log).toBe("");
    expect(rows(first.out)).toMatchObject([{ capture_id: "one", kind: "folder", to, rows: 300, files_skipped: 0, log_root: expect.stringMatching(/^[0-9a-f]{64}$/) as string }]);
    expect(await readdir(join(to, "exchange=binance/stream=trade/symbol=btcusdt/date=20231114"))).toEqual(["data.json", "data.parquet"]);
    expect(rows((await cli(folder, "export", "--capture", "one", "--to", to, "--json")).out)).toMatchObject([{ files: 2, files_skipped: 2 }]);
    const mark = JSON.parse(await readFile(join(folder.path, "data/captures/one/exported.json"), "utf8")) as Row;
    expect(mark).toMatchObject({ to, last_seq: rows(first.out)[0]!["last_seq"], root: rows(first.out)[0]!["log_root"] });
  });

  test("to one MCAP", async () => {
    await using folder = await withCapture();
    const to = join(folder.path, "one.mcap");
    const { code, out } = await cli(folder, "export", "--capture", "one", "--to", to);
    expect([code, out]).toEqual([0, expect.stringMatching(/one: 303 messages in .*one\.mcap \(\d+ bytes\), read back and the same/)]);
    expect((await stat(to)).size).toBeGreaterThan(1_000);
    expect(await cli(folder, "export", "--capture", "one", "--to", to)).toMatchObject({ code: 2, log: expect.stringContaining("exists already") as string });
  });

  test("with gaps, --gap-free refuses and names them; nothing is written", async () => {
    await using folder = await withCapture(hftTrades(30) + hftTrades(30, 36));
    const to = join(folder.path, "lake");
    const refused = await cli(folder, "export", "--capture", "one", "--to", to, "--gap-free", "--json");
    expect(refused.code).toBe(1);
    expect(refused.log).toContain("binance-usdm:BTCUSDT:trade");
    await expect(stat(to)).rejects.toThrow("ENOENT");
    expect((await cli(folder, "export", "--capture", "one", "--to", to)).code).toBe(0);
  });

  test.each([
    [["--to", "s3://X"], "s3://bucket/prefix"],
    [["--to", "s3://bucket/x", "--endpoint", "nowhere"], "--endpoint nowhere"],
    [["--to", "INSIDE"], "within the capture itself"],
  ])("%j is refused with one line", async (options, says) => {
    await using folder = await withCapture();
    const argv = options.map((text) => (text === "INSIDE" ? join(folder.path, "data/captures/one/out") : text));
    const { code, out, log } = await cli(folder, "export", "--capture", "one", ...argv);
    expect([code, out]).toEqual([2, ""]);
    expect(log.trimEnd().split("\n")).toHaveLength(1);
    expect(log).toContain(says);
  });
});

describe("query", () => {
  test("rows as JSON objects or as a table; the tables without a statement; refusals exit with 2", async () => {
    await using folder = await withCapture();
    expect(await cli(folder, "query", "--capture", "one", "SELECT count(*) AS n FROM trade")).toMatchObject({ code: 2, log: expect.stringContaining("tapedeck compact --capture one") as string });
    expect((await cli(folder, "compact", "--capture", "one")).code).toBe(0);
    const sql = "SELECT symbol, count(*) AS n, min(price) AS low FROM trade GROUP BY symbol";
    expect(rows((await cli(folder, "query", "--capture", "one", sql, "--json")).out)).toEqual([{ symbol: "BTCUSDT", n: 300, low: 100 }]);
    const table = await cli(folder, "query", "--capture", "one", sql);
    expect(table.out.split("\n")[0]?.split(/\s+/)).toEqual(["symbol", "n", "low"]);
    expect(table.log).toMatch(/1 rows in \d+ ms/);
    expect((await cli(folder, "query", "--capture", "one", "SELECT * FROM range(5)", "--limit", "2")).log).toContain("there are more");
    expect(rows((await cli(folder, "query", "--capture", "one", "--json")).out).map(({ name }) => name)).toContain("candles");
    const refused = await cli(folder, "query", "--capture", "one", "DROP VIEW trade");
    expect(refused).toMatchObject({ code: 2, out: "" });
    expect(refused.log.trimEnd().split("\n")).toHaveLength(1);
  });
});
