// Commands of the engine⇄screen protocol: one row per command, validated on arrival by its schema. Pure.
// Integers beyond 2^53 travel as decimal strings; times in `Ms` are numbers, in `Ns` strings. Exact decimals are strings.
import { z } from "zod";
import { SOURCE_ID, VENUE_IDS } from "../market.ts";
import { INTERVALS, type Interval } from "../time.ts";

const venue = z.enum(VENUE_IDS);
/** Of a series on screen, which may be a remote's own word. */
const source = z.string().regex(SOURCE_ID);
const symbol = z.string().min(1).max(64).regex(/^[A-Za-z0-9_.-]+$/);
const interval = z.custom<Interval>((value) => (INTERVALS as readonly unknown[]).includes(value), "not an interval");
const captureId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/);
const count = z.number().int().nonnegative();
const direction = z.union([z.literal(1), z.literal(-1)]);

/** SPEEDS the deck offers; `0` stands for "as fast as possible". */
export const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 0] as const;

export const playerCommandSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("play") }),
  z.strictObject({ type: z.literal("pause") }),
  /** To the live edge, and stay there. For a finished capture: its end. */
  z.strictObject({ type: z.literal("follow") }),
  z.strictObject({ type: z.literal("speed"), speed: z.number().min(0).max(1_000) }),
  z.strictObject({ type: z.literal("step"), by: z.enum(["event", "bar"]), direction, count: z.number().int().min(1).max(1_000_000) }),
  /** By known time (ms). `exact` refuses a time outside the tape; `clamped` is for dragging. */
  z.strictObject({ type: z.literal("seek_time"), ms: z.number(), fit: z.enum(["exact", "clamped"]) }),
  z.strictObject({ type: z.literal("seek_cursor"), cursor: z.string().max(256) }),
  z.strictObject({ type: z.literal("seek_seq"), seq: count }),
]);
export type PlayerCommand = z.infer<typeof playerCommandSchema>;

/** Limits of retention, kept in the settings under `retention`; an absent limit does not bind. Captures that were never exported count only where `unexported` is true. */
export const retentionSchema = z.strictObject({
  maxAgeDays: z.number().positive().max(36_500).optional(),
  maxBytes: z.number().int().positive().optional(),
  /** True: captures that were never exported may be removed too. */
  unexported: z.boolean(),
});
export type RetentionLimits = z.infer<typeof retentionSchema>;

