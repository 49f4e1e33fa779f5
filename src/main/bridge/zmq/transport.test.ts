import { createServer } from "node:net";
import { once } from "node:events";
import { Dealer, Request, Subscriber } from "zeromq";
import { describe, expect, test, vi } from "vitest";
import { ANY_PORT, bytes, publishUntil, testClient, testServer, text } from "./zmq.testkit.ts";
import { bindServer } from "./server-transport.ts";

describe("between one server and its clients", () => {
  test("requests are answered, and only what is subscribed to is heard", async () => {
    await using server = await testServer();
    await using client = testClient(server.transport);
    expect(await client.connect()).toEqual({ state: "connected", detail: "" });
    expect(client.transport.request(bytes("hello"))).toBe(true);
    expect(await client.answers.first(() => true)).toBe("re: hello");
    client.transport.subscribe("candles.sim.A.");
    const heard = client.published.first(() => true);
    await server.transport.publish("candles.sim.B.1m", bytes("other"));
    await publishUntil(server.transport, "candles.sim.A.1m", "bar", heard);
    expect(client.published.all).toContainEqual({ topic: "candles.sim.A.1m", text: "bar" });
    expect(new Set(client.published.all.map(({ topic }) => topic))).toEqual(new Set(["candles.sim.A.1m"]));
    expect(client.links.all.map(({ state }) => state)).toEqual(["connecting", "connected"]);
  });

  test("many publications at once arrive in order", async () => {
    await using server = await testServer();
    await using client = testClient(server.transport);
    await client.connect();
    client.transport.subscribe("t");
    await publishUntil(server.transport, "t", "go", client.published.first(() => true));
    const last = client.published.first((item) => item.text === "999");
    await Promise.all(Array.from({ length: 1_000 }, (_, index) => server.transport.publish("t", bytes(String(index)))));
    await last;
    expect(client.published.all.filter((item) => item.text !== "go").map((item) => Number(item.text))).toEqual(Array.from({ length: 1_000 }, (_, index) => index));
  });

  test("a REQ socket is answered as it expects", async () => {
    await using server = await testServer();
    const socket = new Request({ linger: 0 });
    socket.connect(server.transport.rpc);
    await socket.send("plain");
    expect((await socket.receive()).map(String)).toEqual(["re: plain"]);
    socket.close();
  });

  test("messages of another shape reach the server as an empty frame", async () => {
    await using server = await testServer();
    const socket = new Dealer({ linger: 0 });
    socket.connect(server.transport.rpc);
    await socket.send(["two", "frames"]);
    expect((await server.requests.first(() => true)).text).toBe("");
    socket.close();
  });

  test("the port of the live stream can be asked for at each connect", async () => {
    await using server = await testServer();
    const { port } = /:(?<port>\d+)$/.exec(server.transport.pub)?.groups ?? {};
    const pub = { frame: bytes("port?"), portIn: (answer: Uint8Array) => (text(answer) === "re: port?" ? Number(port) : undefined) };
    await using client = testClient({ rpc: server.transport.rpc, pub });
    expect((await client.connect()).state).toBe("connected");
    expect((await client.connect()).state).toBe("connected");
    client.transport.subscribe("");
    await publishUntil(server.transport, "t", "bar", client.published.first(() => true));
    expect(client.answers.all).toEqual([]);
  });
});

