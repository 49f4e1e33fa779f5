import { describe, expect, test, vi } from "vitest";
import { makeCurvePair, type CurvePair } from "../../keys/curve-pair.ts";
import { isCurveKey } from "../../keys/z85.ts";
import { ANY_PORT, bytes, testClient, testServer, type TestClient, type TestServer } from "./zmq.testkit.ts";
import { bindServer } from "./server-transport.ts";

const SERVER = makeCurvePair();
const FRIEND = makeCurvePair();
const STRANGER = makeCurvePair();

function guarded(...trusted: readonly CurvePair[]): Promise<TestServer> {
  return testServer({ security: { ...SERVER, trusted: trusted.map((pair) => pair.publicKey) } });
}

function clientWith(server: TestServer, pair: CurvePair | undefined, serverKey = SERVER.publicKey): TestClient {
  return testClient({ rpc: server.transport.rpc, pub: server.transport.pub, security: pair === undefined ? undefined : { serverKey, ...pair } });
}

/** A server that hangs up without a word looks like one that ends just then; when it does so again, the client takes it for an answer. */
async function refused(client: TestClient): Promise<string> {
  const answer = async (): ReturnType<TestClient["connect"]> => {
    const first = await client.connect();
    return first.state === "lost" ? client.connect() : first;
  };
  const { state, detail } = await answer();
  expect(state).toBe("refused");
  expect((await answer()).state).toBe("refused");
  return detail;
}

test("pairs are well-formed and never look like an option", () => {
  for (let round = 0; round < 50; round += 1) {
    const pair = makeCurvePair();
    expect(isCurveKey(pair.publicKey) && isCurveKey(pair.secretKey)).toBe(true);
    expect(pair.publicKey).toMatch(/^[A-Za-z0-9]/);
  }
});

describe("a server with keys", () => {
  test("lets a trusted key in, and everything works as without", async () => {
    await using server = await guarded(FRIEND);
    await using client = clientWith(server, FRIEND);
    expect(await client.connect()).toEqual({ state: "connected", detail: "" });
    client.transport.request(bytes("hello"));
    expect(await client.answers.first(() => true)).toBe("re: hello");
    expect(server.transport.rejectedHandshakes).toBe(0);
  });

  test("turns a stranger away, and names its key", async () => {
    await using server = await guarded(FRIEND);
    await using client = clientWith(server, STRANGER);
    const { state, detail } = await client.connect();
    expect(state).toBe("refused");
    expect(detail).toContain("does not trust this key");
    const rejection = await server.rejections.first(() => true);
    expect(rejection).toEqual({ key: STRANGER.publicKey, from: "127.0.0.1", why: "its key is not trusted" });
    expect(server.transport.rejectedHandshakes).toBe(server.rejections.all.length);
  });

  test("turns away who has no key, or another key for this server", async () => {
    await using server = await guarded(FRIEND);
    await using unkeyed = clientWith(server, undefined);
    expect(await refused(unkeyed)).toContain("wants keys");
    expect((await server.rejections.first(() => true)).why).toContain("one side uses keys and the other does not");
    await using mistaken = clientWith(server, FRIEND, STRANGER.publicKey);
    expect(await refused(mistaken)).toContain("its key is not the one given for it");
    await server.rejections.first(({ why }) => why.includes("does not know this server's key"));
    expect(server.requests.all).toEqual([]);
  });

  test("trusts at run time, and cuts off at once whom it no longer trusts", async () => {
    await using server = await guarded(FRIEND);
    const { pub, rpc } = server.transport;
    await using friend = clientWith(server, FRIEND);
    await using stranger = clientWith(server, STRANGER);
    await friend.connect();
    expect((await stranger.connect()).state).toBe("refused");
    await server.transport.trust([FRIEND.publicKey, STRANGER.publicKey]);
    expect((await stranger.connect()).state).toBe("connected");
    expect(friend.links.all.at(-1)?.state).toBe("connected");

    const lost = Promise.all([friend.links.next(), stranger.links.next()]);
    await server.transport.trust([FRIEND.publicKey]);
    expect((await lost).map(({ state }) => state)).toEqual(["lost", "lost"]);
    expect([server.transport.pub, server.transport.rpc]).toEqual([pub, rpc]);
    expect((await stranger.connect()).state).toBe("refused");
    expect((await friend.connect()).state).toBe("connected");
    friend.transport.request(bytes("back"));
    expect(await friend.answers.first(() => true)).toBe("re: back");
  });

  test("publishes to nobody while it cuts, and can be closed meanwhile", async () => {
    const server = await guarded(FRIEND, STRANGER);
    const cutting = server.transport.trust([]);
    await server.transport.publish("t", bytes("bar"));
    await Promise.all([cutting, server.transport.close()]);
    await expect(server.transport.answer("0011223344", bytes("late"))).resolves.toBe("gone");
  });
});

test("a client with keys does not speak to a server without", async () => {
  await using server = await testServer();
  await using client = clientWith(server, FRIEND);
  expect(await refused(client)).toContain("works without keys");
  await vi.waitFor(() => expect(server.transport.rejectedHandshakes).toBeGreaterThan(0));
  await expect(server.transport.trust([])).rejects.toMatchObject({ fault: { code: "bridge.no-keys" } });
});

test("beyond loopback a server with keys may listen", async () => {
  await using server = await testServer({ pub: "tcp://0.0.0.0:*", rpc: "tcp://0.0.0.0:*", security: { ...SERVER, trusted: [FRIEND.publicKey] } });
  const local = (address: string): string => address.replace("0.0.0.0", "127.0.0.1");
  await using client = testClient({ rpc: local(server.transport.rpc), pub: local(server.transport.pub), security: { serverKey: SERVER.publicKey, ...FRIEND } });
  expect((await client.connect()).state).toBe("connected");
});

test("keys that are none are refused without being repeated", async () => {
  const error = await bindServer({ ...ANY_PORT, security: { publicKey: "x", secretKey: "my secret", trusted: [] } }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ fault: { code: "bridge.bad-key", message: expect.not.stringContaining("my secret") } });
  expect(() => testClient({ ...ANY_PORT, security: { serverKey: "short", ...FRIEND } })).toThrow(/server's key is no CURVE key/);
});
