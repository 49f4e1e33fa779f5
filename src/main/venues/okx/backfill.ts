// How to ask OKX for trades that the socket did not bring, and which ids an answer holds. REST history-trades knows single
// trades by the very ids of the stream, newest first, and pages downwards: `after=N` gives ids below N. Each page asks for no
// more rows than ids are missing, so that it does not bring again what the stream has told in another form (aggregated).
import { z } from "zod";
import { failed, type Result } from "../../../shared/base.ts";
import { type Backfill, type BackfillPage, type BackfillRange, hasIds, type IdRange, type IdRun, type RestRequest } from "../adapter.ts";
import { instIdOf, instrumentOf, isOkxVenue } from "./instruments.ts";

const PAGE_LIMIT = 100;

const answerSchema = z.object({
  code: z.literal("0"),
  data: z.array(z.object({ instId: z.string(), tradeId: z.string().regex(/^\d{1,15}$/).transform(Number) })).max(PAGE_LIMIT),
});

function below(range: IdRange, afterId: number): RestRequest | undefined {
  const { venue, symbol } = range.stream;
  if (!isOkxVenue(venue)) return undefined;
  const limit = Math.min(PAGE_LIMIT, afterId - range.fromId);
  const instId = encodeURIComponent(instIdOf(venue, symbol));
  return { endpoint: "rest", path: `/api/v5/market/history-trades?instId=${instId}&type=1&after=${afterId}&limit=${limit}`, weight: 1 };
}

function plan(range: BackfillRange): RestRequest | undefined {
  const { channel } = range.stream;
  if (!hasIds(range)) return undefined;
  return channel === "trades" || channel === "trades-all" ? below(range, range.toId + 1) : undefined;
}

/** Ids of the range, ascending; `descending` are the ids of the answer. */
function runsOf(range: IdRange, descending: readonly number[]): readonly IdRun[] {
  const runs: { fromId: number; toId: number }[] = [];
  for (const id of descending) {
    if (id < range.fromId || id > range.toId) continue;
    const lowest = runs.at(-1);
    if (lowest !== undefined && lowest.fromId === id + 1) lowest.fromId = id;
    else runs.push({ fromId: id, toId: id });
  }
  return runs.reverse();
}

function page(range: BackfillRange, asked: RestRequest, body: Uint8Array): Result<BackfillPage> {
  const where = `backfill of ${range.stream.streamId} (${asked.path})`;
  if (!hasIds(range)) return failed("feed.bad-backfill", `${where}: OKX's trades are asked for by their ids`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    return failed("feed.bad-backfill", `${where}: the answer is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const answer = answerSchema.safeParse(parsed);
  if (!answer.success) return failed("feed.bad-backfill", `${where}: the answer is no list of trades: ${z.prettifyError(answer.error)}`);
  const { data } = answer.data;
  const other = data.find(({ instId }) => {
    const instrument = instrumentOf(instId);
    return instrument?.venue !== range.stream.venue || instrument.symbol !== range.stream.symbol;
  });
  if (other !== undefined) return failed("feed.bad-backfill", `${where}: the answer holds a trade of ${JSON.stringify(other.instId.slice(0, 80))}`);
  const ids = data.map(({ tradeId }) => tradeId);
  let above = Number(new URLSearchParams(asked.path.slice(asked.path.indexOf("?") + 1)).get("after"));
  for (const [index, id] of ids.entries()) {
    // Pages are followed by the lowest id: an answer out of order could be followed for ever.
    if (id >= above) return failed("feed.bad-backfill", `${where}: ids do not descend from what was asked for, at item ${index}`);
    above = id;
  }
  const lowest = ids.at(-1);
  const next = lowest === undefined || lowest <= range.fromId ? undefined : below(range, lowest);
  return { ok: true, value: { next, ids: runsOf(range, ids) } };
}

export const okxBackfill: Backfill = { plan, page };
