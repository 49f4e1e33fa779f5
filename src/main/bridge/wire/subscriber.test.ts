// The subscribers of docs/bridge against real sockets and our codec: backfill in parts, overlap, loss, a lost tail, refusals.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Router, XPublisher } from "zeromq";
import { formatDecimal } from "../../../shared/decimal.ts";
import type { SequencedEntry } from "../model.ts";
import { decodeRequest } from "./decode.ts";
import { encodeAnswer, encodePublication } from "./encode.ts";
import type { Answer, Publication, Refusal, Request } from "./messages.ts";
import { barEntry, GAP_ENTRY, GRADE_ENTRY, HISTORY, KEY, WIDE_VALUES } from "./messages.testkit.ts";
import { canRunPython, prepareSubscribers, type Subscribers } from "./subscriber.testkit.ts";
import { candlesTopic } from "./topics.ts";

const PYTHON = ["subscriber.py", "resuming.py"].map((name) => fileURLToPath(new URL(`../../../../docs/bridge/${name}`, import.meta.url)));
const AT_ONCE = 5;
const KEPT = 12;
const WHOLE = 20;
const PUBLISHED = { key: KEY, historyId: HISTORY.historyId, mode: "live", publishedNs: 1n } as const;

/** Sequences 1 … 20: bars, one of them as wide as it gets, a correction, and two marks. */
const journal: readonly SequencedEntry[] = Array.from({ length: WHOLE }, (_, index) => {
  const sequence = index + 1;
  if (sequence === 4) return { ...GRADE_ENTRY, sequence };
  if (sequence === 7) return { ...GAP_ENTRY, sequence };
  if (sequence === 9) return barEntry(sequence, { values: WIDE_VALUES });
  return sequence === 13 ? barEntry(sequence, { revision: 2, reason: "late_data" }) : barEntry(sequence);
});
const expected = journal.flatMap(({ sequence, ...entry }) => {
  if (entry.kind !== "bar") return [];
  const { openMs, revision, values } = entry.bar;
  const numbers = (["open", "high", "low", "close", "volume"] as const).map((field) => [field, formatDecimal(values[field])] as const);
  return [{ sequence, ts: openMs, ...Object.fromEntries(numbers), revision }];
});

const batch = (from: number, to: number): Publication => ({ type: "batch", ...PUBLISHED, entries: journal.slice(from - 1, to) });
const heartbeat = (latestSequence: number): Publication => ({ type: "heartbeat", ...PUBLISHED, latestSequence, beat: 1 });
const BUSY: Refusal = { code: "BUSY", detail: "ask again", retryAfterMs: 1, supportedVersion: 0 };
const NOTICE: Answer = { type: "resync_notice", key: KEY, historyId: HISTORY.historyId, latestSequence: KEPT, appliedSequence: 0, detail: "not asked for" };

function backfill(request: Request, latest: number): Answer {
  if (request.type !== "backfill") throw new Error(`subscribers only backfill, this is ${request.type}`);
  const after = request.fromSequenceExclusive ?? 0;
  const entries = journal.slice(after, Math.min(after + AT_ONCE, latest));
  const last = after + entries.length;
  return {
    type: "backfill_response", key: KEY, historyId: HISTORY.historyId, mode: "live", entries, hasMore: last < latest, nextSequence: last < latest ? last + 1 : undefined,
    latestSequence: latest, firstSequence: 1, refusal: undefined,
  };
}

/** A server of one client: what it has kept grows by what each live message reaches, whether that was sent or not. */
class SmallServer {
  readonly #pub = new XPublisher({ linger: 0 });
  readonly #rpc = new Router({ linger: 0 });
  /** Of each request: what it said it had. */
  readonly asked: (number | undefined)[] = [];

  async bind(): Promise<readonly [string, string]> {
    await this.#pub.bind("tcp://127.0.0.1:*");
    await this.#rpc.bind("tcp://127.0.0.1:*");
    return [this.#pub.lastEndpoint ?? "", this.#rpc.lastEndpoint ?? ""];
  }

  async #answerTo(id: Uint8Array, frame: Uint8Array, latest: number): Promise<Answer> {
    const request = decodeRequest(frame);
    if (!request.ok || request.value.message.type !== "backfill") throw new Error(request.ok ? request.value.message.type : request.fault.message);
    const { correlationId, message } = request.value;
    const isFirst = this.asked.length === 0;
    this.asked.push(message.type === "backfill" ? message.fromSequenceExclusive : undefined);
    const answer: Answer = isFirst ? { type: "refusal", refusal: BUSY } : backfill(message, latest);
    await this.#rpc.send([id, encodeAnswer(0, NOTICE, { acceptsZstd: false })]);
    await this.#rpc.send([id, encodeAnswer(correlationId, answer, { acceptsZstd: false })]);
    return answer;
  }

