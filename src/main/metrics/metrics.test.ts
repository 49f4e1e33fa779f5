// What is scraped is what was observed; nobody who came by a foreign name is told anything.
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import type { HealthReport, StreamHealth, VenueHealth } from "../../shared/protocol/health.ts";
import type { ServedStream, ServerStatus } from "../bridge/server/types.ts";
import { parseExposition, type Exposition } from "./exposition.testkit.ts";
import { healthOf } from "./health.ts";
import { LATENCY_BOUNDS_MS, LatencyCounter } from "./latency-totals.ts";
import { MetricsServer } from "./metrics-server.ts";
import { NO_LATENCIES, type Observations, type RecordingObservation } from "./observations.ts";
import { createMetrics, LABELLED_STREAMS_MAX } from "./registry.ts";

const HISTORY = { historyId: "h", mode: "live", lineage: "l", configDigest: "c", canonicalizerVersion: "1", runId: "" } as const;

function served(symbol: string, changes: Partial<ServedStream> = {}): ServedStream {
  return { key: { sourceId: "sim", symbol, interval: "1m" }, latestSequence: 7, firstSequence: 1, published: 7, conflated: 3, rate: 0.5, lagMs: 250, ...changes };
}
function bridge(changes: Partial<ServerStatus> = {}): ServerStatus {
  return {
    history: HISTORY, mode: "live", status: "GREEN", detail: "", streams: [served("AAA")], malformed: 2, oversized: 1, refused: 4, backfillBytes: 1_000, backfillEntries: 9, unsent: 5, rejectedHandshakes: 6,
    clients: [{ id: "a", lastHeardMs: 0, requests: 1, refused: 0, behind: 12, resyncsAdvised: 0 }, { id: "b", lastHeardMs: 0, requests: 1, refused: 0, behind: 40, resyncsAdvised: 1 }], ...changes,
  };
}
function recording(changes: Partial<RecordingObservation> = {}): RecordingObservation {
  return { captureId: "live-sim", messages: 100, durableMessages: 90, durableSeq: 95, derivedSeq: 80, gapsOpen: 0, halted: false, ...changes };
}
function stream(symbol: string, changes: Partial<StreamHealth> = {}): StreamHealth {
  return {
    streamId: `okx-swap:${symbol}:trades`, venue: "okx-swap", symbol, channel: "trades", state: "live", detail: "", lastFrameMs: 1_700_000_000_500, messages: 50, rate: 2,
    exchangeToHere: undefined, hereToLog: undefined, duplicates: 3, conflicts: 1, gapsOpen: 2, gapsUnresolved: 1, watermarkMs: 1, watermarkAgeMs: 4_500, renamedTo: undefined, ...changes,
  };
}
const VENUE: VenueHealth = {
  venue: "okx-swap", state: "live", detail: "", weightUsed: 12, weightLimit: 100, banLeftMs: 2_500, offsetMs: -20, offsetErrorMs: 4,
  legs: [{ leg: "A", connection: "c1", open: true, messages: 30, missed: 0 }, { leg: "B", connection: "c2", open: false, messages: 20, missed: 10 }], backfill: { waiting: 1, done: 5, unresolved: 2 },
};
function report(changes: Partial<HealthReport> = {}): HealthReport {
  return {
    status: "GREEN", reasons: [], streams: [stream("BTCUSDT"), stream("ETHUSDT", { state: "stale", watermarkAgeMs: undefined, lastFrameMs: undefined })], venues: [VENUE],
    disk: { freeBytes: 5_000, bytesPerHour: 1_000, hoursToFull: 5, state: "low" }, logToScreen: undefined, ...changes,
  };
}
function observed(changes: Partial<Observations> = {}): Observations {
  return { version: "1.2.3", uptimeMs: 5_000.4, serving: { state: "serving", bridge: bridge() }, recording: recording(), health: undefined, latencies: NO_LATENCIES, ...changes };
}
function everything(): Observations {
  const counted = (...values: number[]): LatencyCounter["totals"] => {
    const counter = new LatencyCounter();
    for (const value of values) counter.record(value);
    return counter.totals;
  };
  return observed({
    health: report(), latencies: { channels: [{ venue: "okx-swap", channel: "trades", exchangeToHere: counted(-3, 20, 70_000), hereToLog: counted(2) }], logToScreen: counted(30, 31) },
  });
}

async function scrape(observations: Observations, processMetrics = false): Promise<Exposition> {
  return parseExposition(await createMetrics({ processMetrics }).text(observations));
}

