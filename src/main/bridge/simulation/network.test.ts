// The simulated network does what ZeroMQ promises when the weather is fair, and what it is told when it is not.
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../net/virtual-clock.ts";
import { SeededRandom } from "../../sim/random.ts";
import type { ClientTransport, ServerTransport } from "../transport.ts";
import { Life } from "./life.testkit.ts";
import { flipBit, SimulatedNetwork } from "./network.testkit.ts";

interface Scene {
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork;
  readonly server: ServerTransport;
  readonly client: ClientTransport;
  readonly clientLife: Life;
  readonly serverLife: Life;
  readonly heard: string[];
  readonly asked: string[];
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (words: string): Uint8Array => new TextEncoder().encode(words);

async function scene(): Promise<Scene> {
  const clock = new VirtualClock(0);
  const network = new SimulatedNetwork({ clock, random: new SeededRandom(1), corrupt: flipBit, tellsRefusal: true });
  const life = (name: string): Life => new Life({ name, clock, onKilled: () => undefined });
  const [serverLife, clientLife] = [life("server"), life("client")];
  const server = network.openServer(serverLife);
  const client = network.openClient("client", clientLife);
  const [heard, asked]: [string[], string[]] = [[], []];
  server.onRequest((id, frame) => {
    asked.push(text(frame));
    void server.answer(id, bytes(`answer to ${text(frame)}`));
  });
  client.listen({
    onLink: (state) => heard.push(state),
    onPublished: (topic, frame) => heard.push(`${topic} ${text(frame)}`),
    onAnswer: (frame) => heard.push(text(frame)),
  });
  client.connect();
  await clock.advance(100);
  return { clock, network, server, client, clientLife, serverLife, heard, asked };
}

describe("the simulated network", () => {
  it("carries frames whole and in order, filtered by prefix", async () => {
    const { clock, server, client, heard } = await scene();
    client.subscribe("candles.a");
    await clock.advance(100);
    for (const topic of ["candles.a", "candles.ab", "candles.b"]) await server.publish(topic, bytes("1"));
    client.request(bytes("one"));
    client.request(bytes("two"));
    await clock.advance(100);
    expect(heard.filter((line) => line.startsWith("candles"))).toEqual(["candles.a 1", "candles.ab 1"]);
    expect(heard.filter((line) => line.startsWith("answer"))).toEqual(["answer to one", "answer to two"]);
  });

  it("tells both sides of a cut, and lets nobody in until it is over", async () => {
    const { clock, network, client, heard } = await scene();
    network.cut("client");
    await clock.advance(100);
    expect(heard).toEqual(["connecting", "connected", "lost"]);
    client.connect();
    await clock.advance(100);
    network.weather("client").isCut = false;
    client.connect();
    await clock.advance(100);
    expect(heard.slice(3)).toEqual(["connecting", "lost", "connecting", "connected"]);
  });

  it("tells nobody of a half-open connection, until another one is opened", async () => {
    const { clock, network, server, client, heard, asked } = await scene();
    client.subscribe("");
    await clock.advance(100);
    network.silence("client", ["sub", "dealer"]);
    await server.publish("topic", bytes("lost"));
    expect(client.request(bytes("lost"))).toBe(true);
    await clock.advance(1_000);
    expect([heard, asked]).toEqual([["connecting", "connected"], []]);
    client.connect();
    client.subscribe("");
    await clock.advance(100);
    await server.publish("topic", bytes("heard"));
    await clock.advance(100);
    expect(heard.at(-1)).toBe("topic heard");
  });

  it("lets a killed process neither say nor hear anything more", async () => {
    const { clock, server, client, clientLife, serverLife, heard, asked } = await scene();
    client.subscribe("");
    await clock.advance(100);
    clientLife.killAfterSteps(1);
    client.request(bytes("one"));
    expect(client.request(bytes("two"))).toBe(false);
    await server.publish("topic", bytes("late"));
    clientLife.after(1, () => heard.push("timer"));
    await clock.advance(100);
    expect([asked, heard.length, clientLife.isAlive]).toEqual([["one"], 2, false]);
    serverLife.kill();
    let isHeard = false;
    void server.publish("topic", bytes("dead")).then(() => { isHeard = true; });
    await clock.advance(100);
    expect(isHeard).toBe(false);
  });
});
