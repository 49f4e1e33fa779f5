// Binance's public archive: SYMBOL-trades-…csv, SYMBOL-aggTrades-…csv, SYMBOL-bookTicker-…csv. The name says symbol and kind, each line is one
// row, kept byte for byte. The archive has no receive times: the event time stands in, and the log says so.
import { basename } from "node:path";
import { fault } from "../../shared/base.ts";
import { streamRef, type VenueId } from "../../shared/market.ts";
import { ARCHIVE_CHANNELS, ARCHIVE_LAYOUTS, isHeader, type ArchiveKind } from "../venues/binance-archive/decode.ts";
import { beginsWithDigit, rowTime, rowTimeNs, splitRow } from "../venues/csv-row.ts";
import { wrongFormat, type ForeignFile, type ForeignFormat, type ForeignItem, type Place, type ReadLine } from "./foreign.ts";

const NAME = /^([A-Za-z0-9_]{1,60})-(trades|aggTrades|bookTicker)(-[^/\\]*)?\.csv(\.gz)?$|^([A-Za-z0-9_]{1,60})-(trades|aggTrades|bookTicker)(-[^/\\]*)?\.zip$/;
const VENUES: readonly VenueId[] = ["binance-usdm", "binance-spot", "binance-coinm"];

interface NamedFile { readonly symbol: string; readonly kind: ArchiveKind }

function named(path: string): NamedFile {
  const match = NAME.exec(basename(path));
  if (match === null) {
    throw fault("import.wrong-name", `${path}: the name does not say what it holds; the archive's names are SYMBOL-trades-DATE, SYMBOL-aggTrades-DATE and SYMBOL-bookTicker-DATE with .csv, .csv.gz or .zip, as BTCUSDT-trades-2024-08-08.zip`);
  }
  return { symbol: (match[1] ?? match[5] ?? "").toUpperCase(), kind: (match[2] ?? match[6]) as ArchiveKind };
}

function refuse(place: Place, kind: ArchiveKind, what: string): never {
  throw wrongFormat("binance-csv", place, `${what}; a line of ${kind} is ${ARCHIVE_LAYOUTS[kind].names.join(",")}`);
}

function openFile({ path, number, venue }: ForeignFile): ReadLine {
  if (!VENUES.includes(venue)) throw fault("import.wrong-venue", `--venue ${venue}: the format binance-csv is of binance, binance-spot or binance-coinm`);
  const { symbol, kind } = named(path);
  const layout = ARCHIVE_LAYOUTS[kind];
  const stream = streamRef(venue, symbol, ARCHIVE_CHANNELS[kind]);
  const item = (payload: Uint8Array, ns: bigint, eventNs: bigint): ForeignItem => ({
    kind: "message", recvNs: ns, connection: `import.${number}`, source: "ws", url: undefined, payload, routed: { venue, stream, eventNs },
  });
  let header: Buffer | undefined;
  return (line, place) => {
    if (place.line === 1 && !beginsWithDigit(line)) {
      if (!isHeader(line, kind)) refuse(place, kind, "the header names other columns");
      // Stored with the first row, whose time it gets: a header has none.
      header = Buffer.from(line);
      return [];
    }
    const cells = splitRow(line);
    if (cells === undefined || !layout.counts.includes(cells.length)) refuse(place, kind, `${cells?.length ?? "no"} columns`);
    const time = rowTime(cells[layout.timeColumn] ?? "") ?? refuse(place, kind, `column ${layout.names[layout.timeColumn] ?? ""} holds no time in epoch ms or µs`);
    const ns = rowTimeNs(time);
    const row = item(line, ns, ns);
    if (header === undefined) return [row];
    const first = item(header, ns, 0n);
    header = undefined;
    return [first, row];
  };
}

export const BINANCE_CSV: ForeignFormat = {
  description: "binance-csv (no receive times: receive time = event time)",
  openFile,
  laneOf(path) {
    const { symbol, kind } = named(path);
    return `${symbol} ${kind}`;
  },
  foldChannels: [{ fold: "trade", channel: ARCHIVE_CHANNELS.trades }, { fold: "aggTrade", channel: ARCHIVE_CHANNELS.aggTrades }],
};
