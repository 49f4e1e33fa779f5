// One screen: its session, its player thread or the remote whose candles it shows, and the commands that concern only it.
import { fault, type Fault } from "../../shared/base.ts";
import type { ShownBarKey, BarKey } from "../../shared/candles.ts";
import { VENUE_IDS, type VenueId } from "../../shared/market.ts";
import type { CommandInput } from "../../shared/protocol/commands.ts";
import type { BarReport, CaptureSummary, EngineFrame, Mode, PlayerMode, RawPage, RecomputeReport, ShownTape } from "../../shared/protocol/frames.ts";
import type { LatencyCounter } from "../metrics/latency-totals.ts";
import { ClientSession, type CommandHandlers, type SessionTape, type StatusParts } from "./client-session.ts";
import type { ClientPort } from "./client-port.ts";
import { PlayerLink } from "./player-link.ts";
import { machineMs } from "./latency-clock.ts";
import { ScreenLatency } from "./latency-screen.ts";
import type { RemoteTapeLink, Remotes, ShownSeries } from "./remotes.ts";
import type { PlayerAnswer, PlayerCall, PlayerFrame, PlayerView, WrittenMark } from "./thread-messages.ts";

/** What a screen asks of the engine. */
export interface ScreenHost {
  readonly distMain: URL;
  /** The capture that is being recorded, and how far its log is written. */
  readonly live: { readonly captureId: string; readonly writtenSeq: number } | undefined;
  readonly captures: readonly CaptureSummary[];
  readonly simulated: boolean;
  readonly remotes: Remotes;
  captureFolder(captureId: string): string;
  status(): StatusParts;
  /** Written → painted of all screens together. */
  readonly logToScreen: LatencyCounter;
  /** Commands that are the same for every screen. */
  readonly commands: Omit<CommandHandlers, keyof ScreenCommands>;
  /** The answer to `hello`, once the screen has a tape. */
  greeting(): ReturnType<CommandHandlers["hello"]>;
}

export type ScreenCommands = Pick<
  CommandHandlers,
  "hello" | "view.set" | "tape.open" | "player" | "bar.inspect" | "bar.recompute" | "raw.read" | "remote.open"
>;

/** How much of a series is shown, whichever it is. */
type Window = Pick<PlayerView, "bars" | "untilOpenMs">;

interface TapeLink {
  take(): Promise<Partial<EngineFrame> & Pick<PlayerFrame, "shownSeq">>;
}
type Tape = { readonly shown: ShownTape; readonly link: TapeLink };

const NO_RAW_LOG = "has no raw log on this machine: its messages lie at its server";

function venueOf(source: string): VenueId {
  const venue = VENUE_IDS.find((one) => one === source);
  if (venue === undefined) throw fault("protocol.unknown-venue", `${source} is no venue of this machine's captures: open the remote that offers it`);
  return venue;
}

function barKeyOf(key: ShownBarKey): BarKey {
  return { ...key, venue: venueOf(key.venue) };
}

export class Screen implements SessionTape {
  readonly session: ClientSession;
  readonly #host: ScreenHost;
  readonly #player: PlayerLink;
  readonly #latency: ScreenLatency;
  #tape: Tape | undefined;
  #remote: RemoteTapeLink | undefined;
  #view: PlayerView;
  /** Player and remotes count their epochs each for itself; the screen drops frames of older ones, so whoever is put on begins above the one before. */
  #epochBase = 0;
  #lastEpoch = 0;
  #sayTape = false;

