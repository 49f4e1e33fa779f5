// tardis.dev's downloadable datasets: trades, quotes, book_ticker, derivative_ticker. The header says which; each row names its exchange and
// symbol and is kept byte for byte; its receive time is local_timestamp.
import { basename } from "node:path";
import { fault } from "../../shared/base.ts";
import { streamRef, type StreamRef } from "../../shared/market.ts";
import { rowTime, rowTimeNs, splitRow } from "../venues/csv-row.ts";
import { TARDIS_CHANNELS, TARDIS_COLUMNS, TARDIS_EXCHANGES, isTardisHeader, symbolOf, venueOfExchange, type TardisKind } from "../venues/tardis/decode.ts";
import { wrongFormat, type ForeignFile, type ForeignFormat, type ForeignItem, type Place, type ReadLine } from "./foreign.ts";

const KINDS = Object.keys(TARDIS_COLUMNS) as TardisKind[];
/** More streams than any grouped file has symbols: beyond it the names are garbage. */
const STREAMS_MAX = 10_000;

function refuse(place: Place, what: string): never {
  throw wrongFormat("tardis-csv", place, what);
}

/** quotes and book_ticker have the same columns: there the file's name decides. */
function kindOf(header: Buffer, place: Place): TardisKind {
  const kind = KINDS.find((one) => isTardisHeader(header, one));
  if (kind === undefined) refuse(place, `the first line is the header of a data set (${KINDS.join(", ")}), as ${TARDIS_COLUMNS.trades.join(",")}`);
  return kind === "quotes" && /book_ticker/i.test(basename(place.file)) ? "book_ticker" : kind;
}

function openFile({ number, venue }: ForeignFile): ReadLine {
  const streams = new Map<string, StreamRef>();
  let kind: TardisKind | undefined;
  let header: Buffer | undefined;

  const streamOf = (exchange: string, symbol: string, place: Place): StreamRef => {
    const key = `${exchange},${symbol}`;
    const known = streams.get(key);
    if (known !== undefined) return known;
    const ours = venueOfExchange(exchange);
    if (ours === undefined) refuse(place, `exchange ${JSON.stringify(exchange.slice(0, 40))} is none that can be imported; these can: ${TARDIS_EXCHANGES.join(", ")}`);
    if (ours !== venue) throw fault("import.wrong-venue", `${place.file} line ${place.line}: a row of ${exchange}, which is ${ours}, while --venue says ${venue}`, { file: place.file, line: place.line });
    const name = symbolOf(venue, symbol);
    if (name === undefined) refuse(place, `symbol ${JSON.stringify(symbol.slice(0, 60))} is no ${venue} instrument that can be imported`);
    if (streams.size >= STREAMS_MAX) refuse(place, `more than ${STREAMS_MAX} symbols`);
    const stream = streamRef(venue, name, TARDIS_CHANNELS[kind ?? "trades"]);
    streams.set(key, stream);
    return stream;
  };

  const item = (payload: Uint8Array, stream: StreamRef, recvNs: bigint, eventNs: bigint): ForeignItem => ({
    kind: "message", recvNs, connection: `import.${number}`, source: "ws", url: undefined, payload, routed: { venue, stream, eventNs },
  });

  return (line, place) => {
    if (kind === undefined) {
      kind = kindOf(line, place);
      // Stored with the first row, whose time and stream it gets: a header has none.
      header = Buffer.from(line);
      return [];
    }
    const columns = TARDIS_COLUMNS[kind];
    const cells = splitRow(line);
    if (cells?.length !== columns.length) refuse(place, `${cells?.length ?? "no"} columns; a line of ${kind} is ${columns.join(",")}`);
    const stream = streamOf(cells[0] ?? "", cells[1] ?? "", place);
    const event = rowTime(cells[2] ?? "") ?? refuse(place, "column timestamp holds no time in epoch µs");
    const received = rowTime(cells[3] ?? "") ?? refuse(place, "column local_timestamp holds no time in epoch µs");
    const recvNs = rowTimeNs(received);
    const row = item(line, stream, recvNs, rowTimeNs(event));
    if (header === undefined) return [row];
    const first = item(header, stream, recvNs, 0n);
    header = undefined;
    return [first, row];
  };
}

export const TARDIS_CSV: ForeignFormat = {
  description: "tardis-csv",
  openFile,
  // Daily files of one series follow each other; series are merged: exchange, kind and symbol stand around the date.
  laneOf: (path) => basename(path).replace(/\d{4}-\d{2}-\d{2}/, "DATE"),
  foldChannels: [{ fold: "trade", channel: TARDIS_CHANNELS.trades }],
};
