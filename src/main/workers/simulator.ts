// Thread entry: the built-in simulator on real loopback sockets.
import { workerData } from "node:worker_threads";
import { assert } from "../../shared/base.ts";
import { serveThread } from "../engine/thread.ts";
import type { SimulatorCall, SimulatorData } from "../engine/thread-messages.ts";
import { NodeClock, nodeTimers } from "../net/node-clock.ts";
import { startSimulator, type Simulator } from "../sim/server.ts";

const data = workerData as SimulatorData;
let simulator: Simulator | undefined;

const thread = serveThread<SimulatorCall, never, never>({
  async onCall(call) {
    if (call.type === "open") {
      simulator = await startSimulator({
        seed: data.seed, startMs: data.startMs, symbols: data.symbols, clock: new NodeClock(), timers: nodeTimers,
        ...(data.messagesPerSecond === undefined ? {} : { messagesPerSecond: data.messagesPerSecond }),
      });
      return { value: { endpoints: simulator.endpoints } };
    }
    assert(simulator !== undefined, "the simulator is open");
    if (call.type === "fault") return { value: { applied: simulator.fault(call.name, call.amount) } };
    await simulator.close();
    thread.end();
    return { value: undefined };
  },
  onNote: () => undefined,
});