describe("a client that misbehaves harms nobody", () => {
  test("an oversized frame ends its sender's connection, unread", async () => {
    await using server = await testServer({ limits: { requestBytes: 1_000 } });
    await using client = testClient(server.transport);
    await using other = testClient(server.transport);
    await Promise.all([client.connect(), other.connect()]);
    const lost = client.links.next();
    expect(client.transport.request(new Uint8Array(1_001))).toBe(true);
    expect((await lost).state).toBe("lost");
    expect(client.transport.request(bytes("again"))).toBe(false);
    other.transport.request(bytes("still here"));
    expect(await other.answers.first(() => true)).toBe("re: still here");
    expect(server.requests.all.map((request) => request.text)).toEqual(["still here"]);
  });

  test("answers that it does not read are `full` at once, and others get theirs", async () => {
    await using server = await testServer({ echoes: false, limits: { answersQueued: 4 } });
    const deaf = new Dealer({ linger: 0, receiveHighWaterMark: 1, receiveBufferSize: 4_096 });
    deaf.connect(server.transport.rpc);
    await deaf.send("feed me");
    const { client } = await server.requests.first(() => true);
    const outcomes: string[] = [];
    while (outcomes.at(-1) !== "full") {
      outcomes.push(await server.transport.answer(client, new Uint8Array(1 << 20)));
      expect(outcomes.length).toBeLessThan(100);
    }
    await using other = testClient(server.transport);
    await other.connect();
    other.transport.request(bytes("me too"));
    const asked = await server.requests.first((request) => request.text === "me too");
    expect(await server.transport.answer(asked.client, bytes("sure"))).toBe("sent");
    expect(await other.answers.first(() => true)).toBe("sure");
    deaf.close();
  });

  test("whoever is no longer there is `gone`", async () => {
    await using server = await testServer();
    expect(await server.transport.answer("0011223344", bytes("anybody?"))).toBe("gone");
    await using client = testClient(server.transport);
    await client.connect();
    client.transport.request(bytes("hello"));
    const asked = await server.requests.first(() => true);
    client.transport.disconnect();
    await vi.waitFor(async () => expect(await server.transport.answer(asked.client, bytes("late"))).toBe("gone"));
  });

  test("a subscriber that does not read loses publications, and the others none", async () => {
    await using server = await testServer({ limits: { publicationsQueued: 2_000 } });
    const deaf = new Subscriber({ linger: 0, receiveHighWaterMark: 1, receiveBufferSize: 4_096 });
    deaf.connect(server.transport.pub);
    deaf.subscribe("t");
    await using client = testClient(server.transport);
    await client.connect();
    client.transport.subscribe("t");
    await publishUntil(server.transport, "t", "go", client.published.first(() => true));
    const frame = new Uint8Array(64 << 10);
    const last = client.published.first((item) => item.text === "end");
    for (let index = 0; index < 1_000; index += 1) {
      await server.transport.publish("t", frame);
      if (index % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await server.transport.publish("t", bytes("end"));
    await last;
    expect(client.published.all.filter((item) => item.text.length === frame.length)).toHaveLength(1_000);
    deaf.close();
  });

  test("a flood of topics ends with all subscribers being cut", async () => {
    await using server = await testServer({ limits: { topics: 100 } });
    await using client = testClient(server.transport);
    await client.connect();
    const flood = new Subscriber({ linger: 0, reconnectInterval: -1 });
    flood.connect(server.transport.pub);
    const lost = client.links.next();
    for (let index = 0; index <= 100; index += 1) flood.subscribe(`candles.sim.S${index}.1m`);
    expect((await lost).state).toBe("lost");
    expect(server.rejections.all.map(({ why }) => why)).toEqual(["more than 100 topics were subscribed to: all subscribers were cut"]);
    await vi.waitFor(async () => expect((await client.connect()).state).toBe("connected"));
    flood.close();
  });

  test("bytes that are no ZeroMQ are cut off", async () => {
    await using server = await testServer();
    const answer = await fetch(server.transport.rpc.replace("tcp:", "http:")).catch((error: unknown) => error);
    expect(answer).toBeInstanceOf(TypeError);
    await using client = testClient(server.transport);
    expect((await client.connect()).state).toBe("connected");
  });
});

describe("links", () => {
  test("nobody there: lost, with where", async () => {
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const { port } = free.address() as { port: number };
    free.close();
    await once(free, "close");
    await using client = testClient({ rpc: `tcp://127.0.0.1:${port}`, pub: "tcp://127.0.0.1:9" });
    const { state, detail } = await client.connect();
    expect(state).toBe("lost");
    expect(detail).toMatch(/^nobody listens at tcp:\/\/127\.0\.0\.1:/);
  });

  test.each(["tcp://no-such-host.invalid:5556", "silent"])("no answer from %s: lost after the deadline", async (where) => {
    // Takes connections and says nothing.
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const rpc = where === "silent" ? `tcp://127.0.0.1:${(silent.address() as { port: number }).port}` : where;
    await using client = testClient({ rpc, pub: rpc, security: KEYS_OF_NOBODY, connectTimeoutMs: 100 });
    expect(await client.connect()).toEqual({ state: "lost", detail: `no answer from ${rpc} within 100 ms` });
    silent.close();
  });

  test("the server ends: lost; connecting again finds the next one, and old subscriptions are forgotten", async () => {
    const first = await testServer();
    const { pub, rpc } = first.transport;
    await using client = testClient({ pub, rpc });
    await client.connect();
    client.transport.subscribe("old");
    const lost = client.links.next();
    await first.transport.close();
    expect((await lost).state).toBe("lost");
    expect(client.transport.request(bytes("anybody?"))).toBe(false);
    await using second = await testServer({ pub, rpc });
    expect((await client.connect()).state).toBe("connected");
    client.transport.subscribe("new");
    const heard = client.published.first(({ topic }) => topic === "new");
    await second.transport.publish("old", bytes("bar"));
    await publishUntil(second.transport, "new", "bar", heard);
    expect(client.published.all.every(({ topic }) => topic === "new")).toBe(true);
  });

  test("disconnecting is not told, and nothing is told after it", async () => {
    await using server = await testServer();
    await using client = testClient(server.transport);
    client.transport.connect();
    client.transport.disconnect();
    await client.connect();
    client.transport.request(bytes("hello"));
    client.transport.disconnect();
    await client.connect();
    client.transport.request(bytes("second"));
    expect(await client.answers.next()).toBe("re: second");
    expect(client.links.all.map(({ state }) => state)).toEqual(["connecting", "connected", "connecting", "connected"]);
    expect(client.transport.request(bytes("x"))).toBe(true);
  });

  test("requests are refused when the pipe is full", async () => {
    await using server = await testServer({ limits: { requestsQueued: 1 } });
    await using client = testClient(server.transport);
    await client.connect();
    // The ROUTER's thread reads on, so only a burst within one turn of the loop can fill the pipe.
    let taken = 0;
    while (client.transport.request(new Uint8Array(60_000))) taken += 1;
    expect(taken).toBeGreaterThan(0);
    await vi.waitFor(() => expect(client.answers.all).toHaveLength(taken));
    expect(client.transport.request(bytes("again"))).toBe(true);
  });
});

describe("addresses", () => {
  test.each(["tcp://0.0.0.0:*", "tcp://*:5556", "tcp://192.168.1.7:5556", "tcp://host:5556", "tcp://[::]:5556"])("%s is refused without keys, on both sides", async (address) => {
    await expect(bindServer({ ...ANY_PORT, pub: address, security: undefined })).rejects.toMatchObject({ fault: { code: "bridge.needs-keys" } });
    expect(() => testClient({ rpc: address, pub: address })).toThrow(/needs keys/);
  });

  test.each(["127.0.0.1:5556", "http://127.0.0.1:1", "tcp://127.0.0.1", "tcp://127.0.0.1:70000", "tcp://a b:1", "inproc://x", ""])("%j is no address", async (address) => {
    await expect(bindServer({ ...ANY_PORT, rpc: address, security: undefined })).rejects.toMatchObject({ fault: { code: "bridge.bad-address" } });
  });

  test("an address in use is said, and nothing stays open", async () => {
    await using server = await testServer();
    const error = await bindServer({ pub: server.transport.pub, rpc: ANY_PORT.rpc, security: undefined }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ fault: { code: "bridge.address-in-use", message: expect.stringContaining(server.transport.pub) } });
  });

  test.each(["ipc:///tmp/tapedeck-transport-test", "tcp://[::1]:*"])("%s works", async (address) => {
    const other = address.startsWith("ipc") ? `${address}-2` : address;
    await using server = await testServer({ pub: address, rpc: other });
    await using client = testClient(server.transport);
    expect((await client.connect()).state).toBe("connected");
  });
});

/** Well-formed, and known to no server. */
const KEYS_OF_NOBODY = {
  serverKey: "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", publicKey: "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", secretKey: "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
};
