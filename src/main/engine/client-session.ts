// One screen's session: its commands, its tape, and its frames. One frame is in flight at a time; until the screen says
// that it has painted, everything newer is merged, so a slow screen costs detail and never memory.
import { z } from "zod";
import { FaultError, fault, type Fault } from "../../shared/base.ts";
import { decodeUiToEngine, encodeMessage } from "../../shared/protocol/codec.ts";
import { commandSchemas, type CommandInput, type CommandName } from "../../shared/protocol/commands.ts";
import type { CommandOutput, EngineFrame, Mode, PlayerMode, UiToEngine } from "../../shared/protocol/frames.ts";
import type { ClientPort } from "./client-port.ts";
import { faultOf } from "./thread.ts";

/** The parts of a frame that the engine (not the tape) knows; each is sent when it was marked as changed. */
export const STATUS_PARTS = ["streams", "sources", "recording", "captures", "jobs", "remotes", "share", "health"] as const;
export type StatusPart = (typeof STATUS_PARTS)[number];
export type StatusParts = Pick<EngineFrame, StatusPart>;

export type CommandHandlers = { readonly [N in CommandName]: (input: CommandInput<N>) => Promise<CommandOutput<N>> };

/** What the session asks of the tape it shows (a player thread, or a fake in tests). */
export interface SessionTape {
  take(): Promise<Partial<EngineFrame>>;
}

/** Frames are at least this far apart: a screen cannot show more. */
const FRAME_GAP_MS = 15;
/** Problems waiting for a frame; more of them say nothing new. */
const PROBLEMS_MAX = 20;

export class ClientSession {
  readonly #port: ClientPort;
  readonly #handlers: CommandHandlers;
  readonly #status: () => StatusParts;
  readonly #mode: (playerMode: PlayerMode | undefined) => Mode;
  readonly #changed = new Set<StatusPart>();
  readonly #problems: Fault[] = [];
  #tape: SessionTape | undefined;
  #tapeDirty = false;
  #playerMode: PlayerMode | undefined;
  #epoch = 0;
  #nextFrame = 1;
  #inFlight: number | undefined;
  #pumping = false;
  #timer: NodeJS.Timeout | undefined;
  #lastSentMs = 0;
  #ready = false;
  #closed = false;

  readonly #onPainted: () => void;

  /** `onPainted`: the screen has painted the last frame, and with it everything that was taken. */
  constructor(options: { port: ClientPort; handlers: CommandHandlers; status: () => StatusParts; mode: (playerMode: PlayerMode | undefined) => Mode; onPainted?: () => void }) {
    this.#onPainted = options.onPainted ?? (() => undefined);
    this.#port = options.port;
    this.#handlers = options.handlers;
    this.#status = options.status;
    this.#mode = options.mode;
    this.#port.onMessage((bytes) => {
      this.#receive(bytes);
    });
  }

  setTape(tape: SessionTape | undefined): void {
    this.#tape = tape;
    this.tapeChanged();
  }

  tapeChanged(): void {
    this.#tapeDirty = true;
    this.#wake();
  }

  statusChanged(part: StatusPart): void {
    this.#changed.add(part);
    this.#wake();
  }

  problem(trouble: Fault): void {
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push(trouble);
    this.#wake();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #receive(bytes: ArrayBuffer): void {
    let message: UiToEngine;
    try {
      message = decodeUiToEngine(bytes);
    } catch (error) {
      this.problem(faultOf(error));
      return;
    }
    if (message.type === "painted") {
      if (message.frame === this.#inFlight) {
        this.#inFlight = undefined;
        this.#onPainted();
      }
      this.#wake();
    } else if (message.type === "call") {
      void this.#answer(message);
    }
  }

  async #answer(message: Extract<UiToEngine, { type: "call" }>): Promise<void> {
    const { id } = message;
    let reply: ArrayBuffer;
    try {
      const value: unknown = await this.#call(message.name, message.input);
      reply = encodeMessage({ type: "returned", id, ok: true, value });
    } catch (error) {
      reply = encodeMessage({ type: "returned", id, ok: false, fault: faultOf(error) });
    }
    if (!this.#closed) this.#port.send(reply);
    if (message.name === "hello") this.#begin();
  }

  async #call<N extends CommandName>(name: N, input: unknown): Promise<CommandOutput<N>> {
    if (!Object.hasOwn(commandSchemas, name)) throw fault("protocol.unknown-command", `There is no command ${JSON.stringify(name)}`);
    const parsed = commandSchemas[name].safeParse(input);
    if (!parsed.success) throw fault("protocol.bad-input", `Command ${name}: ${z.prettifyError(parsed.error)}`);
    return this.#handlers[name](parsed.data as CommandInput<N>);
  }

  #begin(): void {
    this.#ready = true;
    for (const part of STATUS_PARTS) this.#changed.add(part);
    this.tapeChanged();
  }

  #wake(): void {
    if (this.#closed || !this.#ready || this.#inFlight !== undefined || this.#pumping || this.#timer !== undefined) return;
    // Without a tape there is nothing to take: its news waits for the next one.
    if (!(this.#tapeDirty && this.#tape !== undefined) && this.#changed.size === 0 && this.#problems.length === 0) return;
    const wait = Math.max(0, this.#lastSentMs + FRAME_GAP_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#pump();
    }, wait);
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    let tapeParts: Partial<EngineFrame> = {};
    try {
      if (this.#tapeDirty && this.#tape !== undefined) {
        this.#tapeDirty = false;
        tapeParts = await this.#tape.take();
      }
    } catch (error) {
      // The tape's thread is gone: its own death notice tells the story, this only keeps the frame going.
      if (!(error instanceof FaultError)) throw error;
      this.#problems.push(error.fault);
    } finally {
      this.#pumping = false;
    }
    if (this.#closed) return;
    this.#sendFrame(tapeParts);
    this.#wake();
  }

  #sendFrame(tapeParts: Partial<EngineFrame>): void {
    const parts: Partial<Record<StatusPart, unknown>> = {};
    if (this.#changed.size > 0) {
      // Made only when asked for: most frames carry nothing but the tape.
      const status = this.#status();
      for (const part of this.#changed) parts[part] = status[part];
      this.#changed.clear();
    }
    const problems = this.#problems.splice(0);
    this.#playerMode = tapeParts.player?.mode ?? this.#playerMode;
    this.#epoch = tapeParts.epoch ?? this.#epoch;
    const frame: EngineFrame = {
      ...tapeParts,
      ...(parts as Partial<StatusParts>),
      ...(problems.length > 0 ? { problems } : {}),
      frame: this.#nextFrame,
      epoch: this.#epoch,
      mode: this.#mode(this.#playerMode),
      madeMs: Date.now(),
    };
    this.#inFlight = this.#nextFrame;
    this.#nextFrame += 1;
    this.#lastSentMs = performance.now();
    this.#port.send(encodeMessage({ type: "frame", frame }));
  }
}
