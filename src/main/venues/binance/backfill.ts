// How to ask Binance for trades that the socket did not bring, and which ids an answer holds.
//
// Both channels are repaired from REST aggTrades. Stream `aggTrade`: asked for by its own id `a`. Stream `trade`: public REST
// cannot be asked by trade id (historicalTrades needs a key), so the first request goes by time, from the last event before
// the hole, and the pages after it by `a`; an aggregate covers the trade ids f … l. Trades that are never aggregated
// (insurance fund, ADL) are in no answer: such ids stay missing, and the outcome of that repair is "partly".
import { z } from "zod";
import { failed, type Result } from "../../../shared/base.ts";
import { type Backfill, type BackfillPage, type BackfillRange, hasIds, type IdRange, type IdRun, type RestRequest } from "../adapter.ts";

const PAGE_LIMIT = 1_000;
const WEIGHT = 20;
/** The venue refuses windows of an hour or more. */
const WINDOW_MS = 3_600_000 - 1;
/** An aggregate may carry a time a little before or after that of the trades around the hole. */
const MARGIN_MS = 1_000;

const id = z.number().int().nonnegative();
const rowsSchema = z.array(z.object({ a: id, f: id, l: id, T: id })).max(PAGE_LIMIT);
type Row = z.infer<typeof rowsSchema>[number];

function request(query: string): RestRequest {
  return { endpoint: "rest", path: `/fapi/v1/aggTrades?${query}`, weight: WEIGHT };
}

function byId(symbol: string, fromId: number, limit: number): RestRequest {
  return request(`symbol=${encodeURIComponent(symbol)}&fromId=${fromId}&limit=${limit}`);
}

function byTime(symbol: string, fromMs: number, untilMs: number): RestRequest {
  return request(`symbol=${encodeURIComponent(symbol)}&startTime=${fromMs}&endTime=${untilMs}&limit=${PAGE_LIMIT}`);
}

/** The event after the hole may be a late print with an old time: then the time before the hole has to do. */
function lastWantedMs(range: BackfillRange): number {
  return range.toMs === undefined ? Number.MAX_SAFE_INTEGER : Math.max(range.toMs, range.fromMs ?? range.toMs) + MARGIN_MS;
}

function windowFrom(range: BackfillRange, fromMs: number): RestRequest {
  return byTime(range.stream.symbol, fromMs, Math.min(fromMs + WINDOW_MS, lastWantedMs(range)));
}

function plan(range: BackfillRange): RestRequest | undefined {
  if (!hasIds(range)) return undefined;
  const { stream, fromId, toId, fromMs } = range;
  if (stream.channel === "aggTrade") return byId(stream.symbol, fromId, Math.min(PAGE_LIMIT, toId - fromId + 1));
  if (stream.channel === "trade" && fromMs !== undefined) return windowFrom(range, fromMs - MARGIN_MS);
  return undefined;
}

function within(range: IdRange, fromId: number, toId: number): IdRun | undefined {
  const run = { fromId: Math.max(fromId, range.fromId), toId: Math.min(toId, range.toId) };
  return run.fromId <= run.toId ? run : undefined;
}

function idsOf(range: IdRange, rows: readonly Row[]): readonly IdRun[] {
  const runs: IdRun[] = [];
  for (const row of rows) {
    const run = range.stream.channel === "aggTrade" ? within(range, row.a, row.a) : within(range, row.f, row.l);
    if (run === undefined) continue;
    const last = runs.at(-1);
    if (last !== undefined && run.fromId <= last.toId + 1) runs[runs.length - 1] = { fromId: last.fromId, toId: Math.max(last.toId, run.toId) };
    else runs.push(run);
  }
  return runs;
}

/** What to ask after an empty window: the next hour, as long as it can hold wanted trades. */
function afterEmpty(range: BackfillRange, asked: URLSearchParams): RestRequest | undefined {
  const endTime = asked.get("endTime");
  if (endTime === null || range.toMs === undefined || Number(endTime) >= lastWantedMs(range)) return undefined;
  return windowFrom(range, Number(endTime) + 1);
}

function after(range: IdRange, last: Row): RestRequest | undefined {
  const reached = range.stream.channel === "aggTrade" ? last.a : last.l;
  // Ids decide when to end, not times: a late print carries an old time behind newer ones.
  if (reached >= range.toId) return undefined;
  const limit = range.stream.channel === "aggTrade" ? Math.min(PAGE_LIMIT, range.toId - last.a) : PAGE_LIMIT;
  return byId(range.stream.symbol, last.a + 1, limit);
}

function page(range: BackfillRange, asked: RestRequest, body: Uint8Array): Result<BackfillPage> {
  const where = `backfill of ${range.stream.streamId} (${asked.path})`;
  if (!hasIds(range)) return failed("feed.bad-backfill", `${where}: Binance's trades are asked for by their ids`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    return failed("feed.bad-backfill", `${where}: the answer is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const rows = rowsSchema.safeParse(parsed);
  if (!rows.success) return failed("feed.bad-backfill", `${where}: the answer is no list of aggregated trades: ${z.prettifyError(rows.error)}`);
  const query = new URLSearchParams(asked.path.slice(asked.path.indexOf("?") + 1));
  const last = rows.data.at(-1);
  if (last === undefined) return { ok: true, value: { next: afterEmpty(range, query), ids: [] } };
  for (let index = 1; index < rows.data.length; index += 1) {
    // Pages are followed by the last id: an answer out of order could be followed for ever.
    if ((rows.data[index]?.a ?? 0) <= (rows.data[index - 1]?.a ?? 0)) return failed("feed.bad-backfill", `${where}: ids do not ascend at item ${index}`);
  }
  const fromId = query.get("fromId");
  if (fromId !== null && last.a < Number(fromId)) return failed("feed.bad-backfill", `${where}: the answer ends at ${last.a}, before what was asked for`);
  return { ok: true, value: { next: after(range, last), ids: idsOf(range, rows.data) } };
}

export const binanceBackfill: Backfill = { plan, page };
