// Messages that say only a part, read with what was said before: the same on every way through a tape and in every order of replay. The logs are
// written by hand in the shape of Bybit's and OKX's, with two sockets side by side that tell the same out of step.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeCursor } from "../../shared/cursor.ts";
import { type Instrument, streamRef } from "../../shared/market.ts";
import { compareOrder } from "../../shared/ordering.ts";
import type { RawRecord } from "../../shared/raw.ts";
import { VirtualClock } from "../net/virtual-clock.ts";
import { decoderLookup } from "../venues/registry.ts";
import { eventOrderEvents } from "./event-order.ts";
import { arrivalEvents, CarriedTrail, type ReplayEvent } from "./events.ts";
import { FakeCanonicalizer, MemoryReader, sha256, testClock } from "./fakes.testkit.ts";
import { eventLine } from "./replay-digest.ts";
import { runReplay } from "./run.ts";
import { openTape, type Tape } from "./tape.ts";

const NEVER = new AbortController().signal;
const START_MS = 1_754_000_000_000;
let scratchFolder = "";
beforeAll(async () => {
  scratchFolder = await mkdtemp(join(tmpdir(), "tapedeck-carried-"));
});
afterAll(() => rm(scratchFolder, { recursive: true, force: true }));

interface Message { readonly channel: string; readonly text: string; readonly leg: number }

/** One step of a plan: which message, what it names, how late the second socket tells it. */
interface Step { readonly kind: number; readonly names: number; readonly value: number; readonly echo: number | undefined }
const steps = fc.array(fc.record({ kind: fc.nat(9), names: fc.nat(31), value: fc.nat(999), echo: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }) }), { minLength: 8, maxLength: 70 });

const TICKER = ["markPrice", "indexPrice", "fundingRate", "nextFundingTime", "openInterest"];

function bybit({ kind, names, value }: Step, atMs: number): Omit<Message, "leg"> {
  if (kind === 0) return { channel: "publicTrade", text: `{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":${atMs},"data":[{"T":${atMs},"s":"BTCUSDT","S":"Buy","v":"0.${value + 1}","p":"618${value}.5","L":"PlusTick","i":"${atMs}-${value}","BT":false}]}` };
  if (kind === 1) return { channel: "kline.1", text: `{"topic":"kline.1.BTCUSDT","data":[{"start":${START_MS},"end":${START_MS + 59_999},"interval":"1","open":"1","close":"1","high":"1","low":"1","volume":"3.712","turnover":"2","confirm":false,"timestamp":${atMs}}],"ts":${atMs},"type":"snapshot"}` };
  const isSnapshot = kind === 2;
  const said = TICKER.filter((_, index) => (names & (1 << index)) !== 0 || isSnapshot).map((name, index) => `,"${name}":"${name === "nextFundingTime" ? START_MS + 3_600_000 * (1 + (value % 3)) : `${value % 7 === index ? "" : `${value}.${index}`}`}"`);
  return { channel: "tickers", text: `{"topic":"tickers.BTCUSDT","type":"${isSnapshot ? "snapshot" : "delta"}","data":{"symbol":"BTCUSDT"${said.join("")},"bid1Price":"${value}.2"},"cs":${50_000_000_000 + (atMs - START_MS)},"ts":${atMs}}` };
}

function okx({ kind, value }: Step, atMs: number): Omit<Message, "leg"> {
  const push = (channel: string, instId: string, members: string): Omit<Message, "leg"> => ({ channel, text: `{"arg":{"channel":"${channel}","instId":"${instId}"},"data":[{"instId":"${instId}",${members},"ts":"${atMs}"}]}` });
  if (kind === 0) return { channel: "instruments", text: `{"code":"0","msg":"","data":[{"instId":"BTC-USDT-SWAP","state":"live","tickSz":"0.1","lotSz":"0.01","baseCcy":"","quoteCcy":"","settleCcy":"USDT","ctVal":"0.0${1 + (value % 2)}","ctMult":"1","ctValCcy":"BTC"}]}` };
  if (kind < 4) return push("trades", "BTC-USDT-SWAP", `"tradeId":"${atMs - START_MS + 1}","px":"618${value}.5","sz":"${value + 1}","side":"sell","count":"1"`);
  return kind < 7 ? push("index-tickers", "BTC-USDT", `"idxPx":"618${value}.1"`) : push("mark-price", "BTC-USDT-SWAP", `"instType":"SWAP","markPx":"618${value}.2"`);
}

