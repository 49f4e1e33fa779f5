// The one clock by which latencies between threads are measured: the machine's monotonic one, whose origin all threads share.

/** Milliseconds with fraction. `performance.now()` would not do: each thread counts it from its own start. */
export function machineMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}
