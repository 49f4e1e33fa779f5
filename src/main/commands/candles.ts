// `tapedeck candles`: bars of one series with exact decimals, provenance, grade and revision.
import type { Command } from "commander";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import type { BarConfirmation, BarVersion, GapEntry, Grade } from "../../shared/candles.ts";
import { instrumentId } from "../../shared/market.ts";
import { INTERVAL_MS, formatUtcMs } from "../../shared/time.ts";
import { barObject, formingObject } from "../canonical/artifact.ts";
import type { Deriver } from "../derive/deriver.ts";
import type { IndexedSeries } from "../derive/journal.ts";
import { gapFreeIn } from "../derive/gap-free.ts";
import { readBars, readConfirmations, readGrades, readLedgerEntries, type GradeTimeline, type RevisionChoice, type TimeRange } from "../derive/read.ts";
import type { Column } from "../cli-output.ts";
import { commonOptions, defineCommand, msAtOrAfter, optionText, type CommandContext, type ExitCode } from "./context.ts";
import { refuseGaps } from "./gap-free.ts";
import { openCapture, type OpenCapture } from "./open-capture.ts";

const schema = z.object({
  ...commonOptions,
  capture: optionText.capture,
  venue: optionText.venue.optional(),
  symbol: optionText.symbol.optional(),
  interval: optionText.interval,
  revision: z.string().transform((text): RevisionChoice => {
    if (text === "latest" || text === "all") return text;
    if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
    throw fault("cli.bad-option", `--revision ${text}: latest, all, or a number from 1`);
  }).default("latest"),
  asOf: optionText.moment("as-of").optional(),
  from: optionText.moment("from").optional(),
  until: optionText.moment("until").optional(),
  requireGapFree: z.boolean().default(false),
  gapFree: z.boolean().default(false),
});
type Input = z.output<typeof schema>;
type CandleObject = Record<string, unknown>;

/** The one instrument that is meant: named, or the only one. */
function chooseSeries(capture: OpenCapture, derived: Deriver, input: Input): IndexedSeries {
  const instruments = new Map(capture.instruments.map((one) => [`${one.venue}:${one.symbol}`, one]));
  const fits = [...instruments.values()].filter(
    (one) => (input.venue === undefined || one.venue === input.venue) && (input.symbol === undefined || one.symbol === input.symbol),
  );
  const has = [...instruments.keys()].join(", ") || "no instrument";
  const [only] = fits;
  if (only === undefined) throw fault("candles.unknown-instrument", `capture ${input.capture} has no ${[input.venue, input.symbol].filter(Boolean).join(" ") || "instrument"}; it has ${has}`);
  if (fits.length > 1) throw fault("candles.ambiguous", `capture ${input.capture} has ${has}: say --venue and --symbol`);
  const intervals = derived.history.series().filter((one) => one.venue === only.venue && one.symbol === only.symbol).map(({ interval }) => interval);
  const configured = derived.config?.intervals;
  if (configured !== undefined && !configured.includes(input.interval)) {
    throw fault("candles.unknown-interval", `capture ${input.capture} has no ${input.interval} candles of ${only.symbol}; it has ${(intervals.length > 0 ? intervals : configured).join(", ")}`);
  }
  return { venue: only.venue, symbol: only.symbol, interval: input.interval };
}

const NOT_GAP_FREE: readonly Grade[] = ["partial", "unresolved", "missing", "GAP_UNRESOLVED"];

interface Hole { readonly open_ts_ms: number; readonly until_ts_ms: number; readonly grade: string; readonly why: string }

