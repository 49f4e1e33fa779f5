import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NodeClock } from "../net/node-clock.ts";
import { makeCurvePair } from "./curve-pair.ts";
import { KeyRing, type SecretBox } from "./key-ring.ts";
import { encodeZ85, isCurveKey } from "./z85.ts";

let data: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "tapedeck-keys-"));
});
afterEach(() => rm(data, { recursive: true, force: true }));

function ring(box?: SecretBox): KeyRing {
  return new KeyRing({ dataFolder: data, clock: new NodeClock(), box });
}
const faultOf = (code: string): object => ({ fault: { code } });

describe("Z85", () => {
  test("the example of the specification", () => {
    expect(encodeZ85(new Uint8Array([0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b]))).toBe("HelloWorld");
  });

  test("32 bytes are a key, and nothing else is", () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => isCurveKey(encodeZ85(bytes))));
    for (const text of ["", "x".repeat(39), "x".repeat(41), `${"x".repeat(39)}'`, "#####".repeat(8), "é".repeat(40)]) expect(isCurveKey(text)).toBe(false);
  });
});

describe("the own pair", () => {
  test("is made once, lies in a file of this user only, and stays", async () => {
    expect(await ring().state()).toEqual({ publicKey: undefined, trusted: [], storedIn: "file" });
    const [first, second, third] = await Promise.all([ring().own(), ring().own(), ring().own()]);
    expect([second, third]).toEqual([first, first]);
    expect((await ring().list()).publicKey).toBe(first.publicKey);
    expect((await stat(join(data, "keys"))).mode & 0o777).toBe(0o700);
    expect((await stat(join(data, "keys/bridge.json"))).mode & 0o777).toBe(0o600);
  });

  test("is replaced only by force, and trust stays", async () => {
    const old = await ring().makeNew({ force: false });
    await ring().trust("laptop", makeCurvePair().publicKey);
    await expect(ring().makeNew({ force: false })).rejects.toMatchObject({ fault: { code: "keys.exists", message: expect.stringContaining(old.publicKey) } });
    const next = await ring().makeNew({ force: true });
    expect(next.publicKey).not.toBe(old.publicKey);
    expect((await ring().state()).trusted.map(({ name }) => name)).toEqual(["laptop"]);
  });

  test("is sealed by the system's key store where there is one, and opened by it alone", async () => {
    const box: SecretBox = { seal: (text) => `sealed:${[...text].reverse().join("")}`, open: (text) => [...text.slice("sealed:".length)].reverse().join("") };
    const pair = await ring(box).own();
    expect(await ring(box).own()).toEqual(pair);
    expect((await ring(box).list()).storedIn).toBe("system");
    expect(await readFile(join(data, "keys/bridge.json"), "utf8")).not.toContain(pair.secretKey);
    await expect(ring().own()).rejects.toMatchObject(faultOf("keys.sealed"));
    const locked: SecretBox = { seal: box.seal, open: () => { throw new Error("locked"); } };
    await expect(ring(locked).own()).rejects.toMatchObject({ fault: { code: "keys.sealed", message: expect.stringContaining("locked") } });
  });
});

describe("trust", () => {
  test("is given by name and key, and taken by either", async () => {
    const [laptop, office] = [makeCurvePair().publicKey, makeCurvePair().publicKey];
    await ring().trust("laptop", laptop);
    await ring().trust("Büro 2", office);
    await ring().trust("laptop", laptop);
    expect((await ring().state()).trusted).toMatchObject([{ name: "laptop", publicKey: laptop }, { name: "Büro 2", publicKey: office }]);
    await ring().revoke("Büro 2");
    await ring().revoke(laptop);
    expect((await ring().state()).trusted).toEqual([]);
    await expect(ring().revoke("laptop")).rejects.toMatchObject(faultOf("keys.unknown"));
  });

  test("is not given to what is no key or no name, nor twice under other names", async () => {
    const { publicKey } = makeCurvePair();
    await ring().trust("laptop", publicKey);
    await expect(ring().trust("other", publicKey)).rejects.toMatchObject(faultOf("keys.key-taken"));
    await expect(ring().trust("laptop", makeCurvePair().publicKey)).rejects.toMatchObject(faultOf("keys.name-taken"));
    await expect(ring().trust("x", "short")).rejects.toMatchObject(faultOf("keys.bad-key"));
    for (const name of ["", " ", "-x", "a\nb", "x".repeat(61)]) await expect(ring().trust(name, makeCurvePair().publicKey)).rejects.toMatchObject(faultOf("keys.bad-name"));
  });

  test("changes that come at the same time from one ring are all kept", async () => {
    const one = ring();
    await Promise.all(Array.from({ length: 20 }, (_, index) => one.trust(`n${index}`, makeCurvePair().publicKey)));
    expect((await one.state()).trusted).toHaveLength(20);
  });

  test("is told to whoever watches, whoever changed it", async () => {
    const { publicKey } = makeCurvePair();
    const told: (readonly string[])[] = [];
    let wake = (): void => undefined;
    const stop = await ring().watchTrusted((keys) => {
      told.push(keys);
      wake();
    }, (problem) => { throw new Error(problem.message); });
    for (const change of [() => ring().trust("laptop", publicKey), () => ring().revoke("laptop")]) {
      const next = new Promise<void>((resolve) => (wake = resolve));
      await change();
      await next;
    }
    expect(told).toEqual([[publicKey], []]);
    stop();
  });
});

describe("the file", () => {
  test.each([0o644, 0o640, 0o602])("with mode %o is not used", async (mode) => {
    await ring().own();
    await chmod(join(data, "keys/bridge.json"), mode);
    for (const use of [() => ring().state(), () => ring().own(), () => ring().trust("x", makeCurvePair().publicKey)]) {
      await expect(use()).rejects.toMatchObject({ fault: { code: "keys.readable-by-others", message: expect.stringContaining("chmod 600") } });
    }
  });

  test.each([["no JSON, secret", "is no JSON"], ['{"version":2,"trusted":[]}', "version"], ['{"version":1,"trusted":[{"name":"x","publicKey":"y","addedMs":1}]}', "no CURVE key"]])("with %j is damaged, and what it holds is not repeated", async (text, why) => {
    await ring().own();
    await writeFile(join(data, "keys/bridge.json"), text);
    const error = await ring().own().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ fault: { code: "keys.damaged", message: expect.stringContaining(why) } });
    expect((error as Error).message).not.toContain("secret,");
    expect(await readFile(join(data, "keys/bridge.json"), "utf8")).toBe(text);
  });
});
