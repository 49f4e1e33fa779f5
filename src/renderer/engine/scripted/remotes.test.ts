// The scripted remotes tell the whole story of a connection, so that the screen can be developed without an engine.
import { describe, expect, it } from "vitest";
import { phaseAt, ScriptedRemotes } from "./remotes.ts";
import { ScriptedSharing } from "./sharing.ts";

const NOW = 1_700_000_000_000;

describe("a scripted connection", () => {
  it("that comes and goes passes through every state in order", () => {
    const states: string[] = [];
    for (let ms = 0; ms < 30_000; ms += 100) {
      const { state } = phaseAt("flaky", ms);
      if (states.at(-1) !== state) states.push(state);
    }
    expect(states).toEqual(["connecting", "warming", "live", "stale", "reconnecting", "resyncing", "warming", "live"]);
  });

  it("is refused for as long as the key is not trusted", () => {
    expect([phaseAt("refused", 600).state, phaseAt("refused", 60_000).state]).toEqual(["refused", "refused"]);
  });
});

describe("scripted remotes", () => {
  it("are saved, opened at their first series, disconnected and forgotten", () => {
    const remotes = new ScriptedRemotes([], NOW);
    remotes.save({ remoteId: "desk", name: "Desk", rpc: "tcp://127.0.0.1:5557" }, NOW);
    remotes.open({ remoteId: "desk" }, NOW);
    const [status] = remotes.status(NOW + 5_000);
    expect([status?.state, status?.mode, status?.series.length, status?.series[0]?.appliedSequence]).toEqual(["live", "live", 1, status?.series[0]?.latestSequence]);
    remotes.disconnect("desk");
    expect(remotes.status(NOW + 6_000)[0]?.state).toBe("off");
    remotes.forget("desk");
    expect(remotes.status(NOW)).toEqual([]);
    expect(() => remotes.open({ remoteId: "desk" }, NOW)).toThrow("There is no remote desk");
  });
});

describe("scripted sharing", () => {
  it("stays on this machine until a key is trusted", () => {
    const sharing = new ScriptedSharing();
    expect(sharing.start({ pub: "tcp://127.0.0.1:*", rpc: "tcp://127.0.0.1:*" }, NOW)).toEqual({ pub: "tcp://127.0.0.1:49210", rpc: "tcp://127.0.0.1:49211" });
    expect(() => sharing.start({ pub: "tcp://0.0.0.0:1", rpc: "tcp://0.0.0.0:2" }, NOW)).toThrow("only trusted keys");
    sharing.trust({ name: "Desk", publicKey: "k" }, NOW);
    sharing.start({ pub: "tcp://0.0.0.0:1", rpc: "tcp://0.0.0.0:2" }, NOW);
    expect([sharing.status(NOW + 5_000).state, sharing.status(NOW + 5_000).secured]).toEqual(["serving", true]);
  });
});