  constructor(options: { readonly port: ClientPort; readonly host: ScreenHost; readonly firstView: PlayerView; onProblem(problem: Fault): void }) {
    this.#host = options.host;
    this.#view = options.firstView;
    this.#latency = new ScreenLatency(options.host.logToScreen);
    this.#player = new PlayerLink({
      distMain: options.host.distMain,
      onDirty: () => {
        if (this.#tape?.shown.kind === "capture") this.session.tapeChanged();
      },
      onDeath: options.onProblem,
    });
    this.session = new ClientSession({
      port: options.port,
      handlers: { ...options.host.commands, ...this.#commands() },
      status: () => this.#status(),
      mode: (playerMode) => this.#mode(playerMode),
      onPainted: () => { this.#latency.painted(machineMs()); },
    });
  }

  get captureId(): string | undefined {
    return this.#tape?.shown.kind === "capture" ? this.#tape.shown.captureId : undefined;
  }

  written(seq: number, marks: readonly WrittenMark[]): void {
    this.#latency.written(marks);
    this.#player.written(seq);
  }
  recordingEnded(): void {
    this.#player.ended();
  }

  #status(): StatusParts {
    const status = this.#host.status();
    const { health } = status;
    // Of this screen, whoever else looks.
    return health === undefined ? status : { ...status, health: { ...health, logToScreen: this.#latency.percentiles(machineMs()) } };
  }

  #mode(playerMode: PlayerMode | undefined): Mode {
    const shown = this.#tape?.shown;
    if (shown?.kind === "remote") {
      const mode = this.#host.remotes.modeOf(shown.remoteId);
      return { simulated: mode === "simulated", replay: mode === "replay", remote: shown.name };
    }
    const capture = this.#host.captures.find((one) => one.captureId === shown?.captureId);
    const live = shown !== undefined && shown.captureId === this.#host.live?.captureId;
    return { simulated: capture?.simulated ?? this.#host.simulated, replay: !(live && playerMode === "following") };
  }

  // ── frames ─────────────────────────────────────────────────────────────────

  async take(): Promise<Partial<EngineFrame>> {
    const link = this.#tape?.link;
    const taken = await link?.take();
    // Put aside meanwhile: what it said is of no use any more. Another capture in the same player is the player's own affair: it begins
    // a new epoch with a reset, which may be these very parts.
    if (taken === undefined || link !== this.#tape?.link) return {};
    const { shownSeq, ...parts } = taken;
    this.#latency.taken(shownSeq);
    this.#lastEpoch = Math.max(this.#lastEpoch, this.#epochBase + (parts.epoch ?? 0));
    const said = this.#sayTape && this.#tape !== undefined ? { tape: this.#tape.shown } : {};
    this.#sayTape = false;
    return { ...parts, ...said, epoch: this.#lastEpoch };
  }

  #show(tape: Tape): void {
    if (tape.link !== this.#tape?.link) this.#epochBase = this.#lastEpoch + 1;
    this.#tape = tape;
    this.#latency.taken(undefined);
    this.#sayTape = true;
    this.session.setTape(this);
  }

  // ── tapes ──────────────────────────────────────────────────────────────────

  async #openCapture(captureId: string): Promise<void> {
    const { live, captures } = this.#host;
    const capture = captures.find((one) => one.captureId === captureId);
    const growing = live?.captureId === captureId;
    if (!growing && capture === undefined) throw fault("captures.unknown", `There is no capture ${captureId} in this data folder`);
    const [first] = capture?.instruments ?? [];
    const isShown = capture?.instruments.some((one) => one.venue === this.#view.venue && one.symbol === this.#view.symbol) ?? true;
    if (!isShown && first !== undefined) this.#view = { ...this.#view, venue: first.venue, symbol: first.symbol, untilOpenMs: undefined };
    await this.#player.call({
      type: "open", captureFolder: this.#host.captureFolder(captureId), captureId, growing, writtenSeq: growing ? (live?.writtenSeq ?? 0) : 0, view: this.#view,
    });
    await this.#leaveRemote();
    this.#show({ shown: { kind: "capture", captureId }, link: this.#player });
  }

  async #leaveRemote(): Promise<void> {
    const link = this.#remote;
    this.#remote = undefined;
    await link?.close();
  }

  async #openRemote(remoteId: string, series: ShownSeries | undefined): Promise<void> {
    const { bars } = this.#view;
    if (this.#remote?.remoteId === remoteId && series !== undefined) {
      await this.#remote.view({ ...series, bars, untilOpenMs: undefined });
      return;
    }
    const link = await this.#host.remotes.openTape(remoteId, series, { bars, untilOpenMs: undefined }, () => {
      this.session.tapeChanged();
    });
    await this.#leaveRemote();
    this.#remote = link;
    this.#show({ shown: { kind: "remote", remoteId, name: link.name }, link });
  }

  async #viewSet({ venue, symbol, interval, bars, untilOpenMs }: CommandInput<"view.set">): Promise<void> {
    const window: Window = { bars, untilOpenMs };
    if (this.#remote !== undefined) {
      await this.#remote.view({ venue, symbol, interval, ...window });
      return;
    }
    this.#view = { venue: venueOf(venue), symbol, interval, ...window };
    await this.#player.call({ type: "view", view: this.#view });
  }

  // ── commands ───────────────────────────────────────────────────────────────

  #ask<T extends PlayerAnswer>(call: PlayerCall): Promise<T> {
    if (this.#remote !== undefined) throw fault("remote.no-raw-log", `${this.#remote.name} ${NO_RAW_LOG}`);
    return this.#player.call<T>(call);
  }

  #commands(): ScreenCommands {
    return {
      "hello": async () => {
        const captureId = this.#host.live?.captureId ?? this.#host.captures[0]?.captureId;
        if (captureId !== undefined && this.#tape === undefined) await this.#openCapture(captureId);
        return this.#host.greeting();
      },
      "view.set": (view) => this.#viewSet(view),
      "tape.open": ({ captureId }) => this.#openCapture(captureId),
      "player": async (command) => {
        const { live } = this.#host;
        if (command.type === "follow" && live !== undefined && this.captureId !== live.captureId) await this.#openCapture(live.captureId);
        await this.#ask({ type: "command", command });
      },
      "bar.inspect": ({ key, revision }) =>
        this.#remote === undefined ? this.#ask<BarReport>({ type: "inspect", key: barKeyOf(key), revision }) : this.#remote.inspect(key, revision),
      "bar.recompute": async ({ key }) => this.#ask<RecomputeReport>({ type: "recompute", key: barKeyOf(key) }),
      "raw.read": async ({ captureId, fromSeq, limit, streamId }) => {
        if (this.#remote === undefined && captureId !== this.captureId) throw fault("raw.other-tape", `Capture ${captureId} is not the open tape: open it first`);
        return this.#ask<RawPage>({ type: "raw", fromSeq, limit, streamId });
      },
      "remote.open": ({ remoteId, series }) => this.#openRemote(remoteId, series),
    };
  }

  async close(): Promise<void> {
    this.session.close();
    await this.#leaveRemote();
    await this.#player.close();
  }
}
