// The built screen (dist/renderer) in memory: an allow-list of exact addresses, so that no request ever becomes a path on disk.
// In memory also because a rebuild replaces the folder under a running program, whose page must stay in one piece.
import { readdir, readFile } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { fault } from "../../shared/base.ts";
import { pageHeaders, plainHeaders } from "./content-policy.ts";

const INDEX = "/index.html";

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
};

export interface ScreenAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array<ArrayBuffer>;
}

interface ScreenFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  readonly cacheControl: string;
}

const encoder = new TextEncoder();

export function textAnswer(status: number, text: string): ScreenAnswer {
  const headers = { ...plainHeaders(), "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };
  return { status, headers, body: encoder.encode(`${text}\n`) };
}

export class ScreenFiles {
  readonly #files: ReadonlyMap<string, ScreenFile>;

  private constructor(files: ReadonlyMap<string, ScreenFile>) {
    this.#files = files;
  }

  /** Reads the whole folder. Throws `shell.no-screen` when it holds no page, `shell.unknown-file` for a type we cannot name. */
  static async load(folder: string): Promise<ScreenFiles> {
    const files = new Map<string, ScreenFile>();
    for (const name of await listFiles(folder)) {
      const contentType = CONTENT_TYPES[extname(name)];
      if (contentType === undefined) throw fault("shell.unknown-file", `The screen holds ${join(folder, name)}, whose type cannot be told from its name`);
      const address = `/${name.split(sep).map(encodeURIComponent).join("/")}`;
      files.set(address, { bytes: new Uint8Array(await readFile(join(folder, name))), contentType, cacheControl: cacheControlOf(address) });
    }
    const index = files.get(INDEX);
    if (index === undefined) throw fault("shell.no-screen", `${folder} holds no index.html; \`npm run build\` makes it`);
    return new ScreenFiles(files.set("/", index));
  }

  /**
   * The answer for the path of an address as it was sent: nothing is decoded or normalised, unknown is 404.
   * `socketOrigins`: where the page's WebSocket may go besides its own origin.
   */
  answer(path: string, socketOrigins: readonly string[]): ScreenAnswer {
    const file = this.#files.get(path);
    if (file === undefined) return textAnswer(404, "There is nothing at this address.");
    const isPage = path === "/" || path === INDEX;
    const headers = isPage ? pageHeaders(socketOrigins) : plainHeaders();
    return { status: 200, headers: { ...headers, "content-type": file.contentType, "cache-control": file.cacheControl }, body: file.bytes };
  }
}

/** What the build puts into assets/ has its content's hash in its name. */
function cacheControlOf(address: string): string {
  if (address === INDEX) return "no-store";
  return address.startsWith("/assets/") ? "private, max-age=31536000, immutable" : "no-cache";
}

async function listFiles(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(join(folder, sep).length));
  } catch (error) {
    throw fault("shell.no-screen", `Cannot read the screen in ${folder}: ${(error as Error).message}; \`npm run build\` makes it`);
  }
}
