// The loopback server against everyone who is not the person who started it, over real HTTP and WebSocket.
import { request, type IncomingHttpHeaders } from "node:http";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { FaultError } from "../../../shared/base.ts";
import type { ClientPort } from "../../engine/client-port.ts";
import { ScreenFiles } from "../screen-files.ts";
import { BrowserServer } from "./server.ts";

/** Answers each message with the same bytes reversed, and remembers what it was given. */
class EchoEngine {
  readonly received: Uint8Array[] = [];
  readonly ports: ClientPort[] = [];
  closed = 0;
  #onClosed: (() => void)[] = [];

  attach(port: ClientPort): void {
    this.ports.push(port);
    port.onMessage((bytes) => {
      const given = new Uint8Array(bytes);
      this.received.push(given);
      port.send(given.toReversed().buffer);
    });
    port.onClose(() => {
      this.closed += 1;
      for (const resolve of this.#onClosed.splice(0)) resolve();
    });
  }

  async untilClosed(count: number): Promise<void> {
    while (this.closed < count) await new Promise<void>((resolve) => this.#onClosed.push(resolve));
  }
}

interface Answer { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string }

let folder: string;
let files: ScreenFiles;
let engine: EchoEngine;
let server: BrowserServer;
let notes: string[];
let tokens: number;

function randomToken(): string {
  tokens += 1;
  return `token-${tokens}`;
}

function listen(options: { readonly port?: number; readonly backlogMaxBytes?: number } = {}): Promise<BrowserServer> {
  return BrowserServer.listen({
    files, port: undefined, randomToken, note: (line) => notes.push(line), attach: (port) => { engine.attach(port); }, ...options,
  });
}

function get(path: string, options: { readonly host?: string; readonly cookie?: string; readonly method?: string } = {}): Promise<Answer> {
  const { host = `127.0.0.1:${server.port}`, cookie, method = "GET" } = options;
  return new Promise((resolve, reject) => {
    const headers = { host, ...(cookie === undefined ? {} : { cookie }) };
    request({ host: "127.0.0.1", port: server.port, path, method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => { resolve({ status: response.statusCode ?? 0, headers: response.headers, text }); });
    }).on("error", reject).end();
  });
}

async function signIn(address = server.address()): Promise<string> {
  const { status, headers } = await get(address.slice(address.indexOf("/?")));
  expect(status).toBe(303);
  expect(headers.location).toBe("/");
  return headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
}

interface SocketWish { readonly path?: string; readonly host?: string; readonly origin?: string | undefined; readonly cookie?: string }

function openSocket(wish: SocketWish = {}): WebSocket {
  const host = wish.host ?? `127.0.0.1:${server.port}`;
  const origin = "origin" in wish ? wish.origin : `http://${host}`;
  return new WebSocket(`ws://127.0.0.1:${server.port}${wish.path ?? "/engine"}`, {
    headers: { host, ...(origin === undefined ? {} : { origin }), ...(wish.cookie === undefined ? {} : { cookie: wish.cookie }) },
  });
}

/** 101 when the engine was reached, else the status of the refusal. */
function knock(wish: SocketWish): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = openSocket(wish);
    socket.on("open", () => { socket.terminate(); resolve(101); });
    socket.on("unexpected-response", (_request, response) => { resolve(response.statusCode ?? 0); });
    socket.on("error", reject);
  });
}

const opened = (socket: WebSocket): Promise<void> => new Promise((resolve, reject) => { socket.once("open", resolve).once("error", reject); });
const closed = (socket: WebSocket): Promise<number> => new Promise((resolve) => { socket.on("error", () => undefined).once("close", resolve); });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tapedeck-shell-"));
  await mkdir(join(folder, "assets"));
  await writeFile(join(folder, "index.html"), "<!doctype html><html><head><title>t</title></head><body></body></html>");
  await writeFile(join(folder, "assets/index-abc123.js"), "void 0;");
  await writeFile(join(folder, "icon.svg"), "<svg/>");
  files = await ScreenFiles.load(folder);
  engine = new EchoEngine();
  notes = [];
  tokens = 0;
  server = await listen();
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

