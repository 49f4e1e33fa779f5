import { describe, expect, test } from "vitest";
import { settle } from "../../net/virtual-clock.ts";
import { streamName } from "../model.ts";
import type { Request } from "../wire/messages.ts";
import { REQUEST_BYTES_MAX } from "./request-desk.ts";
import { ask, backfill, BTC, ETH, published, serve, stop, STREAMS, type Run, type RunOptions } from "./served.testkit.ts";
import { expectedOf, HISTORY, itemsOf, key, START_MS } from "./server.testkit.ts";
import type { ServerLimits } from "./types.ts";

describe("requests", () => {
  const items = itemsOf(STREAMS, 60);
  const btc = expectedOf(items, BTC);
  async function served(options: Partial<RunOptions> = {}): Promise<Run> {
    const run = await serve({ items, ...options });
    await published(run, (options.items ?? items).length);
    return run;
  }

  test("subscribing, cursors, the list and health tell history, range and time", async () => {
    const run = await served();
    expect(await ask(run, { type: "subscribe", key: BTC, fromSequence: 5, historyId: HISTORY.historyId })).toEqual({
      type: "subscribe_ack", accepted: true, key: BTC, history: HISTORY, heartbeatMs: 1_000, firstSequence: 1, latestSequence: btc.length, refusal: undefined,
    });
    expect(await ask(run, { type: "get_cursor", key: ETH })).toMatchObject({ latestSequence: expectedOf(items, ETH).length, firstSequence: 1, history: HISTORY });
    const list = await ask(run, { type: "list_streams" });
    expect(list).toMatchObject({ type: "streams", streams: STREAMS.map((stream) => ({ key: stream, firstSequence: 1 })) });
    await run.clock.advance(1_500);
    expect(await ask(run, { type: "health" })).toMatchObject({
      serverVersion: "0.0.0-test", uptimeMs: 1_500, streams: 3, clients: 1, status: "GREEN", nowNs: run.clock.wallNs(), pubPort: 5556,
    });
    await stop(run);
  });

  test("backfill by cursor gives everything once, page by page", async () => {
    const run = await served();
    const got = [];
    let from = 0;
    for (;;) {
      const answer = await ask(run, backfill(from, { limit: 7 }));
      if (answer?.type !== "backfill_response") throw new Error("no backfill");
      got.push(...answer.entries);
      expect(answer.hasMore).toBe(answer.nextSequence !== undefined);
      if (answer.nextSequence === undefined) break;
      from = answer.nextSequence - 1;
    }
    expect(got).toStrictEqual(btc);
    expect(run.server.status).toMatchObject({ backfillEntries: btc.length });
    expect(run.server.status.backfillBytes).toBeGreaterThan(10_000);
    await stop(run);
  });

  test("backfill ends before end_ts, and says there is no more", async () => {
    const run = await served();
    const answer = await ask(run, backfill(undefined, { endMs: START_MS + 5 * 60_000 }));
    expect(answer).toMatchObject({ entries: btc.slice(0, 5), hasMore: false, latestSequence: btc.length });
    expect(answer).toHaveProperty("nextSequence", undefined);
    await stop(run);
  });

  test("what cannot be given is refused with the range that can", async () => {
    const run = await served({ journals: { retention: { entries: 20, ageMs: undefined }, segmentEntries: 16 }, batch: 5 });
    const { firstSequence, latestSequence } = run.journals.state(BTC)!;
    expect(firstSequence).toBeGreaterThan(1);
    const refused = async (request: Request): Promise<unknown> => {
      const answer = await ask(run, request);
      return answer !== undefined && "latestSequence" in answer && "refusal" in answer ? [answer.refusal?.code, answer.firstSequence, answer.latestSequence] : answer;
    };
    const range = [firstSequence, latestSequence];
    expect(await refused(backfill(firstSequence - 2))).toEqual(["RETENTION_EXCEEDED", ...range]);
    expect(await refused(backfill(0))).toEqual(["RETENTION_EXCEEDED", ...range]);
    expect(await refused(backfill(firstSequence - 1))).toEqual([undefined, ...range]);
    expect(await refused(backfill(latestSequence))).toEqual([undefined, ...range]);
    expect(await refused(backfill(latestSequence + 1))).toEqual(["BEYOND_LATEST", ...range]);
    expect(await refused(backfill(3, { historyId: "f".repeat(64) }))).toEqual(["OTHER_HISTORY", ...range]);
    expect(await refused(backfill(undefined, { key: key("XRPUSDT") }))).toEqual(["UNKNOWN_STREAM", 1, 0]);
    expect(await refused({ type: "subscribe", key: BTC, fromSequence: 0, historyId: HISTORY.historyId })).toEqual(["RETENTION_EXCEEDED", ...range]);
    expect(await refused({ type: "subscribe", key: BTC, fromSequence: 3, historyId: "f".repeat(64) })).toEqual(["OTHER_HISTORY", ...range]);
    expect(await refused({ type: "subscribe", key: BTC, fromSequence: latestSequence + 9, historyId: undefined })).toEqual(["BEYOND_LATEST", ...range]);
    expect(await refused({ type: "get_cursor", key: key("BTCUSDT", "1h") })).toEqual(["UNKNOWN_STREAM", 1, 0]);
    // Absent = whatever is kept.
    expect(await ask(run, backfill(undefined))).toMatchObject({ refusal: undefined, entries: btc.slice(firstSequence - 1) });
    await stop(run);
  });

  test("a client far behind is advised to resync, not on and on; repeated reports change nothing", async () => {
    const run = await served();
    const report = (sequence: number, historyId = HISTORY.historyId): void => {
      run.transport.ask("slow", 9, { type: "report_applied", historyId, applied: [{ key: BTC, sequence }, { key: key("NOPE"), sequence: 1 }] });
    };
    const notices = (): number => run.transport.answers.get("slow")?.length ?? 0;
    report(btc.length - 30);
    await settle();
    expect(notices()).toBe(0);
    run.transport.ask("slow", 1, { type: "subscribe", key: BTC, fromSequence: 2, historyId: HISTORY.historyId });
    for (let times = 0; times < 5; times += 1) report(2);
    await settle();
    expect(run.transport.answers.get("slow")).toMatchObject([{}, { correlationId: 0, message: { type: "resync_notice", key: BTC, latestSequence: btc.length, appliedSequence: 2 } }]);
    expect(run.server.status.clients).toMatchObject([{ id: "slow", behind: btc.length - 2, resyncsAdvised: 1 }]);
    await run.clock.advance(5_000);
    report(2);
    await settle();
    expect(notices()).toBe(3);
    report(btc.length);
    await run.clock.advance(6_000);
    report(2);
    await settle();
    expect(notices()).toBe(3);
    report(2, "f".repeat(64));
    await settle();
    expect(run.transport.answers.get("slow")?.at(-1)?.message).toMatchObject({ historyId: HISTORY.historyId, detail: expect.stringContaining("another history") as string });
    await stop(run);
  });

  test("damage found by a reader is told, and the next start begins anew", async () => {
    const run = await served();
    await stop(run);
    const path = `/data/bridge/${HISTORY.historyId.slice(0, 16)}/${streamName(BTC)}/0000000001.journal`;
    run.disk.flip(path, 700);
    const again = await serve({ items, disk: run.disk });
    expect(await ask(again, backfill(0))).toMatchObject({ type: "refusal", refusal: { code: "INTERNAL", detail: expect.stringContaining("is damaged at byte") as string } });
    expect(again.server.status.status).toBe("AMBER");
    expect(again.problems.map((problem) => problem.code)).toEqual(["bridge.journal-damaged"]);
    await stop(again);
    const anew = await served({ disk: run.disk });
    expect(anew.problems.map((problem) => problem.code)).toEqual(["bridge.journal-damaged"]);
    expect(anew.server.status.history.runId).toBe("damaged-1");
    expect(anew.transport.entries(BTC)).toStrictEqual(btc);
    await stop(anew);
  });
});

