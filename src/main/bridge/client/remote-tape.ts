// What one screen is shown of a remote: one stream's window at a time, from the cache at once (with or without a server), kept up with
// what the client tells. Never shows one stream's bars under another, nor bars of a past that is over.
import { type Fault, fault, FaultError } from "../../../shared/base.ts";
import type { ShownBarKey } from "../../../shared/candles.ts";
import type { BarReport, EngineFrame, ShownTape } from "../../../shared/protocol/frames.ts";
import { msFromNs } from "../../../shared/time.ts";
import { streamName, type BridgeForming, type SequencedEntry, type StreamKey } from "../model.ts";
import { gradesAmong, joined, reportOf, versionsAmong } from "./remote-report.ts";
import { EMPTY_WINDOW, RemoteWindow, type WindowRange } from "./remote-window.ts";
import type { BridgeCache, CachedWindow, RemoteClient, SequenceHole } from "./types.ts";

export interface RemoteTapeOptions {
  /** As in the cache. */
  readonly remote: string;
  /** As people know it. */
  readonly name: string;
  readonly cache: Pick<BridgeCache, "window" | "versions" | "gradeHistory">;
  /** The remote's client; another one after each time that it was connected anew by hand. */
  readonly client: () => Pick<RemoteClient, "unwritten" | "continuesCache" | "known">;
  /** Something can be taken; not called again before `take`. */
  onChange(): void;
  onProblem(problem: Fault): void;
}

export type RemoteTapeFrame = Pick<EngineFrame, "epoch"> & Partial<Pick<EngineFrame, "tape" | "view" | "quote" | "newestRecvMs">>;

/** What may come while a window is read; beyond, it is read again. A cache that is slow also slows what comes, so this is far away. */
const EARLY_ENTRIES_MAX = 100_000;

export class RemoteTape {
  readonly #options: RemoteTapeOptions;
  #range: WindowRange | undefined;
  #shownName: string | undefined;
  #window: RemoteWindow | undefined;
  /** Grows with each window that is read: what an older reading brings is thrown away. */
  #firstRead: Promise<void> = Promise.resolve();
  #reading = 0;
  #early: { entries: SequencedEntry[]; forming: BridgeForming[]; holes: SequenceHole[]; isTooMuch: boolean } | undefined;
  #epoch = 0;
  #isNotified = false;
  #isClosed = false;
  #told: { tape: boolean; price: string | undefined; newestNs: bigint } = { tape: false, price: undefined, newestNs: 0n };

  constructor(options: RemoteTapeOptions) {
    this.#options = options;
  }

  get range(): WindowRange | undefined {
    return this.#range;
  }

  /** Another stream or window: read from the cache, then told whole. What was shown before is no longer told of. */
  /** Resolves when the window that was asked for last is there to be taken: a tape that is put on with it paints at once. */
  get ready(): Promise<void> {
    return this.#firstRead;
  }

  setView(range: WindowRange): void {
    const name = streamName(range.key);
    const isOther = this.#shownName !== name;
    this.#range = range;
    this.#shownName = name;
    this.#window = undefined;
    if (isOther) this.#told = { ...this.#told, price: undefined, newestNs: 0n };
    this.#read(range);
  }

  // ── From the client ────────────────────────────────────────────────────────

