// Owns the scripted answers about one bar and about raw messages. For development and tests of the screen.
import type { ShownBarKey } from "../../../shared/candles.ts";
import { formatDecimal } from "../../../shared/decimal.ts";
import type { CommandInput } from "../../../shared/protocol/commands.ts";
import type { BarReport, RawMessage, RawPage, RecomputeReport } from "../../../shared/protocol/frames.ts";
import { INTERVAL_MS } from "../../../shared/time.ts";
import { foldBars, PRICE_SCALE, VOLUME_SCALE, type ScriptedTape } from "./market.ts";

const STREAM = "sim:BTCUSDT:aggTrade";

function digestOf(text: string): string {
  let hash = 0x811c9dc5;
  let out = "";
  for (let round = 0; out.length < 64; round += 1) {
    for (const char of `${round}${text}`) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0;
    out += hash.toString(16).padStart(8, "0");
  }
  return out;
}

export function inspectBar(tape: ScriptedTape, played: number, key: ShownBarKey): BarReport {
  const intervalMs = INTERVAL_MS[key.interval];
  const { bars } = foldBars(tape, played, { interval: key.interval, bars: 1, untilOpenMs: key.openMs + intervalMs });
  const price = (column: Float64Array): string => formatDecimal({ mantissa: column[0] ?? 0, scale: PRICE_SCALE });
  const volume = (column: Float64Array): string => formatDecimal({ mantissa: column[0] ?? 0, scale: VOLUME_SCALE });
  const values = {
    open: price(bars.open), high: price(bars.high), low: price(bars.low), close: price(bars.close), volume: volume(bars.volume),
    quoteVolume: formatDecimal({ mantissa: bars.quoteVolume[0] ?? 0, scale: PRICE_SCALE + VOLUME_SCALE }), tradeCount: String(bars.tradeCount[0] ?? 0), takerBuyVolume: volume(bars.takerBuyVolume),
  };
  const first = tape.countUntil(key.openMs - 1) + 1;
  const last = bars.atSeq[0] ?? first;
  const isForming = (bars.flags[0] ?? 0) === 1;
  const isEmpty = bars.length === 0 || bars.openMs[0] !== key.openMs;
  const isRevised = tape.isRevised(key.openMs);
  const before = { ...values, close: formatDecimal({ mantissa: (bars.close[0] ?? 0) + 900, scale: PRICE_SCALE }), high: formatDecimal({ mantissa: (bars.high[0] ?? 0) + 900, scale: PRICE_SCALE }) };
  const r1 = { revision: 1, reason: "watermark", digest: digestOf(`${key.openMs}r1`), atSeq: last, values: isRevised ? before : values, diff: [] };
  const r2 = { revision: 2, reason: "late_data", digest: digestOf(`${key.openMs}r2`), atSeq: last + 412, values, diff: [{ field: "close" as const, before: before.close, after: values.close }, { field: "high" as const, before: before.high, after: values.high }] };
  const grade = tape.gradeOf(key.openMs, intervalMs);
  const trades = bars.tradeCount[0] ?? 0;
  const rest = grade === "repaired" ? 20 : 0;
  return {
    key, versions: isForming || isEmpty ? [] : isRevised ? [r1, r2] : [r1], forming: isForming ? values : undefined, grade: isForming ? undefined : isEmpty ? "GAP_UNRESOLVED" : grade,
    gradeWhy: isForming ? "" : "ids 5266583935…5266588012 contiguous over both edges", gradeHistory: [],
    provenance: isForming || isEmpty ? [] : [{ streamId: STREAM, fromIngestSeq: first, toIngestSeq: last, fromPosition: 0, toPosition: 0, fromSeq: first, toSeq: last, base: digestOf("base"), digest: digestOf("run") }],
    excluded: { count: 0, seqs: [] },
    ...(!isForming && !isEmpty && { confirmation: isRevised
      ? { revision: 2, result: "differs", fields: [{ field: "volume", ours: values.volume, venues: "41.207" }], streamId: "sim:BTCUSDT:kline_1m", candleSeq: last + 3, atSeq: last + 3 }
      : { revision: 1, result: "equal", fields: [], streamId: "sim:BTCUSDT:kline_1m", candleSeq: last + 3, atSeq: last + 3 } }),
    sources: isEmpty ? [] : [
      { source: "ws", connection: "a-1", messages: Math.round(trades * 0.61), trades: Math.round(trades * 0.61), volume: values.volume },
      { source: "ws", connection: "b-2", messages: trades - Math.round(trades * 0.61), trades: trades - Math.round(trades * 0.61), volume: "0" },
      ...(rest > 0 ? [{ source: "rest_backfill", connection: "rest", messages: 1, trades: rest, volume: "0.1" }] : []),
    ],
    gaps: tape.gaps.filter((gap) => gap.fromMs < key.openMs + intervalMs && (gap.toMs ?? 0) > key.openMs),
  };
}

export function recomputeBar(tape: ScriptedTape, played: number, key: ShownBarKey): RecomputeReport {
  const report = inspectBar(tape, played, key);
  const digest = report.versions.at(-1)?.digest ?? "";
  return { match: true, expected: digest, actual: digest, messages: report.sources.reduce((sum, source) => sum + source.messages, 0), elapsedMs: 3.2, diff: [] };
}

export function rawPage(tape: ScriptedTape, input: CommandInput<"raw.read">): RawPage {
  const messages: RawMessage[] = [];
  for (let seq = Math.max(1, input.fromSeq); seq <= tape.trades.length && messages.length < input.limit; seq += 1) {
    const trade = tape.trades[seq - 1];
    if (trade === undefined) break;
    const text = `{"e":"aggTrade","E":${trade.ms},"a":${5_266_583_935 + seq},"s":"BTCUSDT","p":"${formatDecimal({ mantissa: trade.price, scale: PRICE_SCALE })}","q":"${formatDecimal({ mantissa: trade.qty, scale: VOLUME_SCALE })}","f":${seq},"l":${seq},"T":${trade.ms},"m":${trade.side === -1}}`;
    messages.push({
      seq, ingestSeq: seq, streamId: STREAM, source: "ws", connection: "a-1", recvNs: `${trade.ms + 7}123456`, eventNs: `${trade.ms}000000`, bytes: text.length, text, base64: undefined, truncated: false, sha256: digestOf(text),
    });
  }
  const next = input.fromSeq + messages.length;
  return { messages, nextSeq: next <= tape.trades.length ? next : undefined };
}
