// What the fields of a remote take, and the one line beside each that says why not.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { commandSchemas } from "../../shared/protocol/commands.ts";
import { addressOf, addressTrouble, completedAddress, freshRemoteId, isLoopback, keyTrouble, remoteTroubles, type RemoteFields } from "./form.ts";

const KEY = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
const fields: RemoteFields = { name: "Desk", rpc: "127.0.0.1:5557", pub: "", serverKey: "" };

describe("an address", () => {
  it.each(["tcp://127.0.0.1:5557", "localhost:1", "tcp://desk.example:65535", "tcp://[::1]:5557"])("%s is one", (text) => {
    expect(addressTrouble(text, { isAnyPort: false })).toBeUndefined();
  });

  it.each([
    ["127.0.0.1", "Write host and port, like tcp://127.0.0.1:5557"], ["http://a:1", "Write host and port, like tcp://127.0.0.1:5557"], ["a:0", "The port must be 1 to 65535"],
    ["a:65536", "The port must be 1 to 65535"], ["a:x", "The port must be 1 to 65535"], ["a:*", "The server's port is needed here: * only means “any free one” when serving"],
  ])("%s is none", (text, trouble) => {
    expect(addressTrouble(text, { isAnyPort: false })).toBe(trouble);
  });

  it("to serve at may leave the port to the system", () => {
    expect(addressTrouble("tcp://127.0.0.1:*", { isAnyPort: true })).toBeUndefined();
  });

  it("without a protocol is tcp", () => {
    expect([completedAddress(" a:1 "), completedAddress("tcp://a:1"), completedAddress("")]).toEqual(["tcp://a:1", "tcp://a:1", ""]);
  });

  it("of this machine is known as such", () => {
    expect(["127.0.0.1:1", "tcp://127.8.0.1:1", "localhost:1", "[::1]:1"].every(isLoopback)).toBe(true);
    expect(["10.0.0.1:1", "127.0.0.1.example:1", "0.0.0.0:1"].some(isLoopback)).toBe(false);
  });
});

describe("a remote's fields", () => {
  it("without trouble are what the command takes, whatever was typed", () => {
    fc.assert(fc.property(fc.record({ name: fc.string(), rpc: fc.string(), pub: fc.string(), serverKey: fc.string() }), (typed) => {
      if (Object.keys(remoteTroubles(typed, [])).length > 0) return;
      const remote = { remoteId: freshRemoteId(typed.name, []), name: typed.name.trim(), ...addressOf(typed) };
      expect(commandSchemas["remote.save"].safeParse({ remote }).success).toBe(true);
    }), { numRuns: 500 });
    expect(remoteTroubles({ ...fields, serverKey: KEY, pub: "127.0.0.1:5556" }, [])).toEqual({});
    expect(commandSchemas["remote.test"].safeParse(addressOf({ ...fields, serverKey: ` ${KEY} `, pub: "127.0.0.1:5556" })).success).toBe(true);
  });

  it("each have their own trouble", () => {
    expect(Object.keys(remoteTroubles({ name: " ", rpc: "", pub: "x", serverKey: "short" }, []))).toEqual(["name", "rpc", "pub", "serverKey"]);
    expect(remoteTroubles(fields, ["desk"]).name).toBe("Another remote has this name");
  });

  it("tell what is wrong with a key", () => {
    expect([keyTrouble(KEY), keyTrouble("abc"), keyTrouble("é".repeat(40))]).toEqual([undefined, "A public key has 40 characters, this has 3", "This has characters that no key has: copy it once more"]);
  });
});

describe("a remote's id", () => {
  it("comes from its first name, is unique and fits the protocol", () => {
    expect([freshRemoteId("Desk London!", []), freshRemoteId("Desk London", ["desk-london", "desk-london-2"]), freshRemoteId("東京", [])]).toEqual(["desk-london", "desk-london-3", "remote"]);
    fc.assert(fc.property(fc.string(), fc.array(fc.constantFrom("a", "a-2", "remote")), (name, taken) => {
      const remoteId = freshRemoteId(name, taken);
      expect(commandSchemas["remote.forget"].safeParse({ remoteId }).success).toBe(true);
      expect(taken).not.toContain(remoteId);
    }));
  });
});