  /** Answers until somebody has been given everything up to `latest`. */
  async #serveUpTo(latest: number): Promise<void> {
    for (;;) {
      const [id, frame] = await this.#rpc.receive();
      if (id === undefined || frame === undefined) throw new Error("a request is an address and a frame");
      const answer = await this.#answerTo(id, frame, latest);
      if (answer.type === "backfill_response" && !answer.hasMore) return;
    }
  }

  async run(): Promise<void> {
    await this.#pub.receive(); // the subscription is in: nothing that is sent from here on is lost by ZeroMQ
    await this.#serveUpTo(KEPT);
    const publish = (publication: Publication): Promise<void> => this.#pub.send([candlesTopic(KEY), encodePublication(publication)]);
    await publish(batch(11, 14)); // an overlap
    await publish(batch(17, 18)); // 15 and 16 were lost
    await this.#serveUpTo(18);
    await publish(batch(17, 18)); // a double
    await publish(heartbeat(WHOLE)); // 19 and 20 were lost
    await this.#serveUpTo(WHOLE);
  }

  close(): void {
    this.#pub.close();
    this.#rpc.close();
  }
}

let subscribers: Subscribers;
beforeAll(async () => {
  subscribers = await prepareSubscribers();
}, 60_000);
afterAll(() => subscribers.close());

async function resume(program: "resuming.mjs" | "resuming.py"): Promise<void> {
  const server = new SmallServer();
  try {
    const [pub, rpc] = await server.bind();
    const ran = subscribers.run(program, [pub, rpc, KEY.sourceId, KEY.symbol, KEY.interval, String(expected.length)]);
    const [{ code, lines, errors }] = await Promise.all([ran, Promise.race([server.run(), ran])]);
    expect(errors).toBe("");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(expected);
    expect(code).toBe(0);
    expect(server.asked).toEqual([undefined, undefined, 5, 10, 14, 18]);
  } finally {
    server.close();
  }
}

/** Only listens: what it printed, and what it said was lost. */
async function listen(program: "subscriber.mjs" | "subscriber.py"): Promise<void> {
  const pub = new XPublisher({ linger: 0 });
  try {
    await pub.bind("tcp://127.0.0.1:*");
    const told = expected.filter(({ sequence }) => sequence <= 5 || sequence >= 8);
    const ran = subscribers.run(program, [pub.lastEndpoint ?? "", KEY.sourceId, KEY.symbol, KEY.interval, String(told.length)]);
    const publishing = (async () => {
      await pub.receive(); // the subscription is in
      for (const publication of [batch(1, 5), heartbeat(7), batch(8, WHOLE)]) await pub.send([candlesTopic(KEY), encodePublication(publication)]);
    })();
    const [{ code, lines, errors }] = await Promise.all([ran, Promise.race([publishing, ran])]);
    expect(lines.map((line) => (JSON.parse(line) as { readonly ts: number }).ts)).toEqual(told.map(({ ts }) => ts));
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ close: Number((told[0] as unknown as { readonly close: string }).close) });
    expect(errors.trim()).toBe("lost: 6 to 7");
    expect(code).toBe(0);
  } finally {
    pub.close();
  }
}

test("docs/bridge/subscriber.mjs prints what is live and says what was lost", () => listen("subscriber.mjs"), 60_000);
test.skipIf(!canRunPython)("docs/bridge/subscriber.py does the same (skips without flatc, pyzmq and flatbuffers)", () => listen("subscriber.py"), 60_000);

test("docs/bridge/resuming.mjs prints every candle once, in order, through loss and doubles", () => resume("resuming.mjs"), 60_000);
test.skipIf(!canRunPython)("docs/bridge/resuming.py does the same (skips without flatc, pyzmq and flatbuffers)", () => resume("resuming.py"), 60_000);

test.skipIf(spawnSync("python3", ["--version"]).status !== 0)("the Python subscribers of docs/bridge compile (skips without python3)", () => {
  for (const file of PYTHON) {
    const { status, stderr } = spawnSync("python3", ["-c", "import ast, sys; ast.parse(open(sys.argv[1], encoding='utf8').read())", file], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(status).toBe(0);
  }
});
