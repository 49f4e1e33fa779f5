// A writer's channels and streams: MCAP ids per segment, ingest_seq per stream, found fast for each message.
import type { RawDraft } from "../../shared/raw.ts";
import type { StreamRef } from "../../shared/market.ts";
import { channelRecord } from "./mcap-write.ts";

export interface StreamState {
  ingestSeq: number;
  /** Number of the last chunk that holds this stream. */
  inChunk: number;
}

export interface ChannelState {
  readonly id: number;
  readonly source: string;
  readonly connection: string;
  readonly stream: StreamState;
  readonly record: Uint8Array;
  inChunk: number;
}

/** Owns the numbers of streams for the writer's life, and channel ids for the life of a segment. */
export class ChannelBook {
  readonly #streams = new Map<string, StreamState>();
  readonly floor: number;
  #byName = new Map<string, ChannelState>();
  /** The same StreamRef object comes with each message of a stream, so this saves building a name per message. */
  #byStream = new WeakMap<StreamRef, ChannelState[]>();
  #chunkNumber = 0;

  constructor(lastIngest: ReadonlyMap<string, number>, floor: number) {
    this.floor = floor;
    for (const [streamId, ingestSeq] of lastIngest) this.#streams.set(streamId, { ingestSeq, inChunk: -1 });
  }

  /** Channels of the current segment. */
  get size(): number {
    return this.#byName.size;
  }
  get chunkNumber(): number {
    return this.#chunkNumber;
  }

  nextChunk(): void {
    this.#chunkNumber += 1;
  }

  /** Channel ids begin anew. */
  nextSegment(): void {
    this.#byName = new Map();
    this.#byStream = new WeakMap();
  }

  lastIngest(): Record<string, number> {
    return Object.fromEntries([...this.#streams].map(([streamId, stream]) => [streamId, stream.ingestSeq]));
  }

  of(draft: RawDraft): ChannelState {
    const near = this.#byStream.get(draft.stream);
    if (near !== undefined) {
      for (const channel of near) {
        if (channel.source === draft.source && channel.connection === draft.connection) return channel;
      }
    }
    const channel = this.#named(draft);
    if (near === undefined) this.#byStream.set(draft.stream, [channel]);
    // Many short connections of one stream: the list would become slower than the name.
    else if (near.length < 8) near.push(channel);
    return channel;
  }

  #named(draft: RawDraft): ChannelState {
    const { stream, source, connection } = draft;
    const name = `${stream.streamId}\n${source}\n${connection}`;
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    let state = this.#streams.get(stream.streamId);
    if (state === undefined) {
      state = { ingestSeq: this.floor, inChunk: -1 };
      this.#streams.set(stream.streamId, state);
    }
    const id = this.#byName.size;
    const record = channelRecord(id, { stream, source, connection });
    const channel: ChannelState = { id, source, connection, stream: state, record, inChunk: -1 };
    this.#byName.set(name, channel);
    return channel;
  }
}
