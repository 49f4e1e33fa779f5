// The fault lab of a recording: the simulated venue's faults and this machine's, under one list of names.
import { fault } from "../../shared/base.ts";
import type { FaultInfo } from "../../shared/faults.ts";
import { LOCAL_FAULTS, localFault, type LocalFault } from "../faults/local-faults.ts";
import { FAULT_MENU } from "../sim/faults.ts";

export interface FaultLab {
  /** What can be injected now; empty where the data are real. */
  readonly list: readonly FaultInfo[];
  /** Answers what will happen. Throws `faults.not-simulated`, `faults.unknown`, `faults.bad-amount`, `sim.bad-amount`. */
  inject(name: string, amount: number | undefined): Promise<{ readonly applied: string }>;
}

export interface FaultLabOptions {
  /** The data come from a simulator: nobody loses anything real. */
  readonly simulated: boolean;
  /** The built-in simulator; undefined: the simulator runs elsewhere, and its own faults are asked for there. */
  readonly simulator: { fault(name: string, amount: number | undefined): Promise<{ readonly applied: string }> } | undefined;
  readonly local: (wrong: LocalFault) => Promise<void>;
}

const OF_VENUE: readonly FaultInfo[] = FAULT_MENU.map(({ name, summary, amount, preset }) => ({ name, place: "venue", summary, amount, preset }));

export function createFaultLab({ simulated, simulator, local }: FaultLabOptions): FaultLab {
  const list = simulated ? [...(simulator === undefined ? [] : OF_VENUE), ...LOCAL_FAULTS] : [];
  return {
    list,
    async inject(name, amount) {
      if (!simulated) throw fault("faults.not-simulated", `Fault ${name} was not injected: faults are for simulated sources only (venue sim, or a simulator on this machine by --endpoint)`);
      const known = list.find((entry) => entry.name === name);
      if (known === undefined) throw fault("faults.unknown", `There is no fault ${JSON.stringify(name)} here; there are ${list.map((entry) => entry.name).join(", ")}`);
      const wrong = localFault(name, amount);
      if (wrong === undefined && simulator !== undefined) return simulator.fault(name, amount);
      if (wrong === undefined) throw fault("faults.unknown", `Fault ${name} is the simulator's, which runs elsewhere: ask it there (POST /sim/fault)`);
      await local(wrong);
      return { applied: `${known.summary} (${amount ?? known.preset} ${known.amount})` };
    },
  };
}

/** An address of this machine: what listens there is a simulator or a proxy of the person who recorded it. */
export function isLoopback(address: string): boolean {
  const host = /^[a-z]+:\/\/(\[[^\]]+\]|[^/:?]+)/.exec(address)?.[1] ?? "";
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
