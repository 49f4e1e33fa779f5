// SQL over a capture: what it can name, that nothing is counted twice, everything that is refused, and that every query can be stopped.
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FaultError } from "../../shared/base.ts";
import type { QueryResult } from "../../shared/protocol/query.ts";
import { importFiles } from "../engine/import-files.ts";
import { hftTrades } from "../importers/import.testkit.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { decoderLookup } from "../venues/registry.ts";
import { lakeFiles, makeCapture, MIXED, removeRoot, testRoot, withLake } from "./lake.testkit.ts";
import { QuerySession, type QuerySessionOptions } from "./query-session.ts";

let root: string;
beforeEach(async () => {
  root = await testRoot();
});
afterEach(() => removeRoot(root));

async function opened<T>(captureFolder: string, run: (session: QuerySession) => Promise<T>, options: Partial<QuerySessionOptions> = {}): Promise<T> {
  const session = await QuerySession.open({ disk: new NodeDisk(), captureId: "test", captureFolder, scratch: join(root, "scratch"), monotonicMs: () => performance.now(), ...options });
  try {
    return await run(session);
  } finally {
    await session.close();
  }
}

/** 3,000 trades of 250 ms: 12.5 minutes. */
async function imported(): Promise<string> {
  const file = join(root, "a.txt");
  await writeFile(file, hftTrades(3_000));
  const { folder } = await importFiles({
    capturesFolder: join(root, "captures"), captureId: "test", venue: "binance-usdm", format: "hft", fold: undefined, files: [file], version: "test",
    clock: { wallNs: () => { throw new Error("an import may not ask for the time"); } },
  });
  return folder;
}

const rowsOf = (result: QueryResult): QueryResult["rows"] => result.rows;

async function refusal(session: QuerySession, sql: string, signal?: AbortSignal): Promise<{ code: string; message: string }> {
  try {
    const result = await session.run({ sql, rowsMax: 10, ...(signal === undefined ? {} : { signal }) });
    throw new Error(`it ran: ${JSON.stringify(result)}`);
  } catch (error) {
    if (error instanceof FaultError) return error.fault;
    throw error;
  }
}

