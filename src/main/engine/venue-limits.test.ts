// Limits behind one address: who shares them, and that a ban outlives the program.
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { NodeClock, nodeTimers } from "../net/node-clock.ts";
import { RateBudget } from "../venues/rate-budget.ts";
import { VenueLimits } from "./venue-limits.ts";

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), "tapedeck-limits-"));
const rest = (host: string): { readonly rest: string } => ({ rest: `https://${host}` });

it("are one for the products of an exchange at one host, and for one venue over its restarts", async () => {
  const limits = await VenueLimits.open(await folder());
  expect(limits.of("bybit-linear", rest("one.test"))).toBe(limits.of("bybit-spot", rest("one.test")));
  expect(limits.of("okx-swap", rest("one.test"))).toBe((await VenueLimits.open(await folder())).of("okx-spot", rest("one.test")));
  expect(limits.of("bybit-linear", rest("one.test"))).not.toBe(limits.of("bybit-linear", rest("other.test")));
  expect(limits.of("binance-usdm", rest("one.test"))).not.toBe(limits.of("okx-swap", rest("one.test")));
});

it("keep a ban in force after a restart, as long as it lasts", async () => {
  const data = await folder();
  const before = await VenueLimits.open(data);
  before.banned("bybit-linear", rest("ban.test"), 600_000, "HTTP 403");
  before.banned("bybit-linear", rest("ban.test"), 599_000, "HTTP 403"); // the same, counted down
  before.banned("okx-swap", rest("short.test"), 0, "HTTP 403");
  await before.close();
  // A host of another name stands for the same one after a restart: within a process the memory itself goes on.
  const text = await readFile(join(data, "bans.json"), "utf8");
  await writeFile(join(data, "bans.json"), text.replaceAll("ban.test", "again.test").replaceAll("short.test", "over.test"));
  const after = await VenueLimits.open(data);
  const blockOf = (memory: SharedArrayBuffer): RateBudget["block"] => new RateBudget({ weight: 1, windowMs: 1_000, usedHeader: undefined, clock: new NodeClock(), timers: nodeTimers, memory }).block;
  const block = blockOf(after.of("bybit-spot", rest("again.test")).requests);
  expect(block?.kind).toBe("banned");
  expect(block?.forMs).toBeGreaterThan(590_000);
  expect(block?.forMs).toBeLessThanOrEqual(600_001);
  expect(blockOf(after.of("okx-swap", rest("over.test")).requests)).toBeUndefined();
});

it("begin without bans where the file is none", async () => {
  const data = await folder();
  await writeFile(join(data, "bans.json"), "{ not json");
  const limits = await VenueLimits.open(data);
  limits.banned("bybit-linear", rest("fresh.test"), 60_000, "HTTP 403");
  await limits.close();
  expect(JSON.parse(await readFile(join(data, "bans.json"), "utf8"))).toMatchObject({ format: 1, bans: { "bybit@fresh.test": { detail: "HTTP 403" } } });
});
