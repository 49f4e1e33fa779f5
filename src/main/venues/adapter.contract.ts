// What every venue adapter must do, whatever the venue: called by each adapter's test with that venue's samples.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FaultError } from "../../shared/base.ts";
import { eventNs, type MessageSource, type StreamRef, type VenueId } from "../../shared/market.ts";
import type { BackfillRange, Endpoints, RestRequest, Subscription, VenueAdapter } from "./adapter.ts";
import { decoderLookup } from "./registry.ts";

export interface AdapterSample {
  readonly channel: string;
  readonly symbol: string;
  readonly source: MessageSource;
  readonly message: string;
}

export interface AdapterCase {
  readonly venue: VenueId;
  readonly adapter: VenueAdapter;
  readonly subscriptions: readonly Subscription[];
  readonly endpoints: Endpoints;
  /** Channels that come by REST polls, not by socket. */
  readonly polledChannels: readonly string[];
  /** At least one message per decoded channel. */
  readonly samples: readonly AdapterSample[];
  /** A REST answer to a backfill request, from a venue that has every id in [firstId, lastId]; undefined: no backfill. */
  readonly answer: ((request: RestRequest, firstId: number, lastId: number) => string) | undefined;
  readonly refusals: readonly { readonly status: number; readonly body: string; readonly kind: string }[];
}

const encoder = new TextEncoder();
const RECV_NS = 1_750_000_000_000_000_000n;

function streamsOf(venueCase: AdapterCase): readonly StreamRef[] {
  return venueCase.adapter.plan(venueCase.subscriptions, venueCase.endpoints).flatMap(({ streams }) => streams);
}

