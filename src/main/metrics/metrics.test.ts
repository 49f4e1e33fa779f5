// What is scraped is what was observed; nobody who came by a foreign name is told anything.
import { request } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import type { ServedStream, ServerStatus } from "../bridge/server/types.ts";
import { healthOf } from "./health.ts";
import { MetricsServer } from "./metrics-server.ts";
import type { Observations, RecordingObservation } from "./observations.ts";
import { createMetrics, LABELLED_STREAMS_MAX } from "./registry.ts";

const HISTORY = { historyId: "h", mode: "live", lineage: "l", configDigest: "c", canonicalizerVersion: "1", runId: "" } as const;

function stream(symbol: string, changes: Partial<ServedStream> = {}): ServedStream {
  return { key: { sourceId: "sim", symbol, interval: "1m" }, latestSequence: 7, firstSequence: 1, published: 7, conflated: 3, rate: 0.5, lagMs: 250, ...changes };
}
function bridge(changes: Partial<ServerStatus> = {}): ServerStatus {
  return {
    history: HISTORY, mode: "live", status: "GREEN", detail: "", streams: [stream("AAA")], malformed: 2, oversized: 1, refused: 4, backfillBytes: 1_000, backfillEntries: 9, unsent: 5, rejectedHandshakes: 6,
    clients: [{ id: "a", lastHeardMs: 0, requests: 1, refused: 0, behind: 12, resyncsAdvised: 0 }, { id: "b", lastHeardMs: 0, requests: 1, refused: 0, behind: 40, resyncsAdvised: 1 }], ...changes,
  };
}
function recording(changes: Partial<RecordingObservation> = {}): RecordingObservation {
  return { captureId: "live-sim", messages: 100, durableMessages: 90, durableSeq: 95, derivedSeq: 80, gapsOpen: 0, halted: undefined, sources: [{ venue: "sim", state: "live", detail: "" }], ...changes };
}
function observed(changes: Partial<Observations> = {}): Observations {
  return { version: "1.2.3", uptimeMs: 5_000.4, bridge: bridge(), serving: "serving", recording: recording(), ...changes };
}

async function lines(observations: Observations): Promise<readonly string[]> {
  return (await createMetrics({ processMetrics: false }).text(observations)).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

describe("metrics", () => {
  test("say what was observed, by the documented names", async () => {
    expect(await lines(observed())).toMatchInlineSnapshot(`
      [
        "tapedeck_bridge_backfill_bytes_total 1000",
        "tapedeck_bridge_backfill_entries_total 9",
        "tapedeck_bridge_malformed_frames_total 2",
        "tapedeck_bridge_oversized_frames_total 1",
        "tapedeck_bridge_refused_requests_total 4",
        "tapedeck_bridge_dropped_frames_total 5",
        "tapedeck_bridge_rejected_handshakes_total 6",
        "tapedeck_recording_messages_total 100",
        "tapedeck_recording_durable_messages_total 90",
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
    await metrics.text(observed({ bridge: bridge({ streams: [stream("AAA"), stream("BBB")] }) }));
    const text = await metrics.text(observed({ bridge: bridge({ malformed: 0, streams: [stream("BBB", { published: 1, lagMs: undefined })] }) }));
    expect(text).toContain("tapedeck_bridge_malformed_frames_total 0\n");
    expect(text).toContain('tapedeck_bridge_published_entries_total{stream="sim.BBB.1m"} 1\n');
    expect(text).not.toContain("AAA");
    expect(text).not.toContain("tapedeck_bridge_lag_seconds{");
  });

  test("say no lag of a replay, whose messages were received long ago", async () => {
    expect((await lines(observed({ bridge: bridge({ mode: "replay" }) }))).join("\n")).not.toContain("tapedeck_bridge_lag_seconds{");
  });

  test("say nothing of what is not known", async () => {
    const text = (await lines(observed({ bridge: undefined, serving: "restarting", recording: undefined }))).join("\n");
    expect(text).toContain("tapedeck_bridge_up 0");
    expect(text).not.toContain("tapedeck_bridge_clients");
    expect(text).not.toContain("tapedeck_recording_gaps_open");
  });

  test("give labels to a bounded number of streams", async () => {
    const streams = Array.from({ length: LABELLED_STREAMS_MAX + 200 }, (_, at) => stream(`S${String(at).padStart(4, "0")}`));
    const said = await lines(observed({ bridge: bridge({ streams }) }));
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
    expect(healthOf(observed())).toEqual({
      status: "GREEN", reasons: [], version: "1.2.3", uptime_ms: 5_000, mode: "live", history_id: "h", streams: 1, clients: 2,
      recording: { capture_id: "live-sim", messages: 100, durable_seq: 95, derived_seq: 80, gaps_open: 0 },
    });
  });
  test.each<[Partial<Observations>, string, RegExp]>([
    [{ serving: "gone", bridge: undefined }, "RED", /not served any more/],
    [{ serving: "restarting", bridge: undefined }, "AMBER", /being started again/],
    [{ bridge: bridge({ status: "RED", detail: "the journal's disk is full" }) }, "RED", /^bridge: the journal's disk is full$/],
    [{ recording: recording({ halted: "disk full" }) }, "RED", /^recording stopped: disk full$/],
    [{ recording: recording({ gapsOpen: 3 }) }, "AMBER", /^3 gaps are open$/],
    [{ recording: recording({ sources: [{ venue: "binance-usdm", state: "down", detail: "unreachable" }] }) }, "AMBER", /^binance-usdm is down: unreachable$/],
  ])("%j is %s", (changes, status, reason) => {
    const health = healthOf(observed(changes));
    expect(health.status).toBe(status);
    expect(health.reasons[0]).toMatch(reason);
  });
  test("names what is worst first", () => {
    expect(healthOf(observed({ recording: recording({ halted: "x", gapsOpen: 1 }) })).reasons).toEqual(["recording stopped: x", "1 gaps are open"]);
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
    expect((await ask("/health", {}, observed({ serving: "gone" }))).status).toBe(503);
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
