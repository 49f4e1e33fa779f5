// What the query panel makes of results: order, times, plots with their gaps, texts to copy, examples, history.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { QueryColumn } from "../../shared/protocol/query.ts";
import { scriptedTables } from "../engine/scripted/query.ts";
import { compareNumbers, firstPlot, isNumeric, plotNumber, plotted, sortedRows, timeKindOf } from "./columns.ts";
import { examplesFor, isUncompacted, savedHistory, sqlName, toCsv, toTsv, withQuery } from "./text.ts";

const column = (name: string, type: string): QueryColumn => ({ name, type });

describe("columns", () => {
  it.each(["BIGINT", "UTINYINT", "HUGEINT", "INTEGER", "DOUBLE", "FLOAT", "DECIMAL(18,3)"])("of type %s are numbers", (type) => {
    expect(isNumeric({ type })).toBe(true);
  });
  it.each(["VARCHAR", "BOOLEAN", "TIMESTAMP", "INTERVAL", "INTEGER[]"])("of type %s are none", (type) => {
    expect(isNumeric({ type })).toBe(false);
  });

  it.each([
    ["ts_event", "BIGINT", "ns"], ["next_funding_ts", "BIGINT", "ns"], ["recv_ns", "BIGINT", "ns"], ["minute_ms", "BIGINT", "ms"], ["t_us", "BIGINT", "us"],
    ["at", "TIMESTAMP", "text"], ["day", "DATE", "text"], ["p99_ms", "VARCHAR", undefined], ["price", "DOUBLE", undefined],
  ])("%s of type %s are times in %s", (name, type, kind) => {
    expect(timeKindOf(column(name, type))).toBe(kind);
  });

  it("become milliseconds", () => {
    expect(plotNumber("1700000000123456789", "ns")).toBeCloseTo(1_700_000_000_123.4568, 3);
    expect(plotNumber("2023-11-14 22:13:20.123", "text")).toBe(1_700_000_000_123);
    expect([plotNumber(null, "ns"), plotNumber("", undefined), plotNumber("Infinity", undefined), plotNumber("soon", "text")]).toEqual([null, null, null, null]);
    expect(plotNumber(0, undefined)).toBe(0);
  });

  it("of integers beyond 2^53 keep their order", () => {
    fc.assert(fc.property(fc.bigInt(), fc.bigInt(), (a, b) => {
      expect(Math.sign(compareNumbers(String(a), String(b)))).toBe(a < b ? -1 : a > b ? 1 : 0);
    }));
    expect(compareNumbers("9007199254740993", "9007199254740992")).toBe(1);
    expect(compareNumbers("-0.25", "-0.5")).toBeGreaterThan(0);
  });
});

describe("a result", () => {
  const result = { columns: [column("ts_event", "BIGINT"), column("price", "DOUBLE"), column("note", "VARCHAR")], rows: [["3000000", 3, "c"], ["1000000", null, "a"], [null, 9, "x"], ["2000000", 2, "b"]] } as const;

  it("is sorted by a column, NULL last", () => {
    expect(sortedRows(result, { column: "1", direction: -1 }).map(([, price]) => price)).toEqual([9, 3, 2, null]);
    expect(sortedRows(result, undefined)).toBe(result.rows);
  });

  it("is plotted over its time, ascending, with its gaps", () => {
    const choice = firstPlot(result.columns);
    expect(choice).toEqual({ x: 0, ys: [1], isPoints: false });
    if (choice === undefined) throw new Error("no plot");
    expect(plotted(result, choice)).toEqual({ x: [1, 2, 3], lines: [[null, 2, 3]], isTime: true, left: 1 });
  });

  it("without two numbers is not plotted", () => {
    expect(firstPlot([column("symbol", "VARCHAR"), column("n", "BIGINT")])).toBeUndefined();
  });

  it("is copied so that a spreadsheet reads it back", () => {
    const table = { columns: [column("a", "VARCHAR"), column("b", "VARCHAR")], rows: [["x,y", 'say "hi"'], [null, ""], ["two\nlines", true]] };
    expect(toCsv(table)).toBe('a,b\r\n"x,y","say ""hi"""\r\n,""\r\n"two\nlines",true\r\n');
    expect(toTsv(table)).toBe('a\tb\nx,y\tsay "hi"\n\t\ntwo lines\ttrue\n');
  });
});

describe("texts", () => {
  it("quote names only where SQL needs it", () => {
    expect([sqlName("trade"), sqlName("ts_event"), sqlName("2nd"), sqlName('a"b')]).toEqual(["trade", "ts_event", '"2nd"', '"a""b"']);
  });

  it("of examples name tables and symbols that are there", () => {
    const all = examplesFor(scriptedTables(10), ["ETHUSDT"]);
    expect(all.length).toBeGreaterThanOrEqual(4);
    expect(all.map(({ title }) => title).join()).toMatch(/candles.*Gaps/i);
    expect(all[0]?.sql).toContain("symbol = 'ETHUSDT'");
    expect(examplesFor([], ["ETHUSDT"])).toEqual([]);
    expect(examplesFor(scriptedTables(10).filter(({ name }) => name === "bbo"), []).map(({ sql }) => sql).join()).not.toMatch(/trade|WHERE/);
  });

  it("know a capture whose messages are not Parquet yet", () => {
    expect([isUncompacted(scriptedTables(0)), isUncompacted(scriptedTables(10)), isUncompacted([])]).toEqual([true, false, true]);
  });

  it("of the history are bounded in number and size, newest first, each once", () => {
    let history: readonly string[] = [];
    for (let index = 0; index < 70; index += 1) history = withQuery(history, `SELECT ${index}`);
    history = withQuery(history, " SELECT 60 ");
    expect([history.length, history[0], history[1], history.filter((sql) => sql === "SELECT 60").length]).toEqual([50, "SELECT 60", "SELECT 69", 1]);
    expect(withQuery(history, "x".repeat(47_999)).length).toBe(1);
    expect(savedHistory({ query: { history: ["a"] } })).toEqual(["a"]);
    expect(savedHistory({ query: { history: 3 } })).toEqual([]);
  });
});
