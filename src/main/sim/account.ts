// What a simulated venue has said, as plain data: per stream exact counts and sums of ids, per minute too, and per connection; so that whoever
// recorded it can be compared message by message without keeping them.
import type { MinuteTally, StreamState, Unheard } from "./stream.ts";
import type { WireSession } from "./session.ts";
import type { SimulatedVenue } from "./venue.ts";

export interface StreamAccount extends MinuteTally {
  readonly venue: string;
  readonly symbol: string;
  readonly channel: string;
  /** The stream's name on the wire. */
  readonly stream: string;
  /** Frames over all connections, doubles and faulty ones and snapshots included. */
  readonly frames: number;
  /** Stretches of trades that no connection heard. */
  readonly unheard: readonly Unheard[];
  readonly forgottenUnheard: number;
  /** By the minute of the trades' time, epoch ms; only when asked for. */
  readonly minutes?: readonly (MinuteTally & { readonly minuteMs: number })[];
}

export interface ConnectionAccount {
  readonly venue: string;
  readonly name: string;
  readonly kind: string;
  readonly openedMs: number;
  readonly endedMs: number | undefined;
  /** Data frames, by the stream's name on the wire. */
  readonly said: Readonly<Record<string, number>>;
}

export interface Account {
  /** Data frames over all connections and venues. */
  readonly frames: number;
  readonly streams: readonly StreamAccount[];
  readonly connections: readonly ConnectionAccount[];
}

function streamAccount(venue: string, stream: StreamState, minutes: boolean): StreamAccount {
  const { symbol, channel, key, frames, unheard, forgottenUnheard, total } = stream;
  return {
    venue, symbol, channel, stream: key, frames, ...total, unheard, forgottenUnheard,
    ...(minutes ? { minutes: [...stream.minutes].map(([minuteMs, tally]) => ({ minuteMs, ...tally })).sort((a, b) => a.minuteMs - b.minuteMs) } : {}),
  };
}

function connectionAccount(venue: string, session: WireSession): ConnectionAccount {
  return {
    venue, name: session.name, kind: session.kind, openedMs: session.openedMs, endedMs: session.endedMs,
    said: Object.fromEntries([...session.said].map(([stream, count]) => [stream.key, count])),
  };
}

/** Streams that nobody ever had anything to say on are left out. */
export function accountOf(venues: readonly SimulatedVenue[], options: { readonly minutes: boolean; readonly symbol?: string; readonly channel?: string }): Account {
  const isWanted = ({ symbol, channel }: StreamState): boolean =>
    (options.symbol === undefined || options.symbol === symbol) && (options.channel === undefined || options.channel === channel);
  let frames = 0;
  const streams: StreamAccount[] = [];
  for (const venue of venues) {
    for (const stream of venue.streams) {
      frames += stream.frames;
      if (isWanted(stream) && (stream.total.made > 0 || stream.frames > 0)) streams.push(streamAccount(venue.venue, stream, options.minutes));
    }
  }
  const connections = venues.flatMap((venue) => [...venue.endedSessions, ...venue.sessions].map((session) => connectionAccount(venue.venue, session)));
  return { frames, streams, connections };
}
