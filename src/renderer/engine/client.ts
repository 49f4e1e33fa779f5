// Owns the screen's end of the engine protocol over any transport of buffers: calls, frames, painted notes, link state.
import { failed, fault, FaultError } from "../../shared/base.ts";
import { decodeEngineToUi, encodeMessage } from "../../shared/protocol/codec.ts";
import type { CommandInput, CommandName } from "../../shared/protocol/commands.ts";
import type { CommandOutput, EngineClient, EngineFrame, EngineToUi, UiToEngine } from "../../shared/protocol/frames.ts";

/** What carries the buffers. Implementations: WebSocket, MessagePort. */
export interface Transport {
  /** False when there is no connection to send on. */
  send(buffer: ArrayBuffer): boolean;
}
export interface TransportEvents {
  received(buffer: ArrayBuffer | Uint8Array): void;
  opened(): void;
  lost(): void;
}
type OpenTransport = (events: TransportEvents) => Transport;

type FrameListener = (frame: EngineFrame) => Promise<void>;
type LinkListener = (link: "connected" | "lost") => void;
interface Waiting { readonly resolve: (value: unknown) => void; readonly reject: (error: FaultError) => void }

/** A call made while the link is down is refused rather than kept: a stale command must not run minutes later. */
const LINK_LOST = failed("link.lost", "The engine is not connected: the command was not carried out. It can be given again once the link is back.").fault;

export class RemoteEngine implements EngineClient {
  readonly #transport: Transport;
  readonly #waiting = new Map<number, Waiting>();
  readonly #frameListeners = new Set<FrameListener>();
  readonly #linkListeners = new Set<LinkListener>();
  readonly #onBroken: (error: unknown) => void;
  #nextId = 1;
  #lastFrame = 0;
  #link: "connected" | "lost" | undefined;

  constructor(options: { readonly open: OpenTransport; readonly onBroken: (error: unknown) => void }) {
    this.#onBroken = options.onBroken;
    this.#transport = options.open({
      received: (buffer) => this.#received(buffer),
      opened: () => this.#setLink("connected"),
      lost: () => this.#lost(),
    });
  }

  call<N extends CommandName>(name: N, input: CommandInput<N>): Promise<CommandOutput<N>> {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (value) => resolve(value as CommandOutput<N>), reject });
      if (this.#send({ type: "call", id, name, input })) return;
      this.#waiting.delete(id);
      reject(new FaultError(LINK_LOST));
    });
  }

  onFrame(listener: FrameListener): () => void {
    this.#frameListeners.add(listener);
    return () => this.#frameListeners.delete(listener);
  }

  /** A listener that comes late is told the present state at once. */
  onLink(listener: LinkListener): () => void {
    this.#linkListeners.add(listener);
    if (this.#link !== undefined) listener(this.#link);
    return () => this.#linkListeners.delete(listener);
  }

  #send(message: UiToEngine): boolean {
    return this.#transport.send(encodeMessage(message));
  }

  #setLink(link: "connected" | "lost"): void {
    if (this.#link === link) return;
    this.#link = link;
    for (const listener of this.#linkListeners) listener(link);
  }

  #lost(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#lastFrame = 0; // another link counts anew
    for (const { reject } of waiting) reject(new FaultError(LINK_LOST));
    this.#setLink("lost");
  }

  #received(buffer: ArrayBuffer | Uint8Array): void {
    let message: EngineToUi;
    try {
      message = decodeEngineToUi(buffer);
    } catch (error) {
      this.#onBroken(error);
      // It may have been the frame that is in flight: the engine would wait for its paint for ever, and the screen stand still.
      this.#send({ type: "painted", frame: this.#lastFrame + 1 });
      return;
    }
    if (message.type === "frame") this.#lastFrame = message.frame.frame;
    if (message.type === "returned") this.#returned(message);
    else void this.#frame(message.frame);
  }

  #returned(message: Extract<EngineToUi, { type: "returned" }>): void {
    const waiting = this.#waiting.get(message.id);
    // An answer to a call from before a reconnect: its caller has already been told that the link was lost.
    if (waiting === undefined) return;
    this.#waiting.delete(message.id);
    if (message.ok) waiting.resolve(message.value);
    else waiting.reject(new FaultError(message.fault));
  }

  /** Acknowledges even when a listener fails: a screen with one broken panel must not freeze all others. */
  async #frame(frame: EngineFrame): Promise<void> {
    const results = await Promise.allSettled([...this.#frameListeners].map(async (listener) => listener(frame)));
    for (const result of results) if (result.status === "rejected") this.#onBroken(result.reason);
    this.#send({ type: "painted", frame: frame.frame });
  }
}

/** What a failed call says to a person. */
export function faultOf(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof FaultError) return error.fault;
  return fault("screen.failed", error instanceof Error ? error.message : String(error)).fault;
}