const VENUES = { "bybit-linear": bybit, "okx-swap": okx } as const;
type TestedVenue = keyof typeof VENUES;

/** The log of a plan: each message when it happened, and again a few messages later where the second socket tells it too. */
function logOf(venue: TestedVenue, plan: readonly Step[]): readonly RawRecord[] {
  const queue: Message[][] = [];
  for (const [index, step] of plan.entries()) {
    const message = VENUES[venue](step, START_MS + index * 100 + (step.value % 100));
    (queue[index * 2] ??= []).push({ ...message, leg: 1 });
    if (step.echo !== undefined) (queue[(index + step.echo) * 2 + 1] ??= []).push({ ...message, leg: 2 });
  }
  const ingest = new Map<string, number>();
  return queue.flat().map(({ channel, text, leg }, index) => {
    const stream = streamRef(venue, "BTCUSDT", channel);
    const ingestSeq = (ingest.get(stream.streamId) ?? 0) + 1;
    ingest.set(stream.streamId, ingestSeq);
    return {
      stream, source: channel === "instruments" ? "rest_poll" : "ws", connection: `${venue}.ws.${leg}`, recvNs: BigInt(START_MS + index * 50) * 1_000_000n, eventNs: 0n,
      payload: new TextEncoder().encode(text), seq: index + 1, ingestSeq,
    };
  });
}

const instrumentOf = (venue: TestedVenue): Instrument => ({ venue, symbol: "BTCUSDT" });

async function tapeOf(venue: TestedVenue, records: readonly RawRecord[]): Promise<Tape> {
  const reader = new MemoryReader(records, { batch: 7 });
  return openTape({ reader, decoders: decoderLookup, sha256, clock: testClock, instruments: [instrumentOf(venue)], intervals: ["1s"], canonicalizer: (given) => new FakeCanonicalizer(given) });
}

async function replayed(records: readonly RawRecord[], extra: object = {}, order: "arrival" | "event" = "arrival"): Promise<readonly ReplayEvent[]> {
  const reader = new MemoryReader(records, { batch: 9 });
  const options = { reader, decoders: decoderLookup, clock: testClock, signal: NEVER, toSeq: await reader.refresh(), wanted: undefined, ...extra };
  const events: ReplayEvent[] = [];
  const batches = order === "arrival" ? arrivalEvents(options) : eventOrderEvents({ ...options, scratchFolder, blocks: { seqs: 4, max: 3 } });
  for await (const batch of batches) events.push(...batch);
  return events;
}