describe("what a query sees", () => {
  test("trades, candles, grades, gaps and the log's streams of one capture", async () => {
    const folder = await imported();
    await withLake(folder, { decoders: decoderLookup }, (lake) => lake.compact());
    await opened(folder, async (session) => {
      const run = async (sql: string): Promise<QueryResult["rows"]> => rowsOf(await session.run({ sql, rowsMax: 1_000 }));
      expect(await run("SELECT count(*), min(price), max(exchange), count(DISTINCT trade_id) FROM trade")).toEqual([[3000, expect.any(Number), "binance", 3000]]);
      // Candles from trades in SQL are the candles that were derived.
      const sql = await run("SELECT epoch_ms(date_trunc('minute', time::TIMESTAMP)) AS m, arg_min(price, seq), max(price), min(price), arg_max(price, seq), count(*) FROM trade GROUP BY m ORDER BY m");
      expect(await run("SELECT open_ms, open, high, low, close, trade_count FROM candles WHERE interval = '1m' ORDER BY open_ms")).toEqual(sql);
      expect(sql.length).toBeGreaterThan(10);
      expect(await run("SELECT DISTINCT interval FROM grades WHERE interval = '1m'")).toEqual([["1m"]]);
      expect(await run("SELECT count(*) FROM gaps")).toEqual([[0]]);
      expect(await run("SELECT stream_id, messages FROM raw_streams WHERE venue <> 'tapedeck'")).toEqual([["binance-usdm:BTCUSDT:trade", 3000]]);
      expect(await run("WITH x AS (SELECT 1 AS a) SELECT * FROM x")).toEqual([[1]]);
      expect((await run("DESCRIBE trade"))[0]?.[0]).toBe("time");
      expect((await run("SUMMARIZE SELECT price FROM trade")).length).toBe(1);
      expect((await run("EXPLAIN SELECT * FROM trade")).length).toBe(1);
      expect((await run("-- how long\nEXPLAIN ANALYZE SELECT count(*) FROM trade")).length).toBe(1);
      const tables = await session.tables();
      expect(tables.map(({ name }) => name)).toEqual(["trade", "bbo", "mark_price", "funding", "open_interest", "candles", "candle_versions", "grades", "gaps", "raw_streams"].sort((a, b) => tables.findIndex((t) => t.name === a) - tables.findIndex((t) => t.name === b)));
      expect(tables.find(({ name }) => name === "trade")).toMatchObject({ rows: 3000, columns: expect.arrayContaining([{ name: "time", type: "TIMESTAMP_NS" }, { name: "price", type: "DOUBLE" }]) as unknown });
    });
  });

  test("compacted files and newer parts together, each event once, also when a query session is open meanwhile", async () => {
    const half = Math.floor(MIXED.length / 2);
    const { folder } = await makeCapture(root, MIXED.slice(0, half), 3);
    const count = async (session: QuerySession): Promise<unknown> => rowsOf(await session.run({ sql: "SELECT count(*), count(DISTINCT seq) FROM (SELECT seq FROM trade UNION ALL SELECT seq FROM bbo UNION ALL SELECT seq FROM mark_price UNION ALL SELECT seq FROM funding UNION ALL SELECT seq FROM open_interest)", rowsMax: 1 }));
    await opened(folder, async (session) => {
      expect(await refusal(session, "select * from TRADE")).toMatchObject({ code: "query.not-compacted", message: expect.stringContaining("tapedeck compact --capture test") as string });
      const first = await withLake(folder, {}, (lake) => lake.compact());
      expect(await count(session)).toEqual([[first.rows, first.rows]]);
      await makeCapture(root, MIXED.slice(half), 3);
      await withLake(folder, {}, (lake) => lake.spool());
      const both = await withLake(folder, {}, (lake) => lake.check(join(root, "check")));
      expect(both.rows).toBeGreaterThan(first.rows);
      expect(await count(session)).toEqual([[both.rows, both.rows]]);
      await withLake(folder, {}, (lake) => lake.compact());
      expect(await count(session)).toEqual([[both.rows, both.rows]]);
      // Without the compacted files the parts alone answer.
      await rm(join(folder, "compact"), { recursive: true });
      expect(await count(session)).toEqual([[both.rows, both.rows]]);
    });
  });

  test("values: whole numbers beyond 2^53, decimals and times as text; NULL; what JSON cannot hold", async () => {
    const { folder } = await makeCapture(root, MIXED, 100);
    await opened(folder, async (session) => {
      const result = await session.run({ sql: "SELECT 9007199254740993::BIGINT AS a, 1.10::DECIMAL(5,2) AS b, TIMESTAMP '2024-01-01 00:00:01.5' AS c, NULL AS d, 'NaN'::DOUBLE AS e, true AS f, [1, 2] AS g, 7::BIGINT AS h", rowsMax: 10 });
      expect(result.rows).toEqual([["9007199254740993", "1.10", "2024-01-01 00:00:01.5", null, "NaN", true, "[1, 2]", 7]]);
      expect(result.columns.map(({ name, type }) => `${name} ${type}`)).toEqual(["a BIGINT", "b DECIMAL(5,2)", "c TIMESTAMP", "d INTEGER", "e DOUBLE", "f BOOLEAN", "g INTEGER[]", "h BIGINT"]);
      expect(result).toMatchObject({ truncated: false });
      expect(await session.run({ sql: "SELECT * FROM range(1000000)", rowsMax: 3 })).toMatchObject({ rows: [[0], [1], [2]], truncated: true });
      expect(await session.run({ sql: "SELECT * FROM range(3)", rowsMax: 3 })).toMatchObject({ rows: [[0], [1], [2]], truncated: false });
    });
  });
});

