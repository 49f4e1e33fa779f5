// Words for measures: what they mean, and one clear line for what they do not.
import { describe, expect, test } from "vitest";
import { duration, hostAndPort, retention, speed } from "./measures.ts";

describe("lengths, speeds, retention and addresses", () => {
  test("mean what they say", () => {
    expect(duration("for").parse("1.5s")).toBe(1_500);
    expect(duration("for").parse("250ms")).toBe(250);
    expect(speed.parse("asap")).toBe(0);
    expect(speed.parse("0.5x")).toBe(0.5);
    expect(retention.parse("7d")).toEqual({ entries: Number.MAX_SAFE_INTEGER, ageMs: 604_800_000 });
    expect(retention.parse("50000")).toEqual({ entries: 50_000, ageMs: undefined });
    expect(hostAndPort.parse("127.0.0.1:0")).toEqual({ host: "127.0.0.1", port: 0 });
    expect(hostAndPort.parse("9464")).toEqual({ host: "127.0.0.1", port: 9_464 });
    expect(hostAndPort.parse("[::1]:9464")).toEqual({ host: "::1", port: 9_464 });
  });
  test.each([
    ["0s", () => duration("for").parse("0s"), /--for 0s: write a length/],
    ["30d", () => duration("for").parse("30d"), /at most 24d/],
    ["fast", () => speed.parse("fast"), /--speed fast: write asap/],
    ["0x", () => speed.parse("0x"), /--speed 0x/],
    ["0", () => retention.parse("0"), /--retain 0: write an age/],
    ["a name alone", () => hostAndPort.parse("metrics"), /--metrics metrics: write a port or host:port/],
    ["a:70000", () => hostAndPort.parse("a:70000"), /--metrics a:70000/],
    ["[x]:1", () => hostAndPort.parse("[x]:1"), /--metrics \[x\]:1/],
  ])("%s is refused", (_text, parse, message) => {
    expect(parse).toThrow(message);
  });
});