describe("pages", () => {
  it("serves the screen to who exchanged the token, in several tabs and after reloads", async () => {
    for (const cookie of [await signIn(), await signIn()]) {
      for (const _reload of [1, 2]) expect((await get("/", { cookie })).status).toBe(200);
      expect((await get("/assets/index-abc123.js", { cookie })).text).toBe("void 0;");
    }
  });

  it("allows a page nothing but itself", async () => {
    const { headers } = await get("/", { cookie: await signIn() });
    expect(headers["content-security-policy"]).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
        `connect-src 'self' ws://127.0.0.1:${server.port}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    expect(headers).toMatchObject({
      "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "no-store",
      "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin", "content-type": "text/html; charset=utf-8",
    });
  });

  it("lets only names with a hash in them be kept", async () => {
    const cookie = await signIn();
    expect((await get("/assets/index-abc123.js", { cookie })).headers["cache-control"]).toBe("private, max-age=31536000, immutable");
    expect((await get("/icon.svg", { cookie })).headers["cache-control"]).toBe("no-cache");
  });

  it("sets a cookie that no script and no other site can use", async () => {
    const address = server.address();
    const { headers } = await get(address.slice(address.indexOf("/?")));
    expect(headers["set-cookie"]).toEqual([`tapedeck-${server.port}=token-2; Path=/; HttpOnly; SameSite=Strict`]);
  });

  it("answers HEAD without a body and refuses to be written to", async () => {
    const cookie = await signIn();
    const head = await get("/", { cookie, method: "HEAD" });
    expect([head.status, head.text]).toEqual([200, ""]);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) expect((await get("/", { cookie, method })).status).toBe(405);
  });
});

describe("strangers", () => {
  it.each(["/", "/index.html", "/assets/index-abc123.js", "/engine", "/nothing"])("without a cookie get nothing at %s", async (path) => {
    const { status, headers, text } = await get(path);
    expect([status, text]).toEqual([403, "Open the address with the token, as Tapedeck printed it when it started.\n"]);
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; base-uri/);
  });

  it.each(["/?token=wrong", "/?token=", "/?token=token-2"])("get no cookie for %s", async (path) => {
    const { status, headers } = await get(path);
    expect([status, headers["set-cookie"]]).toEqual([403, undefined]);
  });

  it("cannot use the token as the cookie, nor the cookie of another port", async () => {
    for (const cookie of [`tapedeck-${server.port}=token-1`, "tapedeck-1=token-2", `tapedeck-${server.port}=`]) {
      expect((await get("/", { cookie })).status).toBe(403);
    }
  });

  it.each(["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost", "127.0.0.1.evil.example"])("under the name %j get nothing, even signed in", async (host) => {
    const cookie = await signIn();
    expect((await get("/", { host, cookie })).status).toBe(403);
    expect((await get("/?token=token-1", { host })).headers["set-cookie"]).toBeUndefined();
  });

  it("may say localhost", async () => {
    expect((await get("/", { host: `localhost:${server.port}`, cookie: await signIn() })).status).toBe(200);
  });

  it.each([
    "/../package.json", "/assets/../../package.json", "/..%2f..%2fetc/passwd", "/%2e%2e/x", "//etc/passwd", "/assets/", "/assets", "/assets/index-abc123.js/",
    "/assets\\index-abc123.js", "/index.html%00.js", "/%", "http://127.0.0.1/", "*",
  ])("find no file at %s, even signed in", async (path) => {
    expect((await get(path, { cookie: await signIn() })).status).toBe(404);
  });
});

describe("an address for one use", () => {
  it("opens once; what was printed goes on opening", async () => {
    const address = server.addressForOneUse();
    expect((await get("/", { cookie: await signIn(address) })).status).toBe(200);
    expect((await get(address.slice(address.indexOf("/?")))).status).toBe(403);
    expect((await get("/", { cookie: await signIn() })).status).toBe(200);
  });

  it("is forgotten when many more were made", async () => {
    const address = server.addressForOneUse();
    for (let count = 0; count < 16; count += 1) server.addressForOneUse();
    expect((await get(address.slice(address.indexOf("/?")))).status).toBe(403);
  });
});

describe("the engine's socket", () => {
  it("carries whole binary messages both ways", async () => {
    const socket = openSocket({ cookie: await signIn() });
    await opened(socket);
    const answer = new Promise<Buffer>((resolve) => socket.once("message", (data) => { resolve(data as Buffer); }));
    socket.send(Uint8Array.of(1, 2, 3));
    expect([...(await answer)]).toEqual([3, 2, 1]);
    expect(engine.received.map((bytes) => [...bytes])).toEqual([[1, 2, 3]]);
    expect(engine.received[0]?.buffer.byteLength).toBe(3);
    socket.close();
    await engine.untilClosed(1);
  });

  it("is there for a page of this server and a signed-in person only", async () => {
    const cookie = await signIn();
    const page = `http://127.0.0.1:${server.port}`;
    expect(await knock({ cookie })).toBe(101);
    expect(await knock({ cookie, host: `localhost:${server.port}` })).toBe(101);
    const refused: Record<string, SocketWish> = {
      "no cookie": {},
      "wrong cookie": { cookie: `tapedeck-${server.port}=token-1` },
      "no origin": { cookie, origin: undefined },
      "null origin": { cookie, origin: "null" },
      "other port": { cookie, origin: "http://127.0.0.1:1" },
      "other scheme": { cookie, origin: `https://127.0.0.1:${server.port}` },
      "other name of the same host": { cookie, origin: `http://localhost:${server.port}` },
      "rebound name": { cookie, host: `evil.example:${server.port}`, origin: page },
      "rebound name with its own origin": { cookie, host: `evil.example:${server.port}` },
    };
    for (const [name, wish] of Object.entries(refused)) expect([name, await knock(wish)]).toEqual([name, 403]);
    expect(await knock({ cookie, path: "/" })).toBe(404);
    expect(await knock({ cookie, path: "/engine/x" })).toBe(404);
    expect(engine.ports.length).toBe(2);
  });

  it("ends on a message over 1 MiB, and the engine hears of the end and not of the message", async () => {
    const socket = openSocket({ cookie: await signIn() });
    await opened(socket);
    const code = closed(socket);
    socket.send(new Uint8Array(1024 * 1024 + 1));
    expect(await code).toBe(1009);
    await engine.untilClosed(1);
    expect(engine.received).toEqual([]);
    expect(notes).toEqual([expect.stringContaining("Max payload size exceeded")]);
  });

  it("ends on text", async () => {
    const socket = openSocket({ cookie: await signIn() });
    await opened(socket);
    const code = closed(socket);
    socket.send("hello");
    expect(await code).toBe(1003);
    expect(engine.received).toEqual([]);
  });

  it("cuts a screen off that does not read, once its backlog is over the limit", async () => {
    await server.close();
    server = await listen({ backlogMaxBytes: 1024 * 1024 });
    const socket = openSocket({ cookie: await signIn() });
    await opened(socket);
    socket.pause();
    for (let sent = 0; sent < 64 && notes.length === 0; sent += 1) engine.ports[0]?.send(new ArrayBuffer(1024 * 1024));
    await engine.untilClosed(1);
    expect(notes).toEqual([expect.stringMatching(/^a screen fell \d+ bytes behind and was disconnected/)]);
    socket.terminate();
  });

  it("is closed by the engine, and with the server", async () => {
    const cookie = await signIn();
    const [first, second] = [openSocket({ cookie }), openSocket({ cookie })];
    await Promise.all([opened(first), opened(second)]);
    const codes = [closed(first), closed(second)];
    engine.ports[0]?.close();
    await engine.untilClosed(1);
    await server.close();
    await engine.untilClosed(2);
    expect((await Promise.all(codes)).sort()).toEqual([1001, 1006]);
  });
});

describe("starting", () => {
  it("names a port that is taken", async () => {
    await expect(listen({ port: server.port })).rejects.toThrow(
      new FaultError({ code: "shell.port-in-use", message: `Port ${server.port} on 127.0.0.1 is in use: give another with --port, or none for any free one` }),
    );
  });

  it("listens on loopback alone", async () => {
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      // Another loopback address: the same port is free there when nobody listens on all addresses.
      probe.once("error", () => { resolve(false); }).listen({ host: "127.0.0.2", port: server.port }, () => { resolve(true); });
    });
    await new Promise<void>((resolve) => { probe.close(() => { resolve(); }); });
    expect(isFree || process.platform !== "linux").toBe(true);
  });

  it("names what is missing from the screen", async () => {
    await expect(ScreenFiles.load(join(folder, "nowhere"))).rejects.toThrow(/Cannot read the screen in .*nowhere.*npm run build/);
    await expect(ScreenFiles.load(join(folder, "assets"))).rejects.toThrow(/assets holds no index\.html; `npm run build`/);
    await writeFile(join(folder, "strange.xyz"), "");
    await expect(ScreenFiles.load(folder)).rejects.toThrow(/strange\.xyz, whose type/);
  });
});