/** Buckets of the range that are not complete, neighbours of one grade joined. */
function findHoles(options: {
  readonly series: IndexedSeries;
  readonly bars: readonly BarVersion[];
  readonly grades: GradeTimeline;
  readonly gaps: readonly GapEntry[];
  readonly range: TimeRange;
}): readonly Hole[] {
  const { series, bars, grades, gaps, range } = options;
  const length = INTERVAL_MS[series.interval];
  const span = grades.span;
  const firstBar = bars[0]?.key.openMs;
  const lastBar = bars.at(-1)?.key.openMs;
  const from = range.fromMs ?? Math.min(span?.fromMs ?? Infinity, firstBar ?? Infinity);
  const until = range.untilMs ?? Math.max(span?.untilMs ?? -Infinity, lastBar === undefined ? -Infinity : lastBar + length);
  const withBar = new Set(bars.map((bar) => bar.key.openMs));
  const holes: Hole[] = [];
  for (let openMs = Math.ceil(from / length) * length; openMs < until; openMs += length) {
    const entry = grades.at(openMs);
    const hole = holeAt({ openMs, length, hasBar: withBar.has(openMs), grade: entry?.grade, why: entry?.why ?? "", gaps });
    if (hole === undefined) continue;
    const before = holes.at(-1);
    if (before !== undefined && before.until_ts_ms === hole.open_ts_ms && before.grade === hole.grade && before.why === hole.why) {
      holes[holes.length - 1] = { ...before, until_ts_ms: hole.until_ts_ms };
    } else holes.push(hole);
  }
  return holes;
}

function holeAt(bucket: {
  readonly openMs: number;
  readonly length: number;
  readonly hasBar: boolean;
  readonly grade: Grade | undefined;
  readonly why: string;
  readonly gaps: readonly GapEntry[];
}): Hole | undefined {
  const { openMs, length, hasBar, grade, why, gaps } = bucket;
  const place = { open_ts_ms: openMs, until_ts_ms: openMs + length };
  if (grade !== undefined && NOT_GAP_FREE.includes(grade)) return { ...place, grade, why };
  if (grade === undefined && !hasBar) return { ...place, grade: "missing", why: "nothing is known of this time" };
  const gap = gaps.find((one) => one.state !== "repaired" && one.fromMs < openMs + length && (one.toMs ?? Infinity) >= openMs && one.missing !== 0);
  return gap === undefined ? undefined : { ...place, grade: grade ?? "unresolved", why: `gap ${gap.gapId} (${gap.cause}) is ${gap.state}` };
}

/** Whether the venue's own candle says the same of this very version; null: there is none, or it has not said anything of it. */
function confirmed(word: BarConfirmation | undefined): CandleObject {
  if (word === undefined) return { confirmed: null };
  const { result, fields } = word;
  return result === "equal" ? { confirmed: result } : { confirmed: result, confirmation_diff: fields.map(({ field, ours, venues }) => ({ field, ours, venue: venues })) };
}

async function refuseHoles(context: CommandContext, input: Input, holes: readonly Hole[]): Promise<ExitCode> {
  const named = holes.map((hole) => `${formatUtcMs(hole.open_ts_ms)}…${formatUtcMs(hole.until_ts_ms)} ${hole.grade}`);
  const message = `refused, not gap-free: ${holes.length} interval${holes.length === 1 ? "" : "s"}: ${named.slice(0, 20).join("; ")}${named.length > 20 ? " …" : ""}`;
  context.output.note(`tapedeck: ${message}`);
  if (input.json) await context.output.json({ refused: "candles.not-gap-free", message, intervals: holes });
  return 1;
}

const text = (name: string) => (row: CandleObject): string => String(row[name] ?? "");
const right = (title: string, name = title): Column<CandleObject> => ({ title, align: "right", text: text(name) });
const COLUMNS: readonly Column<CandleObject>[] = [
  { title: "open time (UTC)", text: (row) => formatUtcMs(Number(row["open_ts_ms"])) },
  right("open"), right("high"), right("low"), right("close"), right("volume"), right("quote volume", "quote_volume"),
  right("trades", "trade_count"), right("taker buy", "taker_buy_volume"),
  { title: "grade", text: text("grade") },
  { title: "state", text: text("state") },
  { title: "rev", align: "right", text: text("revision") },
  { title: "reason", text: text("reason") },
  { title: "venue says", text: text("confirmed") },
];

