import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeCurvePair } from "../keys/curve-pair.ts";
import { runForTest } from "./cli.testkit.ts";

let data: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "tapedeck-keys-cli-"));
});
afterEach(() => rm(data, { recursive: true, force: true }));

function keys(...words: readonly string[]): ReturnType<typeof runForTest> {
  const end = words.indexOf("--");
  const at = end < 0 ? words.length : end;
  return runForTest(["keys", ...words.slice(0, at), "--data", data, ...words.slice(at)]);
}

test("new prints the public key alone, once, and again only by force", async () => {
  const made = await keys("new");
  expect(made.code).toBe(0);
  const publicKey = made.out.trim();
  expect(publicKey).toHaveLength(40);
  expect(made.log).toContain(`tapedeck keys trust NAME '${publicKey}'`);
  const again = await keys("new");
  expect(again).toMatchObject({ code: 2, out: "" });
  expect(again.log).toMatch(/^tapedeck: .*has a pair already.*--force/);
  const forced = await keys("new", "--force", "--json");
  expect(JSON.parse(forced.out)).toEqual({ public_key: expect.not.stringContaining(publicKey), file: join(data, "keys/bridge.json") });
});

test("trust, list, revoke", async () => {
  const { publicKey } = makeCurvePair();
  expect((await keys("list")).out).toBe("no own pair yet: tapedeck keys new\nnobody is trusted: tapedeck keys trust NAME KEY\n");
  expect(await keys("trust", "laptop", publicKey)).toMatchObject({ code: 0, out: "laptop is trusted\n" });
  expect(JSON.parse((await keys("list", "--json")).out)).toEqual({
    public_key: null, stored_in: "file", trusted: [{ name: "laptop", public_key: publicKey, added_ts_ms: expect.any(Number) }],
  });
  expect((await keys("list")).out).toContain(`laptop   ${publicKey}`);
  expect(await keys("revoke", "laptop", "--json")).toMatchObject({ code: 0, out: '{"revoked":"laptop"}\n' });
  expect(await keys("revoke", "laptop")).toMatchObject({ code: 2, log: expect.stringContaining("neither the name nor the key") });
});

test("a key that begins with a dash is told apart from an option by --", async () => {
  const key = `-${makeCurvePair().publicKey.slice(1, 4)}0${"0".repeat(35)}`;
  expect(await keys("trust", "--", "dash", key)).toMatchObject({ code: 0, log: "" });
});

test.each([
  [["trust", "laptop"], "missing required argument 'key'"],
  [["trust", "laptop", "short"], '"short" is no public key'],
  [["revoke"], "missing required argument 'who'"],
  [["nonsense"], "unknown command 'nonsense'"],
  [["new", "extra"], "too many arguments"],
])("keys %j: one clear line and exit code 2", async (words, line) => {
  const { code, out, log } = await keys(...words);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(log).toContain(line);
});
