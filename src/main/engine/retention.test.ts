// Retention removes whole captures, oldest first, and never one that is needed: over any captures and any limits.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CaptureSummary } from "../../shared/protocol/frames.ts";
import { planRetention } from "./retention.ts";

const NOW_MS = 1_700_000_000_000;
const DAY_MS = 86_400_000;
const MIB = 1_024 ** 2;

type Candidate = Parameters<typeof planRetention>[0][number];

function capture(captureId: string, changes: Partial<Candidate> = {}): Candidate {
  return { captureId, bytes: 100 * MIB, state: "complete", toMs: NOW_MS - 10 * DAY_MS, pinned: false, exportedMs: NOW_MS - DAY_MS, ...changes };
}
const now = { ms: NOW_MS, inUse: new Set<string>() };
const gone = (captures: readonly Candidate[], limits: Parameters<typeof planRetention>[1], inUse: readonly string[] = []): readonly string[] =>
  planRetention(captures, limits, { ms: NOW_MS, inUse: new Set(inUse) }).removes.map(({ captureId }) => captureId);

describe("retention", () => {
  test("by age: what is older than the limit goes, oldest first", () => {
    const captures = [capture("b", { toMs: NOW_MS - 40 * DAY_MS }), capture("a", { toMs: NOW_MS - 31 * DAY_MS }), capture("c", { toMs: NOW_MS - 30 * DAY_MS })];
    expect(gone(captures, { maxAgeDays: 30, unexported: false })).toEqual(["b", "a"]);
    expect(planRetention(captures, { maxAgeDays: 30, unexported: false }, now).removes[0]?.why).toBe("its last message is 40.0 days old, the limit is 30.0 days");
  });

  test("by size: the oldest go until the rest fits", () => {
    const captures = ["a", "b", "c", "d"].map((name, at) => capture(name, { toMs: NOW_MS - (10 - at) * DAY_MS }));
    expect(gone(captures, { maxBytes: 250 * MIB, unexported: false })).toEqual(["a", "b"]);
    expect(gone(captures, { maxBytes: 400 * MIB, unexported: false })).toEqual([]);
    expect(planRetention(captures, { maxBytes: 399 * MIB, unexported: false }, now)).toMatchObject({ bytes: 100 * MIB, removes: [{ captureId: "a", why: "captures take 400.0 MiB, the limit is 399.0 MiB, and it is the oldest that may go" }] });
  });

  test.each<[string, Partial<Candidate>, string, { readonly unexported?: boolean; readonly inUse?: boolean }]>([
    ["what is recorded", { state: "recording" }, "recording", {}],
    ["what is imported", { state: "importing" }, "recording", {}],
    ["what a screen shows", {}, "in use", { inUse: true }],
    ["what is pinned", { pinned: true }, "pinned", { unexported: true }],
    ["what was not exported, or grew since", { exportedMs: undefined }, "not exported", {}],
    ["what is damaged", { state: "damaged" }, "unreadable", { unexported: true }],
    ["what a later version wrote", { state: "newer" }, "unreadable", { unexported: true }],
    ["what has no message", { toMs: undefined }, "unreadable", { unexported: true }],
  ])("keeps %s, however old", (_name, changes, why, { unexported = false, inUse = false }) => {
    const preview = planRetention([capture("x", changes)], { maxAgeDays: 1, maxBytes: 1, unexported }, { ms: NOW_MS, inUse: new Set(inUse ? ["x"] : []) });
    expect(preview).toEqual({ removes: [], keeps: [{ captureId: "x", bytes: 100 * MIB, why }], bytes: 0 });
  });

  test("takes what was never exported, and what a crash left, only when told to", () => {
    const captures = [capture("x", { exportedMs: undefined, state: "crashed" })];
    expect(gone(captures, { maxAgeDays: 1, unexported: false })).toEqual([]);
    expect(gone(captures, { maxAgeDays: 1, unexported: true })).toEqual(["x"]);
  });

  test("without limits nothing goes", () => {
    expect(gone([capture("x", { toMs: 0 })], { unexported: true })).toEqual([]);
  });

  const candidates = fc.uniqueArray(fc.record({
    captureId: fc.string({ minLength: 1, maxLength: 3 }), bytes: fc.nat(1_000),
    state: fc.constantFrom<CaptureSummary["state"]>("recording", "complete", "importing", "crashed", "damaged", "newer"),
    toMs: fc.option(fc.integer({ min: NOW_MS - 100 * DAY_MS, max: NOW_MS }), { nil: undefined }), pinned: fc.boolean(), exportedMs: fc.option(fc.constant(NOW_MS), { nil: undefined }),
  }), { maxLength: 25, selector: ({ captureId }) => captureId });
  const anyLimits = fc.record({ maxAgeDays: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }), maxBytes: fc.option(fc.integer({ min: 1, max: 10_000 }), { nil: undefined }), unexported: fc.boolean() });

  test("over any captures and limits: keeps what is needed, misses nothing that must go, and takes no more than it must", () => {
    fc.assert(fc.property(candidates, anyLimits, fc.array(fc.nat(24)), (captures, { maxAgeDays, maxBytes, unexported }, used) => {
      const inUse = new Set(used.flatMap((at) => captures[at]?.captureId ?? []));
      const limits = { ...(maxAgeDays === undefined ? {} : { maxAgeDays }), ...(maxBytes === undefined ? {} : { maxBytes }), unexported };
      const preview = planRetention(captures, limits, { ms: NOW_MS, inUse });
      const byId = new Map(captures.map((one) => [one.captureId, one]));
      const removed = preview.removes.map(({ captureId }) => byId.get(captureId) ?? expect.fail("a capture that is none"));
      const mayGo = (one: Candidate): boolean => (one.state === "complete" || one.state === "crashed") && !one.pinned && !inUse.has(one.captureId) && one.toMs !== undefined && (unexported || one.exportedMs !== undefined);
      const isOld = (one: Candidate): boolean => maxAgeDays !== undefined && NOW_MS - (one.toMs ?? NOW_MS) > maxAgeDays * DAY_MS;
      const sum = (list: readonly Candidate[]): number => list.reduce((bytes, one) => bytes + one.bytes, 0);

      expect(removed.every(mayGo)).toBe(true);
      expect(new Set([...preview.removes, ...preview.keeps].map(({ captureId }) => captureId)).size).toBe(captures.length);
      expect(preview.removes.length + preview.keeps.length).toBe(captures.length);
      expect(preview.bytes).toBe(sum(removed));
      // Everything too old that may go is gone; nobody younger goes while an older one that may go stays.
      for (const one of captures) if (mayGo(one) && isOld(one)) expect(removed).toContain(one);
      const kept = captures.filter((one) => mayGo(one) && !removed.includes(one));
      for (const one of kept) for (const other of removed) expect(other.toMs ?? 0).toBeLessThanOrEqual(one.toMs ?? 0);
      const left = sum(captures) - preview.bytes;
      if (maxBytes !== undefined && left > maxBytes) expect(kept).toEqual([]);
      // The last one to go for its size had to.
      const last = removed.at(-1);
      if (last !== undefined && !isOld(last)) expect(left + last.bytes).toBeGreaterThan(maxBytes ?? Infinity);
    }));
  });
});