const remoteId = z.string().regex(/^[A-Za-z0-9_-]{1,40}$/);
/** `tcp://host:port`; for `share` the port may be `*`, any free one. */
const address = z.string().max(200).regex(/^tcp:\/\/[^\s/]+:(\d{1,5}|\*)$/, "not tcp://host:port");
/** CURVE public key, Z85. */
const curveKey = z.string().regex(/^[0-9A-Za-z.\-:+=^!/*?&<>()[\]{}@%$#]{40}$/, "not a CURVE key (40 characters, Z85)");
const remoteAddress = { rpc: address, pub: address.optional(), serverKey: curveKey.optional() };

const barKey = z.strictObject({ venue: source, symbol, interval, openMs: z.number().int() });

export const commandSchemas = {
  /** First call of a client. Output: `Hello`. */
  "hello": z.strictObject({}),
  /** What the chart shows. Every change starts a new epoch with a reset. `untilOpenMs` undefined = the right edge follows the cursor. */
  "view.set": z.strictObject({ venue: source, symbol, interval, bars: z.number().int().min(10).max(5_000), untilOpenMs: z.number().int().optional() }),
  /** Which tape the player holds: the capture being recorded, or any other. */
  "tape.open": z.strictObject({ captureId }),
  "player": playerCommandSchema,
  /** Everything about one bar: `BarReport`. `revision` undefined = latest at the cursor. */
  "bar.inspect": z.strictObject({ key: barKey, revision: count.optional() }),
  /** Refolds the bucket's window from the log and compares digests; changes nothing. Output: `RecomputeReport`. */
  "bar.recompute": z.strictObject({ key: barKey }),
  /** Raw messages of a tape by seq, with bytes and digests: `RawPage`. */
  "raw.read": z.strictObject({ captureId, fromSeq: count, limit: z.number().int().min(1).max(500), streamId: z.string().max(200).optional() }),
  "captures.list": z.strictObject({}),
  "import.start": z.strictObject({
    captureId, format: z.enum(["hft", "cryptofeed", "jsonl", "binance-csv", "tardis-csv"]), venue, fold: z.enum(["trade", "aggTrade"]).optional(),
    files: z.array(z.string().min(1).max(4_096)).min(1).max(64),
  }),
  "verify.start": z.strictObject({ captureId }),
  "job.cancel": z.strictObject({ jobId: z.string().max(64) }),
  "job.dismiss": z.strictObject({ jobId: z.string().max(64) }),
  "record.start": z.strictObject({}),
  "record.stop": z.strictObject({}),
  /** The fault lab: what can be made to go wrong on purpose now. Those of a venue need the built-in simulator as the source. */
  "fault.list": z.strictObject({}),
  "fault.inject": z.strictObject({ name: z.string().max(64), amount: z.number().optional(), venue: venue.optional() }),
  /** Parquet of a capture: spooled and compacted. */
  "compact.start": z.strictObject({ captureId }),
  /** `to`: a folder, `s3://bucket/prefix` or a file that ends with `.mcap`. */
  "export.start": z.strictObject({ captureId, to: z.string().min(1).max(4_096) }),
  /** What a query can name. Output: `QueryTable[]`. */
  "query.tables": z.strictObject({ captureId }),
  /** Read-only SQL over a capture. Output: `QueryResult`. `queryId`: the caller's, to cancel it by. */
  "query.run": z.strictObject({ queryId: z.string().min(1).max(64), captureId, sql: z.string().min(1).max(100_000), rowsMax: z.number().int().min(1).max(100_000) }),
  "query.cancel": z.strictObject({ queryId: z.string().min(1).max(64) }),
  "capture.pin": z.strictObject({ captureId, pinned: z.boolean() }),
  "retention.preview": z.strictObject({ limits: retentionSchema }),
  /** Adds a symbol to what is recorded (a renamed one's new name): the recording goes on in the same capture. */
  "record.symbol": z.strictObject({ venue, symbol }),
  /** A person's decision to reopen a stream that failed closed. */
  "stream.reopen": z.strictObject({ streamId: z.string().max(200), reason: z.string().min(1).max(400) }),
  /** Files and folders offered by the import dialog of the browser shell (Electron uses the system dialog). */
  "files.list": z.strictObject({ folder: z.string().max(4_096).optional() }),
  /** Adds or changes a remote source (another Tapedeck, or any server that speaks market_data.fbs); kept in the settings. */
  "remote.save": z.strictObject({ remote: z.strictObject({ remoteId, name: z.string().min(1).max(60), ...remoteAddress }) }),
  "remote.forget": z.strictObject({ remoteId }),
  /** Tries an address, changing nothing. Output: `RemoteProbe`. */
  "remote.test": z.strictObject(remoteAddress),
  /** Shows a remote's candles in place of a tape, connecting first where needed. Without a series: the one shown last, else its first. */
  "remote.open": z.strictObject({ remoteId, series: z.strictObject({ venue: source, symbol, interval }).optional() }),
  "remote.disconnect": z.strictObject({ remoteId }),
  /** Forgets what is cached and takes it again: of one series, or of all that are watched. */
  "remote.resync": z.strictObject({ remoteId, series: z.strictObject({ venue: source, symbol, interval }).optional() }),
  /** Serves what is being recorded over the bridge. Beyond loopback only with keys. Output: where it listens. */
  "share.start": z.strictObject({ pub: address, rpc: address }),
  "share.stop": z.strictObject({}),
  /** Output: `KeyRing`. The own pair is made when it is first asked for. */
  "keys.list": z.strictObject({}),
  "keys.trust": z.strictObject({ name: z.string().min(1).max(60), publicKey: curveKey }),
  "keys.revoke": z.strictObject({ publicKey: curveKey }),
  "settings.get": z.strictObject({}),
  "settings.set": z.strictObject({ settings: z.record(z.string(), z.unknown()) }),
} as const;

export type CommandName = keyof typeof commandSchemas;
export type CommandInput<N extends CommandName> = z.infer<(typeof commandSchemas)[N]>;