/** All that is shown of a place. */
function shown(tape: Tape): string {
  const { seq, position, cursor, ordinal } = tape.point;
  const event = tape.head.last?.event;
  return JSON.stringify([seq, position, cursor, ordinal, tape.quote(), event, tape.digest()], (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}

describe.each(["bybit-linear", "okx-swap"] as const)("a log of %s", (venue) => {
  it("shows the same at every event, forwards, backwards and by any jump", async () => {
    await fc.assert(fc.asyncProperty(steps, fc.array(fc.nat(), { maxLength: 12 }), async (plan, jumps) => {
      const records = logOf(venue, plan);
      const expected = (await replayed(records)).map(eventLine);
      const tape = await tapeOf(venue, records);
      const forwards: string[] = [];
      for (let ordinal = 1; ordinal <= expected.length; ordinal += 1) {
        await tape.stepEvents(1, NEVER);
        const { last } = tape.head;
        const record = records.find(({ seq }) => seq === last?.seq);
        expect(record !== undefined && last !== undefined && eventLine({ record, position: last.position, event: last.event } as ReplayEvent)).toBe(expected[ordinal - 1]);
        forwards.push(shown(tape));
      }
      for (let ordinal = expected.length - 1; ordinal >= 1; ordinal -= 1) {
        await tape.stepEvents(-1, NEVER);
        expect(shown(tape)).toBe(forwards[ordinal - 1]);
      }
      for (const jump of jumps) {
        if (expected.length === 0) return;
        const ordinal = 1 + (jump % expected.length);
        await tape.stepEvents(ordinal - tape.point.ordinal, NEVER);
        expect(shown(tape)).toBe(forwards[ordinal - 1]);
        const { cursor } = JSON.parse(`{"cursor":${JSON.stringify(tape.point.cursor)}}`) as { readonly cursor: string };
        const other = await tapeOf(venue, records);
        await other.seekCursor(cursor, NEVER);
        expect(shown(other)).toBe(forwards[ordinal - 1]);
      }
    }), { numRuns: 25 });
  });

  it("tells the same events in event order, by blocks that are forgotten and read again", async () => {
    await fc.assert(fc.asyncProperty(steps, async (plan) => {
      const records = logOf(venue, plan);
      const expected = [...(await replayed(records))].sort(compareOrder).map(eventLine);
      expect((await replayed(records, {}, "event")).map(eventLine)).toEqual(expected);
    }), { numRuns: 60 });
  });

  it("tells of one stream what it tells when all are wanted", async () => {
    await fc.assert(fc.asyncProperty(steps, async (plan) => {
      const records = logOf(venue, plan);
      const channel = venue === "okx-swap" ? "mark-price" : "tickers";
      const wanted = ({ channel: name }: { readonly channel: string }): boolean => name === channel;
      const expected = (await replayed(records)).filter(({ stream }) => stream.channel === channel).map(eventLine);
      for (const order of ["arrival", "event"] as const) {
        const told = (await replayed(records, { wanted }, order)).map(eventLine);
        expect(order === "arrival" ? told : [...told].sort()).toEqual(order === "arrival" ? expected : [...expected].sort());
      }
    }), { numRuns: 30 });
  });

  it("goes on behind any event's cursor", async () => {
    await fc.assert(fc.asyncProperty(steps, fc.nat(), async (plan, at) => {
      const records = logOf(venue, plan);
      const all = await replayed(records);
      const event = all[at % Math.max(all.length, 1)];
      if (event === undefined) return;
      const clock = new VirtualClock(START_MS);
      const told: string[] = [];
      await runReplay({
        reader: new MemoryReader(records), decoders: decoderLookup, clock, timers: clock, signal: NEVER, order: "arrival", fromNs: undefined, untilNs: undefined,
        cursor: encodeCursor({ tsEventNs: event.tsEventNs, seq: event.seq }), wantedStream: undefined, speed: 0, scratchFolder, onBatch: (batch) => void told.push(...batch.map(eventLine)),
      });
      expect(told).toEqual(all.slice(all.indexOf(event) + 1).map(eventLine));
    }), { numRuns: 30 });
  });
});

it("tells the venue's own candles only to who asks for them", async () => {
  const records = logOf("bybit-linear", [{ kind: 1, names: 0, value: 1, echo: undefined }, { kind: 0, names: 0, value: 2, echo: undefined }]);
  expect((await replayed(records)).map(({ event }) => event.kind)).toEqual(["trade"]);
  expect((await replayed(records, { kind: "venue_candle" })).map(({ event }) => event.kind)).toEqual(["venue_candle"]);
});

it("a trail keeps few points of a long log, and always one at or before", () => {
  const trail = new CarriedTrail();
  for (let seq = 1; seq <= 5_000_000; seq += 1) if (seq >= trail.dueSeq) trail.add(seq, { "x:y": { seq: String(seq) } });
  for (const seq of [1, 1_023, 1_024, 70_000, 4_999_999]) {
    const point = trail.atOrBefore(seq);
    expect(point.seq).toBeLessThanOrEqual(seq);
    expect(seq - point.seq).toBeLessThan(16_384);
    expect(point.seq === 0 ? {} : { "x:y": { seq: String(point.seq) } }).toEqual(point.carried);
  }
});