function forming(derived: Deriver, series: IndexedSeries, range: TimeRange, grades: GradeTimeline): readonly CandleObject[] {
  return derived.canonicalizer
    .open(series, series.interval)
    .filter(({ key }) => (range.fromMs === undefined || key.openMs >= range.fromMs) && (range.untilMs === undefined || key.openMs < range.untilMs))
    .map((bar) => formingObject(bar, grades.at(bar.key.openMs)?.grade));
}

async function candles(context: CommandContext, input: Input): Promise<ExitCode> {
  const { output } = context;
  await using capture = await openCapture(input.data, input.capture);
  const untilSeq = input.asOf === undefined ? undefined : await capture.reader.locate(input.asOf);
  const derived = await capture.derive({
    onNote: (note) => output.note(note), stop: context.stop,
    ...(untilSeq === undefined ? {} : { untilSeq }),
    ...(input.venue !== undefined && input.symbol !== undefined ? { only: { venue: input.venue, symbol: input.symbol, interval: input.interval } } : {}),
  });
  try {
    const series = chooseSeries(capture, derived, input);
    const range: TimeRange = {
      fromMs: input.from === undefined ? undefined : msAtOrAfter(input.from),
      untilMs: input.until === undefined ? undefined : msAtOrAfter(input.until),
    };
    if (input.gapFree) {
      const whole = await gapFreeIn(derived, { instruments: [series], ...range });
      if (!whole.ok) return await refuseGaps(context, input.json, whole);
    }
    const grades = await readGrades(derived, series);
    const bars = await readBars(derived, series, input.revision, range);
    if (input.requireGapFree) {
      const latest = input.revision === "latest" ? bars : await readBars(derived, series, "latest", range);
      const prefix = `${series.venue}:${series.symbol}:`;
      const gaps = (await readLedgerEntries(derived)).gaps.filter((gap) => gap.streamId === `${prefix}${derived.config?.folds[instrumentId(series)] ?? ""}`);
      const holes = findHoles({ series, bars: latest, grades, gaps, range });
      if (holes.length > 0) return await refuseHoles(context, input, holes);
    }
    const confirmations = await readConfirmations(derived, series);
    const rows: CandleObject[] = [
      ...bars.map((bar) => ({ ...barObject(bar, grades.at(bar.key.openMs)?.grade), ...confirmed(confirmations.of(bar)) })),
      ...(input.revision === "latest" ? forming(derived, series, range, grades) : []),
    ];
    if (input.json) for (const row of rows) await output.json(row);
    else await output.table(COLUMNS, rows);
    if (rows.length === 0) output.note(`No ${series.interval} candles of ${series.venue} ${series.symbol} here${derived.config?.folds[instrumentId(series)] === undefined ? ": none of its streams feeds candles" : ""}.`);
    return 0;
  } finally {
    await derived.close();
  }
}

export function registerCandles(program: Command, context: CommandContext): void {
  const command = program
    .command("candles")
    .description("candles of one series, proved from the log")
    .requiredOption("--capture <id>", "which capture")
    .option("--venue <venue>", "needed when the capture has several instruments")
    .option("--symbol <symbol>", "needed when the capture has several instruments")
    .requiredOption("--interval <interval>", "1s 5s 15s 1m 5m 15m 1h 4h 1d")
    .option("--revision <which>", "latest, all, or a number", "latest")
    .option("--as-of <moment>", "what was known at that moment (by receive time)")
    .option("--from <moment>", "bars that open at or after")
    .option("--until <moment>", "bars that open before")
    .option("--require-gap-free", "refuse (exit 1) unless every bucket of the range is complete")
    .option("--gap-free", "refuse (exit 1) when the ledger has an unrepaired gap in the range");
  defineCommand({ command, context, schema, run: (input) => candles(context, input) });
}
