// Foreign items as drafts of our log: routed to streams, with times. Both passes of an import read through here, so they agree.
import { assert, fault, type StopSignal } from "../../shared/base.ts";
import { eventNs, instrumentId, streamRef, type DecoderLookup, type Instrument, type MessageSource, type StreamRef, type VenueId } from "../../shared/market.ts";
import type { RawDraft } from "../../shared/raw.ts";
import type { Routed } from "../venues/adapter.ts";
import type { ForeignFormat, ForeignItem } from "./foreign.ts";
import type { FileDigest } from "./foreign-file.ts";
import { readLanes } from "./foreign-lanes.ts";
import { isRestBody } from "./rest-route.ts";
import type { VenueRoute } from "./route-for.ts";

export interface MessageReaderOptions {
  readonly venue: VenueId;
  readonly format: ForeignFormat;
  readonly files: readonly string[];
  /** The venue adapter's: which stream, by a cheap scan. */
  readonly route: (payload: Uint8Array) => Routed;
  /** Whose socket an address is, where that is another product than `venue`. */
  readonly routeAt: (address: string, home: VenueId) => VenueRoute | undefined;
  readonly routeRest: (venue: VenueId, url: string) => { readonly stream: StreamRef; readonly source: Exclude<MessageSource, "control"> } | undefined;
  readonly decoders: DecoderLookup;
  readonly stop?: StopSignal;
}

export type ForeignRead =
  | { readonly kind: "message"; readonly venue: VenueId; readonly draft: RawDraft; readonly routed: boolean }
  | { readonly kind: "connect"; readonly venue: VenueId; readonly recvNs: bigint; readonly connection: string; readonly url: string };

export interface ReadBatch {
  readonly items: readonly ForeignRead[];
  /** Bytes of all files read so far. */
  readonly bytesRead: number;
}

/** Where bytes go that no rule could route: acknowledgements, snapshots without a symbol, junk. Stored like everything. */
export function unclassified(venue: VenueId): StreamRef {
  return streamRef(venue, "_", "unclassified");
}

/** Times for messages that carry none in a format without receive times: the first that they name, else that of the message before. */
class EventClock {
  #lastNs: bigint;
  constructor(firstNs: bigint) {
    this.#lastNs = firstNs;
  }
  timeOf(carriedNs: bigint, payload: Uint8Array): bigint {
    const ns = carriedNs === 0n ? namedNs(payload) : carriedNs;
    if (ns !== 0n) this.#lastNs = ns;
    return this.#lastNs;
  }
}

/** How far into a message of no known shape a time is looked for. */
const NAMED_WITHIN_BYTES = 65_536;
/** Epoch milliseconds from 2010 on, as a JSON number or text after a colon. */
const NAMED_MS = /:\s*"?(1[2-9]\d{11}|[2-3]\d{12})(?:"|[,}\]\s])/;

/** The first time in ms that a message names in its own words, as ns; 0n: none. Answers of REST have no envelope that tells theirs. */
function namedNs(payload: Uint8Array): bigint {
  const text = Buffer.from(payload.buffer, payload.byteOffset, Math.min(payload.length, NAMED_WITHIN_BYTES)).toString("latin1");
  const found = NAMED_MS.exec(text)?.[1];
  return found === undefined ? 0n : BigInt(found) * 1_000_000n;
}

function restEventNs(options: MessageReaderOptions, draft: Omit<RawDraft, "eventNs">): bigint {
  const decode = options.decoders(draft.stream);
  const outcome = decode?.(draft.payload, { stream: draft.stream, source: draft.source, recvNs: draft.recvNs });
  const first = outcome?.kind === "events" ? outcome.events[0] : undefined;
  return first === undefined ? 0n : eventNs(first);
}

function readMessage(options: MessageReaderOptions, socket: VenueRoute, clock: EventClock, item: Extract<ForeignItem, { kind: "message" }>): ForeignRead {
  const { connection, payload, url } = item;
  if (item.routed !== undefined) {
    const { venue, stream, eventNs: carriedNs } = item.routed;
    return { kind: "message", venue, draft: { stream, source: item.source, connection, recvNs: item.recvNs ?? clock.timeOf(carriedNs, payload), eventNs: carriedNs, payload }, routed: true };
  }
  const rest = url === undefined ? undefined : options.routeRest(options.venue, url);
  if (rest !== undefined) {
    const draft = { stream: rest.stream, source: rest.source, connection, recvNs: item.recvNs ?? 0n, payload };
    const carriedNs = restEventNs(options, draft);
    return { kind: "message", venue: options.venue, draft: { ...draft, recvNs: item.recvNs ?? clock.timeOf(carriedNs, payload), eventNs: carriedNs }, routed: true };
  }
  const routed = url === undefined ? socket.route(payload) : undefined;
  const known = routed?.kind === "data";
  const source = routed?.kind === "unknown" && isRestBody(socket.venue, payload) ? "rest_poll" : item.source;
  const carriedNs = known ? routed.eventNs : 0n;
  const draft: RawDraft = {
    stream: known ? routed.stream : unclassified(socket.venue),
    source, connection, recvNs: item.recvNs ?? clock.timeOf(carriedNs, payload), eventNs: carriedNs, payload,
  };
  const venue = known && routed.stream.venue !== "tapedeck" ? routed.stream.venue : socket.venue;
  return { kind: "message", venue, draft, routed: known };
}

