// Owns what the fault lab did in this session: the list that the engine offers, amounts as typed, and every injection with its answer.
import { createStore } from "zustand/vanilla";
import type { GapEntry } from "../../shared/candles.ts";
import type { FaultInfo, FaultPlace } from "../../shared/faults.ts";
import type { VenueId } from "../../shared/market.ts";
import { engine } from "../engine/session.ts";
import { faultOf } from "../engine/client.ts";
import { engineStore } from "../store/engine-state.ts";

export interface Injection {
  readonly id: number;
  readonly atMs: number;
  /** Last seq of the log when it was injected: what the ledger says later, says it because of this or after it. */
  readonly atSeq: number;
  readonly name: string;
  readonly place: FaultPlace;
  readonly what: string;
  readonly venue: VenueId | undefined;
  readonly outcome: { readonly state: "asked" } | { readonly state: "applied" | "refused"; readonly text: string };
}

export interface FaultState {
  /** Undefined until it has been asked for. Empty: nothing may be broken now, since the data are real. */
  readonly list: readonly FaultInfo[] | undefined;
  readonly trouble: string | undefined;
  /** Text of the amount fields that were changed, by fault. */
  readonly amounts: Readonly<Record<string, string>>;
  readonly venue: VenueId | undefined;
  /** Newest first. */
  readonly injections: readonly Injection[];
  readonly nextId: number;
}

const INJECTIONS_MAX = 200;
export const PLACES = ["venue", "clock", "disk"] as const satisfies readonly FaultPlace[];

export const faultStore = createStore<FaultState>(() => ({ list: undefined, trouble: undefined, amounts: {}, venue: undefined, injections: [], nextId: 1 }));

export async function readFaults(): Promise<void> {
  try {
    faultStore.setState({ list: await engine().call("fault.list", {}), trouble: undefined });
  } catch (error) {
    faultStore.setState({ trouble: faultOf(error).message });
  }
}

/** The number in an amount field: empty is the preset. */
export function amountOf(info: FaultInfo, text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === "") return info.preset;
  const value = Number(text);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}

function settle(id: number, outcome: Injection["outcome"]): void {
  faultStore.setState(({ injections }) => ({ injections: injections.map((one) => (one.id === id ? { ...one, outcome } : one)) }));
}

export async function inject(info: FaultInfo): Promise<void> {
  const { amounts, venue, nextId } = faultStore.getState();
  const amount = amountOf(info, amounts[info.name]);
  if (amount === undefined) return;
  const ofVenue = info.place === "venue" ? venue : undefined;
  const injection: Injection = {
    id: nextId, atMs: Date.now(), atSeq: engineStore.getState().recording?.appended ?? 0, name: info.name, place: info.place, what: `${amount} ${info.amount}`, venue: ofVenue, outcome: { state: "asked" },
  };
  faultStore.setState(({ injections }) => ({ injections: [injection, ...injections].slice(0, INJECTIONS_MAX), nextId: nextId + 1 }));
  try {
    const { applied } = await engine().call("fault.inject", { name: info.name, amount, ...(ofVenue !== undefined && { venue: ofVenue }) });
    settle(injection.id, { state: "applied", text: applied });
  } catch (error) {
    settle(injection.id, { state: "refused", text: faultOf(error).message });
  }
}

/** Entries that were written or changed since the first injection, newest first. */
export function gapsSince(gaps: readonly GapEntry[], injections: readonly Injection[]): readonly GapEntry[] {
  const first = injections.at(-1);
  return first === undefined ? [] : gaps.filter(({ atSeq }) => atSeq > first.atSeq).sort((a, b) => b.atSeq - a.atSeq);
}
