// What every Disk does, real or simulated. Called by each implementation's test.
import { afterAll, describe, expect, test } from "vitest";
import { FaultError } from "../../shared/base.ts";
import type { Disk } from "./types.ts";

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return "no fault";
  } catch (error) {
    return error instanceof FaultError ? error.fault.code : String(error);
  }
}

const bytes = (text: string): Uint8Array => Buffer.from(text, "utf8");
const text = (content: Uint8Array): string => Buffer.from(content).toString("utf8");

export interface DiskUnderTest {
  readonly disk: Disk;
  /** An empty folder. */
  readonly folder: string;
  readonly cleanUp: () => Promise<void>;
}

export function diskContract(name: string, make: () => Promise<DiskUnderTest>): void {
  describe(`${name} is a Disk`, () => {
    const made: DiskUnderTest[] = [];
    const fresh = async (): Promise<DiskUnderTest> => {
      const one = await make();
      made.push(one);
      return one;
    };
    afterAll(async () => {
      for (const one of made) await one.cleanUp();
    });

    test("appends at the end, reads anywhere, fewer bytes only at the end of the file", async () => {
      const { disk, folder } = await fresh();
      const file = await disk.open(`${folder}/a`, "create");
      await file.append(bytes("hello "));
      await file.append(bytes("world"));
      await file.sync();
      expect(await file.size()).toBe(11);
      await file.close();
      const again = await disk.open(`${folder}/a`, "append");
      await again.append(bytes("!"));
      await again.close();
      const read = await disk.open(`${folder}/a`, "read");
      expect(text(await read.read(6, 5))).toBe("world");
      expect(text(await read.read(10, 100))).toBe("d!");
      expect((await read.read(50, 10)).length).toBe(0);
      await read.close();
      expect(text(await disk.readFile(`${folder}/a`))).toBe("hello world!");
    });

    test("an open reader sees what is appended, and keeps its file after it is removed", async () => {
      const { disk, folder } = await fresh();
      const file = await disk.open(`${folder}/a`, "create");
      const read = await disk.open(`${folder}/a`, "read");
      await file.append(bytes("later"));
      expect(text(await read.read(0, 9))).toBe("later");
      await disk.remove(`${folder}/a`);
      expect(text(await read.read(0, 9))).toBe("later");
      await read.close();
      await file.close();
    });

    test("replaceFile leaves the new content and no temporary file", async () => {
      const { disk, folder } = await fresh();
      await disk.replaceFile(`${folder}/a`, bytes("old"));
      await disk.replaceFile(`${folder}/a`, bytes("new"));
      expect(text(await disk.readFile(`${folder}/a`))).toBe("new");
      expect(await disk.list(folder)).toEqual(["a"]);
    });

    test("of many that create a whole file at once, one succeeds, and nobody sees it half-written", async () => {
      const { disk, folder } = await fresh();
      const codes = await Promise.all(["1", "2", "3", "4"].map((content) => codeOf(disk.createWhole(`${folder}/a`, bytes(content.repeat(9))))));
      expect(codes.sort()).toEqual(["disk.exists", "disk.exists", "disk.exists", "no fault"]);
      expect(await disk.size(`${folder}/a`)).toBe(9);
      expect(await disk.list(folder)).toEqual(["a"]);
    });

    test("renames, truncates, removes, lists sorted, tells sizes", async () => {
      const { disk, folder } = await fresh();
      await disk.makeFolder(`${folder}/deep/er`);
      await disk.replaceFile(`${folder}/b`, bytes("12345"));
      await disk.replaceFile(`${folder}/a`, bytes("1"));
      await disk.rename(`${folder}/b`, `${folder}/deep/er/c`);
      await disk.truncate(`${folder}/deep/er/c`, 2);
      await disk.syncFolder(`${folder}/deep/er`);
      expect(await disk.size(`${folder}/deep/er/c`)).toBe(2);
      expect(await disk.size(`${folder}/b`)).toBeUndefined();
      expect(await disk.list(folder)).toEqual(["a", "deep"]);
      await disk.remove(`${folder}/a`);
      await disk.remove(`${folder}/a`);
      expect(await disk.list(`${folder}/absent`)).toEqual([]);
    });

    test("says what is wrong in one line that names the path", async () => {
      const { disk, folder } = await fresh();
      await disk.replaceFile(`${folder}/a`, bytes("1"));
      expect(await codeOf(disk.open(`${folder}/a`, "create"))).toBe("disk.exists");
      expect(await codeOf(disk.open(`${folder}/none`, "read"))).toBe("disk.not-found");
      expect(await codeOf(disk.readFile(`${folder}/none`))).toBe("disk.not-found");
      expect(await codeOf(disk.open(`${folder}/no/such/folder`, "create"))).toBe("disk.not-found");
      await expect(disk.readFile(`${folder}/none`)).rejects.toThrow(/^Cannot read .*none: no such file or folder$/);
    });
  });
}
