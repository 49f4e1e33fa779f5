// Whatever is dropped, doubled, reordered, cut, killed or refused on the way: the client ends in the server's state, each sequence
// told once per life and history, in order, and the cache holds the same. (The whole of both halves: ../simulation.)
import fc from "fast-check";
import { describe, it } from "vitest";
import type { StreamKey } from "../model.ts";
import { begin, benchOf, expectWhole, restart, type Bench } from "./client.testkit.ts";
import { historyNamed, KEY } from "./scripted-server.testkit.ts";

const OTHER: StreamKey = { ...KEY, symbol: "ETHUSDT" };
const KEYS = [KEY, OTHER] as const;
const FULL = { code: "cache.disk", message: "no space left" };

const stream = fc.constantFrom(...KEYS);
const doing = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("append" as const), key: stream, count: fc.integer({ min: 1, max: 30 }) }) },
  // Any part of what there is, in any order, as often as it likes: the rest was dropped.
  { weight: 10, arbitrary: fc.record({ do: fc.constant("publish" as const), key: stream, back: fc.nat({ max: 60 }), count: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("heartbeat" as const), key: stream }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(0, 1, 5, 50, 300, 2_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cut" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reach" as const), is: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("deaf" as const), is: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("mute" as const), is: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("kill" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("notice" as const), key: stream }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("resync" as const), key: stream }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("begin anew" as const), keeps: fc.nat({ max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("cache" as const), when: fc.constantFrom("before" as const, "after" as const, undefined) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("retention" as const), key: stream, back: fc.nat({ max: 40 }) }) },
);
type Doing = typeof doing extends fc.Arbitrary<infer D> ? D : never;

async function perform(bench: Bench, what: Doing, at: number): Promise<void> {
  const { server } = bench;
  switch (what.do) {
    case "append":
      return server.append(what.count, what.key);
    case "publish": {
      const to = server.stream(what.key).entries.length;
      const from = Math.max(1, to - what.back);
      if (to > 0) server.publish(server.batch(from, Math.min(to, from + what.count - 1), what.key));
      return;
    }
    case "heartbeat":
      return server.publish(server.heartbeat(what.key));
    case "pass":
      return bench.clock.advance(what.ms);
    case "cut":
      return server.cut();
    case "reach":
      server.isReachable = what.is;
      return;
    case "deaf":
      server.isDeaf = what.is;
      return;
    case "mute":
      server.isMute = what.is;
      return;
    case "kill":
      restart(bench);
      return begin(bench, 0);
    case "notice": {
      const latestSequence = server.stream(what.key).entries.length;
      return server.answer(0, { type: "resync_notice", key: what.key, historyId: server.history.historyId, latestSequence, appliedSequence: 0, detail: "behind" });
    }
    case "resync":
      return bench.client.resync(what.key, "a person");
    case "begin anew":
      server.history = historyNamed(`h${at + 2}`, { runId: `r${at}` });
      for (const key of KEYS) {
        const served = server.stream(key);
        served.entries.splice(what.keeps);
        served.first = 1;
      }
      return;
    case "cache":
      bench.cache.failing = (method) => (what.when !== undefined && method.startsWith("apply") ? { when: what.when, fault: FULL } : undefined);
      return;
    case "retention": {
      const served = server.stream(what.key);
      served.first = Math.max(served.first, served.entries.length - what.back + 1);
    }
  }
}

describe("a client, whatever happens", () => {
  it("ends in the server's state, each sequence told once", async () => {
    await fc.assert(fc.asyncProperty(fc.array(doing, { minLength: 1, maxLength: 60 }), async (doings) => {
      const bench = benchOf({ keys: KEYS, timing: { bufferEntriesMax: 40, persistMs: 20 } });
      await begin(bench, 0);
      for (const [at, what] of doings.entries()) await perform(bench, what, at);
      const { server } = bench;
      server.isReachable = true;
      server.isDeaf = false;
      server.isMute = false;
      bench.cache.failing = () => undefined;
      await server.live(45_000);
      for (const key of KEYS) expectWhole(bench, key);
    }), { numRuns: 120 });
  });
});
