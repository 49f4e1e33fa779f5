// How to ask Bybit for trades that the socket did not bring. `recent-trade` knows neither ids nor times to ask by and has no second page:
// the newest trades, newest first, and a hole that lies behind them stays one. Ids have no order, so whoever asked compares them.
import { z } from "zod";
import { failed, type Result } from "../../../shared/base.ts";
import type { Backfill, BackfillPage, BackfillRange, RestRequest } from "../adapter.ts";

/** The most that the venue gives. */
const LIMIT = { linear: 1_000, spot: 60 } as const;

const answerSchema = z.object({
  retCode: z.literal(0),
  result: z.object({
    list: z.array(z.object({ execId: z.string().min(1), symbol: z.string(), time: z.string().regex(/^\d{1,15}$/).transform(Number) })).max(LIMIT.linear),
  }),
});

function page(range: BackfillRange, asked: RestRequest, body: Uint8Array): Result<BackfillPage> {
  const where = `backfill of ${range.stream.streamId} (${asked.path})`;
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (error) {
    return failed("feed.bad-backfill", `${where}: the answer is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const answer = answerSchema.safeParse(parsed);
  if (!answer.success) return failed("feed.bad-backfill", `${where}: the answer is no list of trades: ${z.prettifyError(answer.error).slice(0, 400)}`);
  const { list } = answer.data.result;
  const other = list.find(({ symbol }) => symbol !== range.stream.symbol);
  if (other !== undefined) return failed("feed.bad-backfill", `${where}: the answer holds a trade of ${JSON.stringify(other.symbol.slice(0, 80))}`);
  return { ok: true, value: { next: undefined, ids: [], trades: list.map(({ execId, time }) => ({ tradeId: execId, eventMs: time })) } };
}

export function bybitBackfill(category: "linear" | "spot"): Backfill {
  return {
    plan: ({ stream, fromId, fromMs, toMs }) => {
      if (fromId !== undefined || stream.channel !== "publicTrade" || fromMs === undefined || toMs === undefined) return undefined;
      const path = `/v5/market/recent-trade?category=${category}&symbol=${encodeURIComponent(stream.symbol)}&limit=${LIMIT[category]}`;
      return { endpoint: "rest", path, weight: 1 };
    },
    page,
  };
}