function describePlan(venueCase: AdapterCase): void {
  const { adapter, subscriptions, endpoints, polledChannels } = venueCase;
  it("plans every subscribed stream exactly once, by socket or by poll, with its deadlines", () => {
    const wanted = subscriptions.flatMap(({ symbol, channels }) => channels.map((channel) => `${adapter.venue}:${symbol}:${channel}`));
    const polled = adapter.polls(subscriptions).map(({ stream }) => stream.streamId);
    expect([...streamsOf(venueCase).map(({ streamId }) => streamId), ...polled].sort()).toEqual([...wanted].sort());
    expect(polled.every((streamId) => polledChannels.includes(streamId.split(":")[2] ?? ""))).toBe(true);
    for (const plan of adapter.plan(subscriptions, endpoints)) {
      expect(["ws:", "wss:"]).toContain(new URL(plan.url).protocol);
      expect(plan.rotateAfterMs).toBeGreaterThan(60_000);
      for (const { streamId } of plan.streams) expect(plan.firstFrameDeadlineMs[streamId]).toBeGreaterThan(0);
    }
    const names = adapter.plan(subscriptions, endpoints).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it("refuses to plan without an address, and plans nothing for nothing", () => {
    expect(() => adapter.plan(subscriptions, {})).toThrow(FaultError);
    expect(adapter.plan([], endpoints)).toEqual([]);
  });

  it("finds all its endpoints at another base too", () => {
    const elsewhere = adapter.endpointsAt({ socket: "ws://127.0.0.1:9", http: "http://127.0.0.1:9" });
    expect(Object.keys(elsewhere)).toEqual(expect.arrayContaining([adapter.serverTime.request.endpoint, ...Object.keys(adapter.defaultEndpoints)]));
    const plans = adapter.plan(subscriptions, elsewhere);
    expect(plans.flatMap(({ streams }) => streams.map(({ streamId }) => streamId)).sort()).toEqual(streamsOf(venueCase).map(({ streamId }) => streamId).sort());
    for (const { url } of plans) expect(new URL(url).host).toBe("127.0.0.1:9");
  });

  it("names each stream of a subscribe request, with its id", () => {
    const streams = streamsOf(venueCase);
    const texts = streams.map((stream) => adapter.subscribeText([stream], 7));
    expect(new Set(texts).size).toBe(streams.length);
    for (const text of texts) expect(text).toContain("7");
  });

  it("can decode what it folds and what proves gaps", () => {
    for (const channel of [adapter.foldChannel, ...adapter.gapKeyedChannels]) expect(adapter.decoder(channel)).toBeTypeOf("function");
    // Where ids have no order nothing proves a hole: then no channel is gap-keyed.
    if (adapter.gapKeyedChannels.length > 0) expect(adapter.gapKeyedChannels).toContain(adapter.foldChannel);
    expect(adapter.defaultChannels).toContain(adapter.foldChannel);
  });
}

function describeFrames(venueCase: AdapterCase): void {
  const { adapter, samples } = venueCase;
  it.each(samples.filter(({ source }) => source !== "rest_backfill"))("routes $channel ($source) to its stream, at the time its decoder reads", ({ channel, symbol, source, message }) => {
    const routed = adapter.route(encoder.encode(message));
    expect(routed).toMatchObject({ kind: "data", stream: { venue: adapter.venue, symbol, channel, streamId: `${adapter.venue}:${symbol}:${channel}` } });
    if (routed.kind !== "data") return;
    const outcome = adapter.decoder(channel)?.(encoder.encode(message), { stream: routed.stream, source, recvNs: RECV_NS });
    if (outcome?.kind !== "events") throw new Error(`sample of ${channel} does not decode: ${JSON.stringify(outcome)}`);
    const [first] = outcome.events;
    if (first !== undefined && routed.eventNs !== 0n) expect(eventNs(first)).toBe(routed.eventNs);
  });

  it("is the decoder that the registry finds", () => {
    for (const { channel, symbol } of samples) {
      const stream = { venue: adapter.venue, symbol, channel, streamId: "" };
      expect(decoderLookup(stream)).toBe(adapter.decoder(channel));
    }
    expect(adapter.decoder("no such channel")).toBeUndefined();
  });

  it("answers any bytes with a value: no throw, no other stream than the bytes name", () => {
    fc.assert(fc.property(fc.constantFrom(...samples), fc.nat(400), fc.uint8Array({ maxLength: 6 }), fc.boolean(), (sample, at, patch, insert) => {
      const bytes = [...encoder.encode(sample.message)];
      bytes.splice(at % bytes.length, insert ? 0 : patch.length, ...patch);
      const payload = Uint8Array.from(bytes);
      const routed = adapter.route(payload);
      expect(["data", "acknowledgement", "heartbeat", "rotate", "unknown"]).toContain(routed.kind);
      const stream = routed.kind === "data" ? routed.stream : { venue: adapter.venue, symbol: sample.symbol, channel: sample.channel, streamId: "x" };
      expect(stream.venue).toBe(adapter.venue);
      if (routed.kind === "data") expect([payload, BigInt.asUintN(63, routed.eventNs)]).toEqual([payload, routed.eventNs]);
      const outcome = adapter.decoder(sample.channel)?.(payload, { stream, source: sample.source, recvNs: RECV_NS });
      expect(["events", "ignored", "refused"]).toContain(outcome?.kind);
    }), { numRuns: 1_000 });
  });
}

function follow(venueCase: AdapterCase, range: BackfillRange, firstId: number, lastId: number): { readonly ids: Set<number>; readonly requests: number } {
  const { adapter, answer } = venueCase;
  const ids = new Set<number>();
  let request = adapter.backfill.plan(range);
  let requests = 0;
  while (request !== undefined) {
    requests += 1;
    if (requests > 100) throw new Error(`backfill does not end: ${request.path}`);
    const page = adapter.backfill.page(range, request, encoder.encode(answer?.(request, firstId, lastId) ?? ""));
    if (!page.ok) throw new Error(page.fault.message);
    for (const run of page.value.ids) for (let id = run.fromId; id <= run.toId; id += 1) ids.add(id);
    request = page.value.next;
  }
  return { ids, requests };
}

function describeRest(venueCase: AdapterCase): void {
  const { adapter } = venueCase;
  const gapStreams = streamsOf(venueCase).filter(({ channel }) => adapter.gapKeyedChannels.includes(channel));

  it.skipIf(venueCase.answer === undefined)("backfills exactly the missing ids, whatever part of them the venue has, and comes to an end", () => {
    fc.assert(fc.property(fc.constantFrom(...gapStreams), fc.integer({ min: 1, max: 5_000 }), fc.nat(2_500), fc.nat(3_000), fc.nat(4_000), (stream, fromId, length, firstId, span) => {
      const range = { stream, fromId, toId: fromId + length, fromMs: RECV_MS(fromId), toMs: RECV_MS(fromId + length) };
      const { ids } = follow(venueCase, range, firstId, firstId + span);
      const first = Math.max(fromId, firstId);
      const last = Math.min(fromId + length, firstId + span);
      expect(ids.size).toBe(Math.max(0, last - first + 1));
      for (const id of ids) expect(id >= first && id <= last).toBe(true);
    }), { numRuns: 25 });
  });

  it.skipIf(venueCase.answer === undefined)("answers garbage with a fault, not with an exception or a loop", () => {
    const [stream] = gapStreams;
    if (stream === undefined) throw new Error("no gap-keyed stream");
    const range = { stream, fromId: 1, toId: 10, fromMs: 1, toMs: 2 };
    const request = adapter.backfill.plan(range);
    if (request === undefined) throw new Error("no plan");
    fc.assert(fc.property(fc.oneof(fc.json().map((text) => encoder.encode(text)), fc.uint8Array({ maxLength: 40 })), (body) => {
      const page = adapter.backfill.page(range, request, body);
      if (!page.ok) expect(page.fault.code).toBe("feed.bad-backfill");
    }), { numRuns: 300 });
  });

  it("knows successes and refusals apart", () => {
    expect(adapter.restProblem(200, {}, encoder.encode("[]"))).toBeUndefined();
    for (const { status, body, kind } of venueCase.refusals) {
      const problem = adapter.restProblem(status, {}, encoder.encode(body));
      expect(problem).toMatchObject({ kind, detail: expect.stringContaining(String(status)) as string });
      if (kind === "banned" || kind === "rate-limited") expect(problem?.retryAfterMs).toBeGreaterThan(0);
    }
  });

  it("refuses a server time that is none", () => {
    for (const body of ["", "{}", "[]", "null", '{"serverTime":"1"}', '{"serverTime":1.5}']) {
      expect(adapter.serverTime.read(encoder.encode(body))).toMatchObject({ ok: false, fault: { code: "feed.bad-server-time" } });
    }
  });
}

/** Event time of an id in the contract's made-up market: one trade each 40 ms. */
export const RECV_MS = (id: number): number => 1_700_000_000_000 + id * 40;

export function describeAdapter(venueCase: AdapterCase): void {
  describe(`adapter ${venueCase.venue}: plans`, () => { describePlan(venueCase); });
  describe(`adapter ${venueCase.venue}: frames`, () => { describeFrames(venueCase); });
  describe(`adapter ${venueCase.venue}: REST`, () => { describeRest(venueCase); });
}
