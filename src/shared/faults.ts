// The fault lab: everything that can be made to go wrong on purpose, by name. The same names from the panel, from
// `tapedeck record --fault`, from tests and in docs/faults.md. Pure.

/** Where a fault strikes: at the (simulated) venue, in this machine's clocks, or on its disk. */
export type FaultPlace = "venue" | "clock" | "disk";

export interface FaultInfo {
  readonly name: string;
  readonly place: FaultPlace;
  readonly summary: string;
  /** What the one number means: "messages", "seconds" … */
  readonly amount: string;
  readonly preset: number;
}