async function lines(observations: Observations): Promise<readonly string[]> {
  return (await createMetrics({ processMetrics: false }).text(observations)).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

describe("metrics", () => {
  test("say what was observed of the bridge and the log, by the documented names", async () => {
    expect(await lines(observed())).toMatchInlineSnapshot(`
      [
        "tapedeck_build_info{version="1.2.3"} 1",
        "tapedeck_bridge_backfill_bytes_total 1000",
        "tapedeck_bridge_backfill_entries_total 9",
        "tapedeck_bridge_malformed_frames_total 2",
        "tapedeck_bridge_oversized_frames_total 1",
        "tapedeck_bridge_refused_requests_total 4",
        "tapedeck_bridge_dropped_frames_total 5",
        "tapedeck_bridge_rejected_handshakes_total 6",
        "tapedeck_recording_messages_total 100",
        "tapedeck_recording_durable_messages_total 90",
        "tapedeck_health_status 0",
        "tapedeck_bridge_up 1",
        "tapedeck_bridge_status 0",
        "tapedeck_bridge_clients 2",
        "tapedeck_bridge_client_behind_entries 40",
        "tapedeck_bridge_streams 1",
        "tapedeck_recording_durable_seq 95",
        "tapedeck_recording_derived_seq 80",
        "tapedeck_recording_gaps_open 0",
        "tapedeck_recording_halted 0",
        "tapedeck_bridge_published_entries_total{stream="sim.AAA.1m"} 7",
        "tapedeck_bridge_conflated_total{stream="sim.AAA.1m"} 3",
        "tapedeck_bridge_latest_sequence{stream="sim.AAA.1m"} 7",
        "tapedeck_bridge_rate{stream="sim.AAA.1m"} 0.5",
        "tapedeck_bridge_lag_seconds{stream="sim.AAA.1m"} 0.25",
      ]
    `);
  });

  test("follow counters that begin anew, and forget streams that are gone", async () => {
    const metrics = createMetrics({ processMetrics: false });
    await metrics.text(observed({ serving: { state: "serving", bridge: bridge({ streams: [served("AAA"), served("BBB")] }) } }));
    const text = await metrics.text(observed({ serving: { state: "serving", bridge: bridge({ malformed: 0, streams: [served("BBB", { published: 1, lagMs: undefined })] }) } }));
    expect(text).toContain("tapedeck_bridge_malformed_frames_total 0\n");
    expect(text).toContain('tapedeck_bridge_published_entries_total{stream="sim.BBB.1m"} 1\n');
    expect(text).not.toContain("AAA");
    expect(text).not.toContain("tapedeck_bridge_lag_seconds{");
  });

  test("say no lag of a replay, whose messages were received long ago", async () => {
    expect((await lines(observed({ serving: { state: "serving", bridge: bridge({ mode: "replay" }) } }))).join("\n")).not.toContain("tapedeck_bridge_lag_seconds{");
  });

  test("say nothing of what is not known", async () => {
    const text = (await lines(observed({ serving: { state: "restarting", bridge: undefined }, recording: undefined }))).join("\n");
    expect(text).toContain("tapedeck_bridge_up 0");
    expect(text).not.toContain("tapedeck_bridge_clients");
    expect(text).not.toContain("tapedeck_recording_gaps_open");
  });

  test("give labels to a bounded number of streams", async () => {
    const streams = Array.from({ length: LABELLED_STREAMS_MAX + 200 }, (_, at) => served(`S${String(at).padStart(4, "0")}`));
    const said = await lines(observed({ serving: { state: "serving", bridge: bridge({ streams }) } }));
    expect(said.filter((line) => line.startsWith("tapedeck_bridge_latest_sequence{"))).toHaveLength(LABELLED_STREAMS_MAX);
    expect(said).toContain(`tapedeck_bridge_streams ${LABELLED_STREAMS_MAX + 200}`);
  });

  test("include those of the process when asked for", async () => {
    const text = await createMetrics({ processMetrics: true }).text(observed());
    expect(text).toContain("process_resident_memory_bytes");
  });
});

describe("health", () => {
  test("is GREEN without reasons when all is well", () => {
    expect(healthOf(observed({ health: report({ disk: { freeBytes: 5_000, bytesPerHour: undefined, hoursToFull: undefined, state: "ok" } }) }))).toEqual({
      status: "GREEN", reasons: [], version: "1.2.3", uptime_ms: 5_000, mode: "live", history_id: "h", streams: 1, clients: 2,
      recording: { capture_id: "live-sim", messages: 100, durable_seq: 95, derived_seq: 80, gaps_open: 0 },
      disk: { state: "ok", free_bytes: 5_000, bytes_per_hour: null, hours_to_full: null },
    });
  });
  test.each<[Partial<Observations>, string, RegExp]>([
    [{ serving: { state: "gone", bridge: undefined } }, "RED", /not served any more/],
    [{ serving: { state: "restarting", bridge: undefined } }, "AMBER", /being started again/],
    [{ serving: { state: "serving", bridge: bridge({ status: "RED", detail: "the journal's disk is full" }) } }, "RED", /^bridge: the journal's disk is full$/],
    [{ health: report({ status: "RED", reasons: [{ colour: "RED", text: "recording stopped: disk full" }] }) }, "RED", /^recording stopped: disk full$/],
    [{ health: report({ status: "AMBER", reasons: [{ colour: "AMBER", text: "okx-swap: 3 gaps open" }] }) }, "AMBER", /^okx-swap: 3 gaps open$/],
  ])("%j is %s", (changes, status, reason) => {
    const health = healthOf(observed(changes));
    expect(health.status).toBe(status);
    expect(health.reasons[0]).toMatch(reason);
  });
  test("names what is worst first, whoever found it", () => {
    const seen = observed({ serving: { state: "restarting", bridge: undefined }, health: report({ reasons: [{ colour: "RED", text: "x" }, { colour: "AMBER", text: "y" }] }) });
    expect(healthOf(seen).reasons).toEqual(["x", "the bridge's process ended and is being started again", "y"]);
  });
});

describe("every metric", () => {
  test("parses, has a help and a type, and is said once per label set", async () => {
    const { families } = await scrape(everything(), true);
    expect(families.length).toBeGreaterThan(60);
    // The parser refuses anything else; what is left to say is that nothing of ours is empty here.
    for (const { name, samples } of families) if (name.startsWith("tapedeck_")) expect(samples.length, name).toBeGreaterThan(0);
  });

  test("is in docs/metrics.md, and nothing else is", async () => {
    const { families } = await scrape(everything());
    const documented = readFileSync(new URL("../../../docs/metrics.md", import.meta.url), "utf8");
    const listed = new Map([...documented.matchAll(/^\| `(tapedeck_[a-z_]+)` \| (counter|gauge|histogram) \| ([^|]*) \|/gm)].map(([, name = "", type = "", labels = ""]) => [name, `${type} ${labels.replaceAll("`", "").trim()}`]));
    const said = new Map(families.map(({ name, type, labels }) => [name, `${type} ${labels.filter((label) => label !== "le").join(", ")}`.trim()]));
    expect(new Map([...listed].sort().map(([name, text]) => [name, text.trim()]))).toEqual(new Map([...said].sort()));
  });

  test("of a stream, a venue, a leg and the disk is as observed, in base units", async () => {
    const { value } = await scrape(everything());
    const of = { venue: "okx-swap", symbol: "BTCUSDT", channel: "trades" };
    expect(value("tapedeck_stream_messages_total", of)).toBe(50);
    expect(value("tapedeck_stream_live", of)).toBe(1);
    expect(value("tapedeck_stream_live", { ...of, symbol: "ETHUSDT" })).toBe(0);
    expect(value("tapedeck_stream_last_message_timestamp_seconds", of)).toBe(1_700_000_000.5);
    expect(value("tapedeck_stream_watermark_age_seconds", of)).toBe(4.5);
    expect(value("tapedeck_stream_watermark_age_seconds", { ...of, symbol: "ETHUSDT" })).toBeUndefined();
    expect(value("tapedeck_stream_conflicts_total", of)).toBe(1);
    expect(value("tapedeck_venue_streams_live", { venue: "okx-swap" })).toBe(1);
    expect(value("tapedeck_venue_ban_seconds", { venue: "okx-swap" })).toBe(2.5);
    expect(value("tapedeck_venue_clock_offset_seconds", { venue: "okx-swap" })).toBe(-0.02);
    expect(value("tapedeck_leg_missed_total", { venue: "okx-swap", leg: "B" })).toBe(10);
    expect(value("tapedeck_leg_open", { venue: "okx-swap", leg: "B" })).toBe(0);
    expect(value("tapedeck_disk_full_in_seconds", {})).toBe(18_000);
    expect(value("tapedeck_disk_state", {})).toBe(1);
  });

  test("of latencies is a cumulative histogram in seconds", async () => {
    const { value } = await scrape(everything());
    const of = { venue: "okx-swap", channel: "trades" };
    const below = LATENCY_BOUNDS_MS.map((ms) => value("tapedeck_exchange_to_here_seconds_bucket", { ...of, le: String(ms / 1_000) }));
    expect(below).toEqual(LATENCY_BOUNDS_MS.map((ms) => (ms < 20 ? 1 : 2)));
    expect(value("tapedeck_exchange_to_here_seconds_bucket", { ...of, le: "+Inf" })).toBe(3);
    expect(value("tapedeck_exchange_to_here_seconds_count", of)).toBe(3);
    expect(value("tapedeck_exchange_to_here_seconds_sum", of)).toBeCloseTo(70.017);
    expect(value("tapedeck_log_to_screen_seconds_sum", {})).toBeCloseTo(0.061);
  });

  test("of a recorded stream has labels for a bounded number of streams", async () => {
    const streams = Array.from({ length: LABELLED_STREAMS_MAX + 50 }, (_, at) => stream(`S${String(at).padStart(4, "0")}`));
    const { families, value } = await scrape(observed({ health: report({ streams }) }));
    expect(families.find(({ name }) => name === "tapedeck_stream_messages_total")?.samples).toHaveLength(LABELLED_STREAMS_MAX);
    expect(value("tapedeck_venue_streams", { venue: "okx-swap" })).toBe(LABELLED_STREAMS_MAX + 50);
  });

  test("keeps what a hostile name says inside its label", async () => {
    const { value } = await scrape(observed({ health: report({ streams: [stream('A"} 1\n# TYPE x counter\nx 2\\')] }) }));
    expect(value("tapedeck_stream_messages_total", { venue: "okx-swap", symbol: 'A"} 1\n# TYPE x counter\nx 2\\', channel: "trades" })).toBe(50);
  });
});

describe("the server", () => {
  let server: MetricsServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  async function ask(path: string, options: { readonly host?: string; readonly method?: string } = {}, observations = observed()): Promise<{ status: number; type: string; body: string }> {
    server ??= await MetricsServer.listen({ host: "127.0.0.1", port: 0, metrics: createMetrics({ processMetrics: false }), observe: () => observations });
    const { address } = server;
    return new Promise((resolve, reject) => {
      const asking = request(`http://${address}${path}`, { method: options.method ?? "GET", agent: false, headers: options.host === undefined ? {} : { host: options.host } }, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, type: response.headers["content-type"] ?? "", body: Buffer.concat(parts).toString() }));
      });
      asking.on("error", reject);
      asking.end();
    });
  }

  test("answers /metrics and /health, and nothing else", async () => {
    const metrics = await ask("/metrics");
    expect([metrics.status, metrics.type]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
    expect(metrics.body).toContain("tapedeck_bridge_clients 2\n");
    const health = await ask("/health?x=1");
    expect([health.status, health.type]).toEqual([200, "application/json"]);
    expect(JSON.parse(health.body)).toMatchObject({ status: "GREEN" });
    expect((await ask("/")).status).toBe(404);
    expect((await ask("/metrics", { method: "POST" })).status).toBe(405);
    expect(await ask("/health", { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
  });

  test("says by its status code when it is RED", async () => {
    expect((await ask("/health", {}, observed({ serving: { state: "gone", bridge: undefined } }))).status).toBe(503);
  });

  test.each(["evil.example", "evil.example:9464", "localhost.evil.example", "127.0.0.1.evil.example", "a b"])("tells nothing to %j", async (host) => {
    const answer = await ask("/metrics", { host });
    expect(answer.status).not.toBe(200);
    expect(answer.body).not.toContain("tapedeck_");
  });
  test.each(["localhost", "localhost:1", "127.0.0.1", "[::1]:9464", "192.168.1.5:9464"])("answers by the address %s", async (host) => {
    expect((await ask("/health", { host })).status).toBe(200);
  });

  test("says when its port is taken", async () => {
    await ask("/health");
    const port = Number(server?.address.split(":")[1]);
    await expect(MetricsServer.listen({ host: "127.0.0.1", port, metrics: createMetrics({ processMetrics: false }), observe: observed })).rejects.toThrow(/the port is in use; give another with --metrics/);
  });
});