  onEntries(key: StreamKey, entries: readonly SequencedEntry[]): void {
    if (!this.#isShown(key)) return;
    if (this.#early !== undefined) {
      if (this.#early.entries.length + entries.length > EARLY_ENTRIES_MAX) this.#early.isTooMuch = true;
      else this.#early.entries.push(...entries);
      return;
    }
    this.#window?.apply(entries);
    this.#notify();
  }

  onForming(key: StreamKey, bar: BridgeForming): void {
    if (!this.#isShown(key)) return;
    if (this.#early !== undefined) {
      this.#early.forming.push(bar);
      if (this.#early.forming.length > EARLY_ENTRIES_MAX) this.#early.isTooMuch = true;
      return;
    }
    this.#window?.applyForming(bar);
    this.#notify();
  }

  onHole(key: StreamKey, hole: SequenceHole): void {
    if (!this.#isShown(key)) return;
    if (this.#early !== undefined) this.#early.holes.push(hole);
    else this.#window?.applyHole(hole);
    this.#notify();
  }

  /** What was shown belongs to a past that is over: the screen begins empty, and fills with what comes. */
  onReset(key: StreamKey): void {
    if (!this.#isShown(key) || this.#range === undefined) return;
    this.#reading += 1;
    this.#early = undefined;
    this.#told = { ...this.#told, price: undefined };
    this.#window = new RemoteWindow(this.#range, EMPTY_WINDOW, []);
    this.#notify();
  }

  // ── To the screen ──────────────────────────────────────────────────────────

  /** What changed since the last take. While a window is being read, nothing of it. */
  take(): RemoteTapeFrame {
    this.#isNotified = false;
    const window = this.#window;
    const tape: ShownTape | undefined = this.#told.tape ? undefined : { kind: "remote", remoteId: this.#options.remote, name: this.#options.name };
    this.#told.tape = true;
    const base = tape === undefined ? {} : { tape };
    if (window === undefined) return { epoch: this.#epoch, ...base };
    const view = window.next();
    if (view?.kind === "reset") this.#epoch += 1;
    const { lastPrice, newestKnownNs } = window;
    const hasPrice = view?.kind === "reset" || lastPrice !== this.#told.price;
    const frame: RemoteTapeFrame = {
      epoch: this.#epoch, ...base, ...(view && { view }),
      ...(hasPrice && { quote: lastPrice === undefined ? {} : { lastPrice } }),
      ...(newestKnownNs > this.#told.newestNs && { newestRecvMs: msFromNs(newestKnownNs) }),
    };
    this.#told.price = lastPrice;
    if (newestKnownNs > this.#told.newestNs) this.#told.newestNs = newestKnownNs;
    return frame;
  }

  /** A screen that begins anew (reload) is told everything again. */
  tellWhole(): void {
    this.#told = { tape: false, price: undefined, newestNs: 0n };
    this.#window?.tellWhole();
    this.#notify();
  }

  /** Everything known here about one bar. Faults: `bridge.other-stream`, `bridge.no-bar`, and those of the cache. */
  async inspect(key: ShownBarKey, revision: number | undefined): Promise<BarReport> {
    const stream: StreamKey = { sourceId: key.venue, symbol: key.symbol, interval: key.interval };
    if (!this.#isShown(stream)) {
      throw fault("bridge.other-stream", `${streamName(stream)} is not what this screen shows: open it first`);
    }
    const { cache, remote } = this.#options;
    const client = this.#options.client();
    // What the cache does not hold is taken at the moment of asking it, so that both together are everything.
    const unwritten = client.unwritten(stream);
    const isWhole = client.continuesCache(stream);
    const [versions, grades] = isWhole ? await Promise.all([cache.versions(remote, stream, key.openMs), cache.gradeHistory(remote, stream, key.openMs)]) : [[], []];
    return reportOf({
      key: stream, openMs: key.openMs, revision, versions: joined(versions, versionsAmong(unwritten, key.openMs)), grades: joined(grades, gradesAmong(unwritten, key.openMs)),
      forming: this.#window?.formingAt(key.openMs), gaps: this.#window?.gapsAt(key.openMs) ?? [], history: client.known(stream)?.history,
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#reading += 1;
    this.#range = undefined;
    this.#shownName = undefined;
    this.#window = undefined;
    this.#early = undefined;
  }

  // ── Reading ────────────────────────────────────────────────────────────────

  #isShown(key: StreamKey): boolean {
    return this.#shownName !== undefined && this.#shownName === streamName(key);
  }

  #read(range: WindowRange): void {
    this.#reading += 1;
    const reading = this.#reading;
    const client = this.#options.client();
    this.#early = { entries: [], forming: [], holes: [], isTooMuch: false };
    const unwritten = client.unwritten(range.key);
    const holes = client.known(range.key)?.holes ?? [];
    const cached = client.continuesCache(range.key) ? this.#cached(range) : Promise.resolve({ window: EMPTY_WINDOW, newest: undefined });
    this.#firstRead = cached.then(({ window, newest }) => {
      const early = this.#early;
      if (reading !== this.#reading || early === undefined) return;
      if (early.isTooMuch) return this.#read(range);
      this.#early = undefined;
      this.#window = new RemoteWindow(range, window, holes);
      if (newest !== undefined) this.#window.learnNewest(newest);
      this.#window.apply(unwritten);
      for (const hole of early.holes) this.#window.applyHole(hole);
      this.#window.apply(early.entries);
      for (const bar of early.forming) this.#window.applyForming(bar);
      this.#notify();
    });
  }

  /** Never rejects: without the cache, what is in memory is shown. */
  async #cached(range: WindowRange): Promise<{ readonly window: CachedWindow; readonly newest: CachedWindow["bars"][number] | undefined }> {
    const { cache, remote } = this.#options;
    const { key, untilOpenMs, bars } = range;
    try {
      const window = cache.window(remote, key, { untilOpenMs, bars });
      // The last price is that of the newest bar, also while an older stretch is looked at.
      const newest = untilOpenMs === undefined ? undefined : cache.window(remote, key, { untilOpenMs: undefined, bars: 1 });
      const read = await Promise.all([window, newest]);
      return { window: read[0], newest: (read[1] ?? read[0]).bars.at(-1) };
    } catch (error) {
      const message = error instanceof FaultError ? error.fault.message : error instanceof Error ? error.message : String(error);
      this.#options.onProblem({ code: "bridge.cache", message: `${this.#options.name} ${streamName(key)}: the cache cannot be read (${message}): only what is in memory is shown` });
      return { window: EMPTY_WINDOW, newest: undefined };
    }
  }

  #notify(): void {
    if (this.#isNotified || this.#isClosed) return;
    this.#isNotified = true;
    this.#options.onChange();
  }
}
