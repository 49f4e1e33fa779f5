// The cache's file: opened, laid out when new, set aside when it cannot be used. One process at a time, and one opening in it.
import { access, constants, mkdir, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fault } from "../../shared/base.ts";
import { cacheFault, messageOf, troubleOf } from "./cache-faults.ts";
import { CacheSession } from "./cache-session.ts";
import { LAYOUT } from "./cache-tables.ts";

/** Raise it when the meaning of a column changes; a changed column shows by itself. */
const VERSION = 1;

/** DuckDB opens one file twice within a process without a word (its lock is per process), and both then write over each other. */
const openHere = new Set<string>();

interface CacheFileOptions {
  readonly onNote: (note: string) => void;
  readonly logMegabytesMax: number;
}

export class CacheFile {
  readonly path: string;
  readonly #options: CacheFileOptions;

  private constructor(path: string, options: CacheFileOptions) {
    this.path = path;
    this.#options = options;
  }

  /** Takes the file for this process. @throws FaultError `cache.in-use`, `cache.no-access`. */
  static async take(file: string, options: CacheFileOptions): Promise<CacheFile> {
    const path = await usablePath(file);
    if (openHere.has(path)) throw fault("cache.in-use", `Cannot open the bridge cache ${path}: this process has it open already`);
    openHere.add(path);
    return new CacheFile(path, options);
  }

  /** @throws FaultError `cache.in-use`, `cache.disk-full`, `cache.failed`. What cannot be read is set aside and begun anew. */
  async open(): Promise<CacheSession> {
    let session: CacheSession | undefined;
    try {
      session = await CacheSession.open(this.path, this.#options.logMegabytesMax);
      const unfit = await unfitness(session);
      if (unfit === undefined) return session;
      session.close();
      await this.setAside(unfit);
      session = await CacheSession.open(this.path, this.#options.logMegabytesMax);
      await layOut(session);
      return session;
    } catch (error) {
      session?.close();
      if (troubleOf(error) !== "damaged") throw cacheFault(error, "open", this.path);
      return await this.#anew(messageOf(error));
    }
  }

  async #anew(why: string): Promise<CacheSession> {
    await this.setAside(why);
    let session: CacheSession | undefined;
    try {
      session = await CacheSession.open(this.path, this.#options.logMegabytesMax);
      await layOut(session);
      return session;
    } catch (error) {
      session?.close();
      throw cacheFault(error, "open", this.path);
    }
  }

  /** Renames the file, with its log; only the newest one is kept. */
  async setAside(why: string): Promise<void> {
    const aside = `${this.path}.set-aside`;
    for (const ending of ["", ".wal"]) {
      await rm(`${aside}${ending}`, { force: true });
      if (await exists(`${this.path}${ending}`)) await rename(`${this.path}${ending}`, `${aside}${ending}`);
    }
    this.#options.onNote(`The bridge cache could not be used and was set aside as ${aside}: ${why}. Everything in it comes back from the servers.`);
  }

  release(): void {
    openHere.delete(this.path);
  }
}

async function exists(path: string): Promise<boolean> {
  return (await statOf(path)) !== undefined;
}

async function statOf(path: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The folder is made when absent. Never opens the file: closing it again would let go of DuckDB's lock on it. */
async function usablePath(file: string): Promise<string> {
  try {
    await mkdir(dirname(file), { recursive: true });
    const path = join(await realpath(dirname(file)), basename(file));
    await access(dirname(path), constants.W_OK);
    const found = await statOf(path);
    if (found === undefined) return path;
    if (!found.isFile()) throw fault("cache.no-access", `Cannot open the bridge cache ${path}: it is not a file`);
    await access(path, constants.R_OK | constants.W_OK);
    return path;
  } catch (error) {
    if (error instanceof Error && "code" in error) throw fault("cache.no-access", `Cannot open the bridge cache ${file}: ${messageOf(error)}`);
    throw error;
  }
}

/** Why this cannot be our cache; undefined when it is. A file without any table was just made and is laid out here. */
async function unfitness(session: CacheSession): Promise<string | undefined> {
  const [tables = []] = await session.read("SELECT table_name FROM duckdb_tables() WHERE NOT internal", []);
  if (tables.length === 0) {
    await layOut(session);
    return undefined;
  }
  if (!tables.includes("about")) return "it is no bridge cache";
  const [versions = [], layouts = []] = await session.read("SELECT version, layout FROM about", []);
  if (versions[0] !== BigInt(VERSION)) return `it has layout version ${versions[0]}, this program has ${VERSION}`;
  return layouts[0] === LAYOUT.join(";\n") ? undefined : "its tables are those of another version of this program";
}

async function layOut(session: CacheSession): Promise<void> {
  await session.transaction(async () => {
    for (const statement of LAYOUT) await session.execute(statement);
    await session.write("INSERT INTO about VALUES ($1, $2)", [VERSION, LAYOUT.join(";\n")]);
  });
}
