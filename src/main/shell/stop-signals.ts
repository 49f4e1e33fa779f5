// Turns the system's wish that we end into one orderly end, and a second wish into an end at once.

export const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type StopSignalName = (typeof STOP_SIGNALS)[number];

/** What `process` offers here. `disconnect`: whoever started us with a channel is gone. */
export interface SignalSource {
  on(signal: StopSignalName | "disconnect", listener: () => void): unknown;
  exit(code: number): void;
}

// One Ctrl+C arrives twice under npm: from the terminal, which signals everyone, and from npm, which passes it on.
const SAME_WISH_MS = 1_000;

const NUMBERS: Readonly<Record<StopSignalName, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };

/**
 * Resolves with the first signal, or when our starter is gone. A second signal, a second or more after the first, exits with
 * 128 + its number, without tidying up.
 */
export function firstStopSignal(source: SignalSource, monotonicMs: () => number): Promise<StopSignalName | "the end of its starter"> {
  return new Promise((resolve) => {
    source.on("disconnect", () => {
      resolve("the end of its starter");
    });
    let firstAtMs: number | undefined;
    for (const signal of STOP_SIGNALS) {
      source.on(signal, () => {
        if (firstAtMs !== undefined && monotonicMs() - firstAtMs >= SAME_WISH_MS) source.exit(128 + NUMBERS[signal]);
        firstAtMs ??= monotonicMs();
        resolve(signal);
      });
    }
  });
}