describe("what is refused", () => {
  test("everything that is no single reading statement; nothing on disk changes", async () => {
    const { folder } = await makeCapture(root, MIXED, 100);
    await withLake(folder, {}, (lake) => lake.compact());
    const before = await lakeFiles(folder);
    const data = Object.keys(before).find((file) => file.endsWith("data.parquet"))!;
    await mkdir(join(root, "elsewhere"));
    await writeFile(join(root, "elsewhere/secret.csv"), "a\n1\n");
    await opened(folder, async (session) => {
      const refused = [
        "CREATE TABLE x (a INTEGER)", "CREATE OR REPLACE VIEW trade AS SELECT 1", "DROP VIEW trade", "INSERT INTO bar_versions SELECT * FROM bar_versions", "DELETE FROM gap_states",
        "UPDATE gap_states SET state = 'repaired'", `COPY trade TO '${folder}/compact/x.parquet'`, `COPY trade TO '${folder}/${data}'`, `ATTACH '${root}/x.db'`, "INSTALL httpfs", "LOAD httpfs",
        "SET threads = 1", "SET enable_external_access = true", "RESET lock_configuration", "PRAGMA enable_profiling", "CALL enable_logging()", "BEGIN", "VACUUM", `EXPORT DATABASE '${root}/x'`,
        "SELECT 1; SELECT 2", "SELECT 1; DROP VIEW trade", "PREPARE p AS SELECT 1", "EXPLAIN ANALYZE CREATE TABLE x AS SELECT 1", `EXPLAIN ANALYZE COPY trade TO '${folder}/compact/x.parquet'`,
        `explain /* it */ (analyze, format json) COPY trade TO '${folder}/compact/x.parquet'`, `/* c */ EXPLAIN ANALYZE COPY trade TO '${folder}/compact/x.parquet'`, "CHECKPOINT", "DETACH memory", "USE memory",
      ];
      for (const sql of refused) expect([sql, (await refusal(session, sql)).code]).toEqual([sql, expect.stringMatching(/^query\.(refused|failed)$/)]);
      expect(await refusal(session, "DROP VIEW trade")).toMatchObject({ code: "query.refused", message: expect.stringContaining("DROP is not allowed") as string });
      expect(await refusal(session, "SELECT 1; SELECT 2")).toMatchObject({ code: "query.refused", message: expect.stringContaining("2 statements") as string });
      expect(await refusal(session, "SELECT ? + 1")).toMatchObject({ code: "query.refused", message: expect.stringContaining("parameters") as string });
      expect(await refusal(session, "  -- nothing\n")).toMatchObject({ code: "query.empty" });
      expect((await session.run({ sql: "SELECT count(*) FROM trade", rowsMax: 1 })).rows[0]?.[0]).toBeGreaterThan(0);
    });
    expect(await lakeFiles(folder)).toEqual(before);
  });

  test("files of others cannot be read or written, by any function", async () => {
    const { folder } = await makeCapture(root, MIXED, 100);
    await withLake(folder, {}, (lake) => lake.compact());
    await mkdir(join(root, "elsewhere"));
    await writeFile(join(root, "elsewhere/secret.csv"), "a\n1\n");
    await opened(folder, async (session) => {
      const secret = `${root}/elsewhere/secret.csv`;
      for (const sql of [
        `SELECT * FROM '${secret}'`, `SELECT * FROM read_csv('${secret}')`, `SELECT * FROM read_text('${secret}')`, `SELECT * FROM read_blob('/etc/passwd')`, `SELECT * FROM glob('${root}/elsewhere/*')`,
        `SELECT * FROM read_text('${folder}/compact/../../../elsewhere/secret.csv')`, `SELECT * FROM read_text('${folder}/manifest.jsonl')`, "SELECT * FROM read_text('http://127.0.0.1:1/x')",
        `SELECT * FROM enable_logging(storage := 'file', storage_config := {'path': '${root}/elsewhere'})`, "SELECT getenv('HOME')", "SELECT * FROM query('SELECT * FROM enable' || '_logging()')", "SELECT (SELECT count(*) FROM force_checkpoint())", `SELECT * FROM glob('${folder}/*')`,
        "WITH x AS (FROM disable_logging()) FROM x", "EXPLAIN ANALYZE FROM enable_logging()", "SUMMARIZE FROM enable_logging()", "SELECT * FROM json_execute_serialized_sql('{}')", `SELECT * FROM read_parquet('${root}/elsewhere/*')`,
      ]) {
        expect([sql, (await refusal(session, sql)).code]).toEqual([sql, expect.stringMatching(/^query\.(refused|failed)$/)]);
      }
    });
    expect(await readdir(join(root, "elsewhere"))).toEqual(["secret.csv"]);
  });

  test("DuckDB's message comes as one line", async () => {
    const { folder } = await makeCapture(root, MIXED, 100);
    await opened(folder, async (session) => {
      const { code, message } = await refusal(session, "SELECT prise\nFROM candles");
      expect(code).toBe("query.failed");
      expect(message).toMatch(/prise.*not found/i);
      expect(message).not.toContain("\n");
      expect((await refusal(session, "SELEC 1")).message).toMatch(/syntax error/i);
    });
  });
});

describe("stopping", () => {
  const ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE (a.range * b.range) % 7 = 3";

  test("a query is cancelled in the middle, before it begins, and by its time; the next one runs", async () => {
    const { folder } = await makeCapture(root, MIXED, 100);
    await opened(folder, async (session) => {
      const cancel = new AbortController();
      const running = refusal(session, ENDLESS, cancel.signal);
      // Another query of the same session answers while it runs: it has begun by then.
      expect((await session.run({ sql: "SELECT 1", rowsMax: 1 })).rows).toEqual([[1]]);
      cancel.abort();
      expect(await running).toMatchObject({ code: "query.cancelled" });
      expect(await refusal(session, ENDLESS, AbortSignal.abort())).toMatchObject({ code: "query.cancelled" });
      expect((await session.run({ sql: "SELECT 2", rowsMax: 1 })).rows).toEqual([[2]]);
    });
    await opened(folder, async (session) => {
      expect(await refusal(session, ENDLESS)).toMatchObject({ code: "query.timeout", message: expect.stringContaining("0.05 s") as string });
      expect((await session.run({ sql: "SELECT 3", rowsMax: 1 })).rows).toEqual([[3]]);
    }, { timeoutMs: 50 });
  });

  test("closing waits for what runs", async () => {
    const { folder } = await makeCapture(root, MIXED, 100);
    const session = await QuerySession.open({ disk: new NodeDisk(), captureId: "test", captureFolder: folder, scratch: join(root, "scratch"), monotonicMs: () => performance.now() });
    const cancel = new AbortController();
    const running = refusal(session, ENDLESS, cancel.signal);
    const closed = session.close();
    cancel.abort();
    expect(await running).toMatchObject({ code: "query.cancelled" });
    await closed;
    expect(await refusal(session, "SELECT 1")).toMatchObject({ code: "query.cancelled" });
  });
});
