// One screen's player: a tape over one capture for the watched instrument, its driver, and what the screen asks of it.
import { fault, type Clock, type Sha256, type Timers } from "../../shared/base.ts";
import type { BarKey } from "../../shared/candles.ts";
import type { DecoderLookup } from "../../shared/market.ts";
import type { PlayerCommand } from "../../shared/protocol/commands.ts";
import type { BarReport, RawPage, RecomputeReport } from "../../shared/protocol/frames.ts";
import { openReader } from "../rawlog/reader.ts";
import type { Disk, RawLogReader } from "../rawlog/types.ts";
import { inspectBar, readRawPage, recomputeBar } from "../replay/explain.ts";
import { PlayerDriver } from "../replay/player-driver.ts";
import { openTape, type Tape } from "../replay/tape.ts";
import type { PlayerFrame, PlayerView } from "./thread-messages.ts";

export interface PlayerLoopOptions {
  readonly disk: Disk;
  readonly decoders: DecoderLookup;
  readonly sha256: Sha256;
  readonly clock: Clock;
  readonly timers: Timers;
  onDirty(): void;
}

export interface OpenCapture {
  readonly captureFolder: string;
  readonly captureId: string;
  readonly growing: boolean;
  readonly view: PlayerView;
}

interface Playing {
  readonly capture: OpenCapture;
  readonly reader: RawLogReader;
  readonly tape: Tape;
  readonly driver: PlayerDriver;
}

export class PlayerLoop {
  readonly #options: PlayerLoopOptions;
  readonly #stop = new AbortController();
  #playing: Playing | undefined;
  /** The screen drops frames of older epochs; each tape counts from 0, so a new one begins above the old. */
  #epochBase = 0;
  #lastEpoch = 0;
  #written = 0;
  #growing = false;
  #growth: Promise<void> | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: PlayerLoopOptions) {
    this.#options = options;
  }

  /** Opening and closing tapes happens one at a time, in the order asked for. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(run);
    this.#turn = next.catch(() => undefined); // whoever asked is told; the next one only waits
    return next;
  }

  open(capture: OpenCapture, writtenSeq: number): Promise<void> {
    return this.#inTurn(async () => {
      this.#written = writtenSeq;
      this.#growing = capture.growing;
      await this.#replace(capture, { type: "follow" });
    });
  }

  async #replace(capture: OpenCapture, begin: PlayerCommand): Promise<void> {
    const { disk, decoders, sha256, clock, timers } = this.#options;
    const reader = await openReader({ disk, folder: capture.captureFolder });
    let tape: Tape;
    try {
      tape = await openTape({ reader, decoders, sha256, clock, instruments: [{ venue: capture.view.venue, symbol: capture.view.symbol }] });
    } catch (error) {
      await reader.close();
      throw error;
    }
    await this.#playing?.driver.close();
    this.#epochBase = this.#lastEpoch + 1;
    const driver = new PlayerDriver({ tape, captureId: capture.captureId, growing: this.#growing, clock, timers, onChange: () => { this.#options.onDirty(); } });
    this.#playing = { capture, reader, tape, driver };
    driver.setView(windowOf(capture.view));
    driver.command(begin);
    this.#options.onDirty();
  }

  /** Another interval or window of the same tape; another instrument is another tape, standing at the same time. */
  view(view: PlayerView): Promise<void> {
    return this.#inTurn(async () => {
      const { capture, driver } = this.#current();
      const same = view.venue === capture.view.venue && view.symbol === capture.view.symbol;
      const moved: OpenCapture = { ...capture, view };
      if (same) {
        this.#playing = { ...this.#current(), capture: moved };
        driver.setView(windowOf(view));
        return;
      }
      const knownMs = driver.takeFrame().player?.point.knownMs ?? 0;
      const following = driver.state.mode === "following" || knownMs === 0;
      await this.#replace(moved, following ? { type: "follow" } : { type: "seek_time", ms: knownMs, fit: "clamped" });
    });
  }

  command(command: PlayerCommand): void {
    this.#current().driver.command(command);
  }

  written(seq: number): void {
    this.#written = Math.max(this.#written, seq);
    // Also after it had ended: the capture is being recorded again.
    this.#growing = true;
    this.#grow();
  }

  ended(): void {
    this.#growing = false;
    this.#grow();
  }

  /** One growth at a time; what is written meanwhile is taken in by the next. */
  #grow(): void {
    if (this.#growth !== undefined || this.#playing === undefined) return;
    const { driver } = this.#playing;
    const [seq, growing] = [this.#written, this.#growing];
    this.#growth = driver.grew(seq, growing).finally(() => {
      this.#growth = undefined;
      if (this.#written > seq || this.#growing !== growing) this.#grow();
    });
  }

  take(): PlayerFrame {
    if (this.#playing === undefined) return { epoch: this.#lastEpoch };
    const { driver } = this.#playing;
    const { mode, point } = driver.state;
    const frame = driver.takeFrame();
    this.#lastEpoch = this.#epochBase + frame.epoch;
    return { ...frame, epoch: this.#lastEpoch, ...(mode === "following" && { shownSeq: point.seq }) };
  }

  inspect(key: BarKey, revision: number | undefined): Promise<BarReport> {
    return inspectBar(this.#current().tape, { key, revision }, this.#stop.signal);
  }

  recompute(key: BarKey): Promise<RecomputeReport> {
    return recomputeBar(this.#current().tape, key, this.#stop.signal);
  }

  raw(fromSeq: number, limit: number, streamId: string | undefined): Promise<RawPage> {
    return readRawPage(this.#current().reader, { fromSeq, limit, streamId }, this.#options.sha256);
  }

  #current(): Playing {
    if (this.#playing === undefined) throw fault("player.no-tape", "No capture is open: open one from the captures list");
    return this.#playing;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#turn;
    await this.#playing?.driver.close();
    await this.#growth;
  }
}

function windowOf(view: PlayerView): Parameters<PlayerDriver["setView"]>[0] {
  return { instrument: { venue: view.venue, symbol: view.symbol }, interval: view.interval, bars: view.bars, untilOpenMs: view.untilOpenMs };
}
