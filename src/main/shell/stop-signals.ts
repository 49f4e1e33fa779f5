// Turns the system's wish that we end into one orderly end, and a second wish into an end at once.

export const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type StopSignalName = (typeof STOP_SIGNALS)[number];

/** What `process` offers here. */
export interface SignalSource {
  on(signal: StopSignalName, listener: () => void): unknown;
  exit(code: number): void;
}

const NUMBERS: Readonly<Record<StopSignalName, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/** Resolves with the first signal. From then on a further signal exits with 128 + its number, without tidying up. */
export function firstStopSignal(source: SignalSource): Promise<StopSignalName> {
  return new Promise((resolve) => {
    let stopping = false;
    for (const signal of STOP_SIGNALS) {
      source.on(signal, () => {
        if (stopping) source.exit(128 + NUMBERS[signal]);
        stopping = true;
        resolve(signal);
      });
    }
  });
}
