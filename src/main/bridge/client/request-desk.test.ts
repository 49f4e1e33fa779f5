// When a link counts as dead: several timeouts in a row without an answer to anything, whatever was answered before them.
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../net/virtual-clock.ts";
import type { Request } from "../wire/messages.ts";
import { RequestDesk } from "./request-desk.ts";

const HEALTH: Request = { type: "health" };

function desk(): { clock: VirtualClock; desk: RequestDesk; sent: number[]; silent: string[]; answer: (id: number) => boolean } {
  const clock = new VirtualClock(0);
  const [sent, silent]: [number[], string[]] = [[], []];
  const opened = new RequestDesk({
    clock, timers: clock, timeoutMs: 1_000,
    send: (correlationId) => sent.push(correlationId) > 0,
    onSilent: (detail) => silent.push(detail),
  });
  opened.open();
  const answer = (id: number): boolean =>
    opened.answered(id, { type: "streams", history: undefined, streams: [], refusal: undefined });
  return { clock, desk: opened, sent, silent, answer };
}

describe("a request desk", () => {
  it("thinks the link dead after three timeouts, also when the first answers had come", () => {
    const { clock, desk: asked, silent, answer } = desk();
    asked.ask("a", HEALTH, () => undefined);
    asked.ask("b", HEALTH, () => undefined);
    clock.advanceNow(100);
    // One of two that were sent together is answered; then nothing more ever is.
    answer(1);
    clock.advanceNow(10_000);
    expect(silent).toHaveLength(1);
  });

  it("does not while others are answered: one request alone may have bad luck", () => {
    const { clock, desk: asked, sent, silent, answer } = desk();
    asked.ask("a", HEALTH, () => undefined);
    for (let second = 0; second < 10; second += 1) {
      asked.ask("b", HEALTH, () => undefined);
      const id = sent.at(-1) ?? 0;
      clock.advanceNow(500);
      answer(id);
      clock.advanceNow(500);
    }
    expect(silent).toEqual([]);
  });
});
