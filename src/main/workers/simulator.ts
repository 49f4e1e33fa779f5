// Thread entry: the built-in simulator on real loopback sockets.
import { workerData } from "node:worker_threads";
import { assert } from "../../shared/base.ts";
import { serveThread } from "../engine/thread.ts";
import type { SimulatorCall, SimulatorData } from "../engine/thread-messages.ts";
import { NodeClock, nodeTimers } from "../net/node-clock.ts";
import { MESSAGES_PER_SECOND_DEFAULT } from "../sim/market-model.ts";
import { startSimulator, type Simulator } from "../sim/server.ts";

/** Messages of market made before the start, for REST to show: few enough that recording begins at once. */
const WARM_MESSAGES = 60_000;
const WARM_MS_MAX = 3_600_000;

const data = workerData as SimulatorData;
let simulator: Simulator | undefined;

const thread = serveThread<SimulatorCall, never, never>({
  async onCall(call) {
    if (call.type === "open") {
      const rate = data.messagesPerSecond ?? MESSAGES_PER_SECOND_DEFAULT;
      simulator = await startSimulator({
        warmMs: Math.min(WARM_MS_MAX, Math.round((WARM_MESSAGES / rate) * 1_000)), seed: data.seed, startMs: data.startMs, symbols: data.symbols, clock: new NodeClock(), timers: nodeTimers,
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