describe("limits", () => {
  const items = itemsOf([BTC], 3_000);
  async function served(limits: Partial<ServerLimits> = {}): Promise<Run> {
    const run = await serve({ items, limits, batch: 1_000 });
    await published(run, items.length);
    return run;
  }

  test("a flood of requests is bounded, others are served", async () => {
    const run = await served();
    for (let nth = 1; nth <= 10_000; nth += 1) run.transport.ask("flood", nth, { type: "health" });
    await settle();
    const answers = run.transport.answers.get("flood") ?? [];
    expect(answers.length).toBeLessThanOrEqual(100);
    expect(answers.some(({ message }) => message.type === "refusal" && message.refusal.code === "BUSY" && message.refusal.retryAfterMs > 0)).toBe(true);
    expect(run.server.status.refused).toBeGreaterThan(9_900);
    expect(await ask(run, { type: "health" })).toMatchObject({ type: "health" });
    await run.clock.advance(1_000);
    run.transport.ask("flood", 20_000, { type: "health" });
    await settle();
    expect(run.transport.answerTo("flood", 20_000)).toMatchObject({ type: "health" });
    await stop(run);
  });

  test("malformed and oversized frames are counted, answered where an id can be read, and bounded", async () => {
    const run = await served();
    run.transport.receive("odd", Buffer.from("?7 nonsense"));
    run.transport.receive("odd", Buffer.from("\u0000\u0001"));
    run.transport.receive("odd", Buffer.alloc(REQUEST_BYTES_MAX + 1));
    run.transport.receive("odd", new Uint8Array(0));
    run.transport.receive("odd", Buffer.from(`?9${" ".repeat(REQUEST_BYTES_MAX)}`));
    await settle();
    expect(run.transport.answers.get("odd")).toMatchObject([{ correlationId: 7, message: { type: "refusal", refusal: { code: "MALFORMED", supportedVersion: 1 } } }, { correlationId: 9 }]);
    expect(run.server.status).toMatchObject({ malformed: 3, oversized: 2, refused: 5 });
    for (let nth = 0; nth < 1_000; nth += 1) run.transport.receive("odd", Buffer.from("?8"));
    await settle();
    expect(run.transport.answers.get("odd")?.length).toBeLessThanOrEqual(100);
    await stop(run);
  });

  test("a client that does not read its answers stalls nobody; one that is gone is forgotten", async () => {
    const run = await served();
    run.transport.full.add("stalled");
    run.transport.gone.add("gone");
    for (let nth = 1; nth <= 20; nth += 1) run.transport.ask("stalled", nth, backfill(0));
    run.transport.ask("gone", 1, { type: "health" });
    await settle();
    expect(await ask(run, { type: "health" })).toMatchObject({ type: "health" });
    expect(run.server.status.unsent).toBeGreaterThanOrEqual(5);
    expect(run.server.status.clients.map((client) => client.id)).toEqual(["stalled", "c1"]);
    await stop(run);
  });

  test("nothing large is prepared for a client whose answers do not fit, for longer each time; once it reads, it is served as before", async () => {
    const run = await served();
    let reads = 0;
    const read = run.journals.read.bind(run.journals);
    run.journals.read = (...asked) => {
      reads += 1;
      return read(...asked);
    };
    run.transport.full.add("stalled");
    let id = 0;
    // Twenty a second for a minute.
    for (let nth = 0; nth < 1_200; nth += 1) {
      run.transport.ask("stalled", (id += 1), backfill(0));
      await run.clock.advance(50);
    }
    expect(reads).toBeGreaterThan(5);
    expect(reads).toBeLessThan(20);
    run.transport.full.delete("stalled");
    expect(await ask(run, backfill(0), "stalled")).toMatchObject({ type: "refusal", refusal: { code: "BUSY" } });
    await run.clock.advance(10_000);
    expect(await ask(run, backfill(0), "stalled")).toMatchObject({ type: "backfill_response" });
    expect(await ask(run, backfill(0), "stalled")).toMatchObject({ type: "backfill_response" });
    await stop(run);
  });

  test("answers that never end take only their client's places", async () => {
    const run = await served();
    const answer = run.transport.answer.bind(run.transport);
    const release: (() => void)[] = [];
    run.transport.answer = async (client, frame) => {
      if (client === "hung") await new Promise<void>((resolve) => release.push(resolve));
      return answer(client, frame);
    };
    for (let nth = 1; nth <= 40; nth += 1) run.transport.ask("hung", nth, { type: "health" });
    expect(await ask(run, { type: "health" })).toMatchObject({ type: "health" });
    for (const one of release) one();
    await settle();
    await stop(run);
  });

  test("entries are rationed; what is over is refused with the time to wait", async () => {
    const run = await served({ entriesPerSecond: 500 });
    expect(await ask(run, backfill(0, { limit: 450 }))).toMatchObject({ refusal: undefined, hasMore: true });
    expect(await ask(run, backfill(450))).toMatchObject({ entries: [], refusal: { code: "BUSY", retryAfterMs: 100 } });
    await run.clock.advance(100);
    expect(await ask(run, backfill(450))).toMatchObject({ refusal: undefined, nextSequence: 551 });
    expect(await ask(run, backfill(0), "other")).toMatchObject({ refusal: undefined, nextSequence: 501 });
    await stop(run);
  });

  test("clients beyond clientsMax: the longest-silent is forgotten; the silent too", async () => {
    const run = await served();
    for (let nth = 0; nth < 100; nth += 1) await ask(run, { type: "health" }, `n${nth}`);
    expect(run.server.status.clients).toHaveLength(20);
    expect(run.server.status.clients.at(-1)?.id).toBe("n99");
    await run.clock.advance(60_001);
    expect(run.server.status.clients).toHaveLength(0);
    await stop(run);
  });

  test("a frame that comes twice is answered twice, and nothing else", async () => {
    const run = await served();
    for (let times = 0; times < 2; times += 1) run.transport.ask("twice", 5, backfill(0, { limit: 3 }));
    await settle();
    await settle();
    const answers = run.transport.answers.get("twice") ?? [];
    expect(answers).toHaveLength(2);
    expect(answers[0]).toEqual(answers[1]);
    await stop(run);
  });
});
