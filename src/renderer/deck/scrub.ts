// Owns scrubbing: while dragging one seek is under way and the newest place waits; letting go lands exactly.
import { engine } from "../engine/session.ts";
import { faultOf } from "../engine/client.ts";
import { addToast } from "../store/toasts.ts";

let waitingMs: number | undefined;
let isUnderWay = false;

/** Seeks to a known time, clamped to the tape. Calls during a seek replace each other: only the newest place counts. */
export function scrubTo(ms: number): void {
  waitingMs = ms;
  if (!isUnderWay) void drain();
}

async function drain(): Promise<void> {
  isUnderWay = true;
  try {
    for (let ms = waitingMs; ms !== undefined; ms = waitingMs) {
      waitingMs = undefined;
      await engine().call("player", { type: "seek_time", ms, fit: "clamped" });
    }
  } catch (error) {
    waitingMs = undefined;
    addToast(faultOf(error));
  } finally {
    isUnderWay = false;
  }
}
