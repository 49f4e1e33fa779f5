// Notices that the host slept or its clock was set: wall time and monotonic time no longer agree, or a timer came far too late.
import type { Clock } from "../../shared/base.ts";
import { msFromNs } from "../../shared/time.ts";

export interface ClockJump {
  /** How much more the wall clock moved than it should have, ms; negative when it was set back. */
  readonly wallJumpMs: number;
  readonly cause: "host-slept" | "clock-set-back" | "process-stalled";
}

export class ClockJumpDetector {
  readonly #clock: Clock;
  readonly #jumpMs: number;
  #wallNs: bigint;
  #monotonicMs: number;

  constructor(clock: Clock, jumpMs: number) {
    this.#clock = clock;
    this.#jumpMs = jumpMs;
    this.#wallNs = clock.wallNs();
    this.#monotonicMs = clock.monotonicMs();
  }

  /** Call at a steady pace. `expectedMs`: that pace. */
  check(expectedMs: number): ClockJump | undefined {
    const wallNs = this.#clock.wallNs();
    const monotonicMs = this.#clock.monotonicMs();
    const wallMs = msFromNs(wallNs - this.#wallNs);
    const passedMs = monotonicMs - this.#monotonicMs;
    this.#wallNs = wallNs;
    this.#monotonicMs = monotonicMs;
    const apartMs = Math.round(wallMs - passedMs);
    if (apartMs > this.#jumpMs) return { wallJumpMs: apartMs, cause: "host-slept" };
    if (apartMs < -this.#jumpMs) return { wallJumpMs: apartMs, cause: "clock-set-back" };
    // Where the monotonic clock counts sleep too, or the process was stopped: five times the allowance, since a busy host is late as well.
    const lateMs = Math.round(passedMs - expectedMs);
    if (lateMs > 5 * this.#jumpMs) return { wallJumpMs: lateMs, cause: "process-stalled" };
    return undefined;
  }
}
