// What readers in arrival order remember between messages, one small memory per instrument: decoders of streams that say only what has changed
// fill it, and every reader that stands at the same place of a log has the same. Pure.
import { type CarriedFields, type Decode, type DecodeContext, instrumentId, type StreamRef } from "./market.ts";

/** A memory at a place, as plain data: instrument → name → text. Never changed once made; safe as JSON. */
export type CarriedSnapshot = Readonly<Record<string, Readonly<Record<string, string>>>>;

const NOTHING: CarriedSnapshot = Object.freeze({});

/** Marks a decoder that fills or reads what is carried: its messages are decoded once each, in arrival order, wanted or not. */
export function carrying(decode: Decode): Decode {
  return Object.assign((payload: Uint8Array, context: DecodeContext) => decode(payload, context), { carries: true as const });
}

/** The memories of all instruments that one reader meets. It does not grow with the log: a few names per instrument. */
export class CarriedStreams {
  readonly #fields = new Map<string, CarriedFields>();
  readonly #keys = new WeakMap<StreamRef, CarriedFields>();
  #snapshot = NOTHING;

  /** The memory that decoders of this stream are given: one per instrument, so that a mark price finds the index of another channel. */
  of(stream: StreamRef): CarriedFields {
    const known = this.#keys.get(stream);
    if (known !== undefined) return known;
    const key = stream.venue === "tapedeck" ? stream.streamId : instrumentId({ venue: stream.venue, symbol: stream.symbol });
    let fields = this.#fields.get(key);
    if (fields === undefined) this.#fields.set(key, fields = new Map());
    this.#keys.set(stream, fields);
    return fields;
  }

  /** As cheap as a look at each field; what has not changed is the same object as in the snapshot before. */
  snapshot(): CarriedSnapshot {
    const snapshot: Record<string, Readonly<Record<string, string>>> = {};
    let isSame = true;
    for (const [key, fields] of this.#fields) {
      if (fields.size === 0) continue;
      const before = this.#snapshot[key];
      const isKept = before !== undefined && Object.keys(before).length === fields.size && [...fields].every(([name, text]) => before[name] === text);
      snapshot[key] = isKept ? before : Object.fromEntries(fields);
      isSame &&= isKept;
    }
    if (isSame && Object.keys(snapshot).length === Object.keys(this.#snapshot).length) return this.#snapshot;
    return this.#snapshot = snapshot;
  }

  restore(snapshot: CarriedSnapshot): void {
    for (const fields of this.#fields.values()) fields.clear();
    for (const [key, texts] of Object.entries(snapshot)) {
      let fields = this.#fields.get(key);
      if (fields === undefined) this.#fields.set(key, fields = new Map());
      for (const [name, text] of Object.entries(texts)) fields.set(name, text);
    }
    this.#snapshot = snapshot;
  }
}
