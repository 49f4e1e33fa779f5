// The built screen (dist/renderer) in memory: an allow-list of exact addresses, so that no request ever becomes a path on disk.
// In memory also because a rebuild replaces the folder under a running program, whose page must stay in one piece.
import { readdir, readFile } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { fault } from "../../shared/base.ts";
import { pageHeaders, plainHeaders } from "./content-policy.ts";

const INDEX = "index.html";
const HEAD = "<head>";

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

export interface PageContext {
  /** Fresh for each answer. */
  readonly nonce: string;
  readonly socketOrigins: readonly string[];
}

export class ScreenFiles {
  readonly #index: { readonly before: string; readonly after: string };
  readonly #files: ReadonlyMap<string, ScreenFile>;

  private constructor(index: { before: string; after: string }, files: ReadonlyMap<string, ScreenFile>) {
    this.#index = index;
    this.#files = files;
  }

  /** Reads the whole folder. Throws `shell.no-screen` when it holds no page, `shell.unknown-file` for a type we cannot name. */
  static async load(folder: string): Promise<ScreenFiles> {
    const names = await listFiles(folder);
    const files = new Map<string, ScreenFile>();
    for (const name of names.filter((one) => one !== INDEX)) {
      const contentType = CONTENT_TYPES[extname(name)];
      if (contentType === undefined) throw fault("shell.unknown-file", `The screen holds ${join(folder, name)}, whose type cannot be told from its name`);
      const address = `/${name.split(sep).map(encodeURIComponent).join("/")}`;
      // What the build puts into assets/ has its content's hash in its name.
      const cacheControl = address.startsWith("/assets/") ? "private, max-age=31536000, immutable" : "no-cache";
      files.set(address, { bytes: await readBytes(join(folder, name)), contentType, cacheControl });
    }
    return new ScreenFiles(await readIndex(folder), files);
  }

  /** The answer for the path of an address as it was sent: nothing is decoded or normalised, unknown is 404. */
  answer(path: string, context: PageContext): ScreenAnswer {
    if (path === "/" || path === `/${INDEX}`) return this.#page(context);
    const file = this.#files.get(path);
    if (file === undefined) return textAnswer(404, "There is nothing at this address.");
    const headers = { ...plainHeaders(), "content-type": file.contentType, "cache-control": file.cacheControl };
    return { status: 200, headers, body: file.bytes };
  }

  #page(context: PageContext): ScreenAnswer {
    const html = `${this.#index.before}<meta property="csp-nonce" nonce="${context.nonce}">${this.#index.after}`;
    const headers = { ...pageHeaders(context), "content-type": "text/html; charset=utf-8", "cache-control": "no-store" };
    return { status: 200, headers, body: encoder.encode(html) };
  }
}

async function listFiles(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(join(folder, sep).length));
  } catch (error) {
    throw fault("shell.no-screen", `Cannot read the screen in ${folder}: ${(error as Error).message}; \`npm run build\` makes it`);
  }
}

async function readBytes(file: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(file));
}

async function readIndex(folder: string): Promise<{ before: string; after: string }> {
  let html: string;
  try {
    html = await readFile(join(folder, INDEX), "utf8");
  } catch (error) {
    throw fault("shell.no-screen", `Cannot read ${join(folder, INDEX)}: ${(error as Error).message}; \`npm run build\` makes it`);
  }
  const at = html.indexOf(HEAD);
  if (at === -1) throw fault("shell.no-screen", `${join(folder, INDEX)} has no <head>`);
  return { before: html.slice(0, at + HEAD.length), after: html.slice(at + HEAD.length) };
}
