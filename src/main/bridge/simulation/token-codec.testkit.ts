// A codec without bytes: a frame is the number of a message in a table, with a checksum. It costs next to nothing, and every
// flipped bit is noticed, as no format without a checksum could.
import { done, failed, type Result } from "../../../shared/base.ts";
import type { BridgeCodec } from "../wire/codec-types.ts";
import type { Answer, Numbered, Publication, Request } from "../wire/messages.ts";

type Kind = "request" | "answer" | "publication";
interface Told {
  readonly kind: Kind;
  readonly correlationId: number;
  readonly message: Request | Answer | Publication;
}

const FRAME_BYTES = 16;
const MAGIC = 0x7d0c_5eed;

function mix(number: number): number {
  let hash = Math.imul(number ^ MAGIC, 0x9e37_79b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

export class TokenCodec implements BridgeCodec {
  readonly #told: Told[] = [];

  encodeRequest(correlationId: number, request: Request): Uint8Array {
    return this.#encode({ kind: "request", correlationId, message: request });
  }

  encodeAnswer(correlationId: number, answer: Answer): Uint8Array {
    return this.#encode({ kind: "answer", correlationId, message: answer });
  }

  encodePublication(publication: Publication): Uint8Array {
    return this.#encode({ kind: "publication", correlationId: 0, message: publication });
  }

  decodeRequest(frame: Uint8Array): Result<Numbered<Request>> {
    return this.#numbered<Request>(frame, "request");
  }

  decodeAnswer(frame: Uint8Array): Result<Numbered<Answer>> {
    return this.#numbered<Answer>(frame, "answer");
  }

  decodePublication(frame: Uint8Array): Result<Publication> {
    const told = this.#find(frame);
    return told?.kind === "publication" ? done(told.message as Publication) : failed("wire.malformed", `not a publication: ${frame.length} bytes`);
  }

  correlationIdOf(frame: Uint8Array): number | undefined {
    return this.#find(frame)?.correlationId;
  }

  #numbered<T extends Request | Answer>(frame: Uint8Array, kind: Kind): Result<Numbered<T>> {
    const told = this.#find(frame);
    if (told?.kind !== kind) return failed("wire.malformed", `not a frame of kind ${kind}: ${frame.length} bytes`);
    return done({ correlationId: told.correlationId, message: told.message as T });
  }

  #encode(told: Told): Uint8Array {
    this.#told.push({ ...told, message: Object.freeze(told.message) });
    const number = this.#told.length;
    const frame = new Uint8Array(FRAME_BYTES);
    const view = new DataView(frame.buffer);
    view.setUint32(0, MAGIC);
    view.setUint32(4, number);
    view.setUint32(8, mix(number));
    view.setUint32(12, ~mix(number) >>> 0);
    return frame;
  }

  #find(frame: Uint8Array): Told | undefined {
    if (frame.length !== FRAME_BYTES) return undefined;
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const number = view.getUint32(4);
    const isWhole = view.getUint32(0) === MAGIC && view.getUint32(8) === mix(number) && view.getUint32(12) === ~mix(number) >>> 0;
    return isWhole ? this.#told[number - 1] : undefined;
  }
}