/** Every item of all files, in order, in batches. `firstEventNs`: what stands in before the first time (0n while surveying). */
export async function* readForeign(options: MessageReaderOptions, firstEventNs: bigint): AsyncGenerator<ReadBatch, readonly FileDigest[]> {
  const clock = new EventClock(firstEventNs);
  const home: VenueRoute = { venue: options.venue, route: options.route };
  const sockets = new Map<string, VenueRoute>();
  const lanes = readLanes(options);
  for (;;) {
    const next = await lanes.next();
    if (next.done === true) return next.value;
    const items: ForeignRead[] = [];
    for (const item of next.value.items) {
      if (item.kind === "message") {
        items.push(readMessage(options, sockets.get(item.connection) ?? home, clock, item));
      } else if (item.kind === "connect") {
        const socket = options.routeAt(item.url, options.venue) ?? home;
        sockets.set(item.connection, socket);
        items.push({ ...item, venue: socket.venue });
      }
    }
    yield { items, bytesRead: next.value.bytesRead };
  }
}

/** What the first pass learns: everything that must stand in the log before the first message. */
export interface Survey {
  readonly files: readonly FileDigest[];
  readonly messages: number;
  readonly routed: number;
  /** Answers of REST: whose they are is told by their address, or by nothing but the import's own word. */
  readonly answers: number;
  /** Receive time of the first item, and the latest of all. */
  readonly firstRecvNs: bigint;
  readonly lastRecvNs: bigint;
  /** What was routed, sorted; channels too. */
  readonly instruments: readonly (Instrument & { readonly channels: readonly string[] })[];
  /** Streams that came by each socket, sorted. */
  readonly connections: ReadonlyMap<string, readonly string[]>;
  readonly stepsBack: number;
}

function collect(groups: Map<string, Set<string>>, group: string, member: string): void {
  const known = groups.get(group);
  if (known === undefined) groups.set(group, new Set([member]));
  else known.add(member);
}

function sorted(groups: Map<string, Set<string>>): ReadonlyMap<string, readonly string[]> {
  return new Map([...groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([group, members]) => [group, [...members].sort()] as const));
}

function grouped(instruments: ReadonlyMap<string, Instrument>, channels: Map<string, Set<string>>): Survey["instruments"] {
  return [...sorted(channels)].map(([id, names]) => {
    const instrument = instruments.get(id);
    assert(instrument !== undefined, "an instrument has a name");
    return { ...instrument, channels: names };
  });
}

/** Faults: those of the format and of the files, `import.empty`, `import.no-times`. */
export async function surveyForeign(options: MessageReaderOptions, onBatch: (messages: number, bytesRead: number) => void): Promise<Survey> {
  const instruments = new Map<string, Instrument>();
  const channels = new Map<string, Set<string>>();
  const connections = new Map<string, Set<string>>();
  let messages = 0, routed = 0, answers = 0, stepsBack = 0, firstRecvNs = 0n, lastRecvNs = 0n, previousNs = 0n;
  const reading = readForeign(options, 0n);
  for (;;) {
    const next = await reading.next();
    if (next.done === true) {
      const names = options.files.join(", ");
      if (messages === 0) throw fault("import.empty", `${names}: no message in it`);
      if (lastRecvNs === 0n) throw fault("import.no-times", `${names}: no message names a time, and the format keeps none: nothing tells when they were received`);
      return { files: next.value, messages, routed, answers, firstRecvNs, lastRecvNs, instruments: grouped(instruments, channels), connections: sorted(connections), stepsBack };
    }
    for (const item of next.value.items) {
      const recvNs = item.kind === "message" ? item.draft.recvNs : item.recvNs;
      if (firstRecvNs === 0n) firstRecvNs = recvNs;
      if (recvNs < previousNs) stepsBack += 1;
      previousNs = recvNs;
      if (recvNs > lastRecvNs) lastRecvNs = recvNs;
      if (item.kind === "connect") continue;
      messages += 1;
      const { stream, source, connection } = item.draft;
      if (source !== "ws") answers += 1;
      if (source === "ws") collect(connections, connection, stream.streamId);
      if (!item.routed) continue;
      routed += 1;
      const instrument = { venue: item.venue, symbol: stream.symbol };
      instruments.set(instrumentId(instrument), instrument);
      collect(channels, instrumentId(instrument), stream.channel);
    }
    onBatch(messages, next.value.bytesRead);
  }
}
