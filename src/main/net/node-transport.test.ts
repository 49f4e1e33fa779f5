// Real sockets and requests against servers on loopback: every way to end has its type.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { NodeClock, nodeTimers } from "./node-clock.ts";
import { createNodeHttp, createNodeWebSockets } from "./node-transport.ts";
import { type Socket, type SocketClose, TRANSPORT_MESSAGE_BYTES_MAX } from "./transport.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

interface Story { readonly messages: Uint8Array[]; readonly close: SocketClose }

function follow(url: string, onOpen: (socket: Socket) => void = () => undefined): Promise<Story> {
  return new Promise((resolve) => {
    const messages: Uint8Array[] = [];
    const socket = createNodeWebSockets(nodeTimers).connect(url, {
      opened: () => {
        onOpen(socket);
      },
      message: (bytes) => messages.push(bytes),
      closed: (close) => {
        resolve({ messages, close });
      },
    });
  });
}

async function serve(onConnection: (socket: import("ws").WebSocket) => void): Promise<string> {
  const server = createServer((_, response) => {
    response.writeHead(404).end();
  });
  const sockets = new WebSocketServer({ server, perMessageDeflate: true, maxPayload: 1_000_000_000 });
  sockets.on("connection", onConnection);
  return `ws://127.0.0.1:${await listen(server)}/stream`;
}

it("hands over messages as bytes, even those that are no UTF-8, and the venue's close", async () => {
  const url = await serve((socket) => {
    socket.on("message", (data) => {
      socket.send(data, { binary: false });
      socket.send(Buffer.from([0xff, 0xfe]), { binary: false });
      socket.close(4001, "bye");
    });
  });
  const { messages, close } = await follow(url, (socket) => {
    socket.send('{"id":1}');
  });
  expect(messages.map((bytes) => [...bytes])).toEqual([[...Buffer.from('{"id":1}')], [0xff, 0xfe]]);
  expect(close).toEqual({ code: 4001, cause: "closed", detail: "bye" });
});

it("tells lost, local, refused, unreachable, malformed and too large apart", async () => {
  const url = await serve((socket) => {
    socket.on("message", (data) => {
      if (String(data) === "drop") socket.terminate();
      else if (String(data) === "large") socket.send(Buffer.alloc(TRANSPORT_MESSAGE_BYTES_MAX + 1));
    });
  });
  const bare = createServer((_, response) => {
    response.writeHead(503).end();
  });
  bare.on("upgrade", (_, socket) => {
    socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
  });
  const barePort = await listen(bare);
  expect((await follow(url, (socket) => { socket.send("drop"); })).close).toMatchObject({ code: 1006, cause: "lost" });
  expect((await follow(url, (socket) => { socket.close(); })).close).toMatchObject({ cause: "local" });
  expect((await follow(url, (socket) => { socket.send("large"); })).close).toMatchObject({ cause: "protocol" });
  expect((await follow(`ws://127.0.0.1:${barePort}/`)).close).toMatchObject({ code: 403, cause: "refused" });
  expect((await follow("ws://127.0.0.1:1/")).close).toMatchObject({ cause: "unreachable" });
  expect((await follow("no address")).close).toMatchObject({ cause: "unreachable" });
});

it("answers requests with status, headers and bytes, and faults for the rest", async () => {
  const server = createServer((request, response) => {
    if (request.url === "/silent") return;
    if (request.url === "/large") {
      response.end(Buffer.alloc(TRANSPORT_MESSAGE_BYTES_MAX + 1));
      return;
    }
    response.writeHead(429, { "Retry-After": "7" }).end('{"code":-1003}');
  });
  const base = `http://127.0.0.1:${await listen(server)}`;
  const http = createNodeHttp(nodeTimers);
  const answer = await http.get(`${base}/x`, { timeoutMs: 5_000 });
  expect(answer).toMatchObject({ ok: true, value: { status: 429, headers: { "retry-after": "7" } } });
  expect(answer.ok && Buffer.from(answer.value.body).toString()).toBe('{"code":-1003}');
  expect(await http.get(`${base}/silent`, { timeoutMs: 30 })).toMatchObject({ ok: false, fault: { code: "net.timeout" } });
  expect(await http.get(`${base}/large`, { timeoutMs: 5_000 })).toMatchObject({ ok: false, fault: { code: "net.too-large" } });
  expect(await http.get("http://127.0.0.1:1/", { timeoutMs: 5_000 })).toMatchObject({ ok: false, fault: { code: "net.unreachable" } });
  const stop = new AbortController();
  const cancelled = http.get(`${base}/silent`, { timeoutMs: 5_000, signal: stop.signal });
  stop.abort();
  expect(await cancelled).toMatchObject({ ok: false, fault: { code: "net.cancelled" } });
});

it("runs wall time on the monotonic clock until the system clock steps away", () => {
  let monotonicNs = 0n;
  let systemMs = 1_000_000;
  const clock = new NodeClock({ monotonicNs: () => monotonicNs, systemMs: () => systemMs });
  monotonicNs += 1_234n;
  expect(clock.wallNs()).toBe(1_000_000_001_234n);
  monotonicNs += 100_000_000n;
  systemMs += 101;
  expect(clock.wallNs()).toBe(1_000_100_001_234n);
  monotonicNs += 60_000_000n;
  systemMs += 3_600_000;
  expect(clock.wallNs()).toBe(BigInt(systemMs) * 1_000_000n);
  expect(clock.monotonicMs()).toBeCloseTo(160.001, 2);
});
