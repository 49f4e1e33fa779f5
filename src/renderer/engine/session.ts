// Owns this screen's conversation with the engine: hello, which tape and view to ask for, settings, commands with their trouble shown.
import type { CommandInput, CommandName } from "../../shared/protocol/commands.ts";
import type { CaptureSummary, CommandOutput, EngineClient } from "../../shared/protocol/frames.ts";
import { INTERVAL_MS, type Interval } from "../../shared/time.ts";
import { applyFrame, engineStore, isRemoteShown } from "../store/engine-state.ts";
import { remembered, screenStore, toRemember, type RememberedRemote } from "../store/screen.ts";
import { addToast } from "../store/toasts.ts";
import { viewStore, type ShownInstrument, type ShownSeries } from "../store/view.ts";
import { faultOf } from "./client.ts";
import { afterPaint } from "./paint.ts";

const BARS_FIRST = 2_000;
const BARS_MORE = 1_500;
const BARS_MAX = 5_000;
/** How near to the edge (in slots) more bars are asked for. */
const EDGE_SLOTS = 40;
const REMEMBER_AFTER_MS = 400;

interface Wish { readonly bars: number; readonly untilOpenMs: number | undefined }

let client: EngineClient | undefined;
let wish: Wish = { bars: BARS_FIRST, untilOpenMs: undefined };
let isViewAsked = false;
/** A range was asked for and has not come: asking again on each scroll event would start an epoch each. */
let isRangeAsked = false;
/** Open of the newest bar seen of a remote's series, which has no cursor: where sliding forward ends. */
let newestOpenMs = 0;

export function engine(): EngineClient {
  if (client === undefined) throw new Error("Invariant: the session has not started");
  return client;
}

/** Runs a command for a person: a refusal becomes a toast, and undefined. */
export async function command<N extends CommandName>(name: N, input: CommandInput<N>): Promise<CommandOutput<N> | undefined> {
  try {
    return await engine().call(name, input);
  } catch (error) {
    addToast(faultOf(error));
    return undefined;
  }
}

/** The same for commands that answer nothing: resolves with whether it was carried out. */
export async function carryOut<N extends CommandName>(name: N, input: CommandInput<N>): Promise<boolean> {
  try {
    await engine().call(name, input);
    return true;
  } catch (error) {
    addToast(faultOf(error));
    return false;
  }
}

/** For event handlers, which cannot wait. */
export function run<N extends CommandName>(name: N, input: CommandInput<N>): void {
  void command(name, input);
}

export function startSession(engineClient: EngineClient): void {
  client = engineClient;
  engineClient.onFrame(async (frame) => {
    applyFrame(frame);
    noteRemoteView();
    if (!isViewAsked) void openSomething();
    await afterPaint();
  });
  engineClient.onLink((link) => {
    engineStore.setState({ link });
    if (link === "connected") void greet();
    // The next connection counts its epochs from the start again. How things stand is not known without one: an old green light would lie.
    else engineStore.setState({ epoch: -1, health: undefined, healthAtMs: undefined });
  });
  viewStore.subscribe((state, before) => {
    if (state.resets !== before.resets) isRangeAsked = false;
  });
  rememberChanges();
}

async function greet(): Promise<void> {
  // Until the engine has answered, no frame may lead to a view of its own.
  isViewAsked = true;
  isRangeAsked = false;
  // After a reconnect the engine says anew which tape it holds for this screen, if any.
  engineStore.setState({ tape: undefined, player: undefined, heldPlayer: undefined });
  const isFirst = engineStore.getState().hello === undefined;
  const settings = isFirst ? await command("settings.get", {}) : undefined;
  const kept = settings?.["screen"];
  if (kept !== undefined) screenStore.setState(remembered(kept));
  const isRemoteOpen = await reopenRemote();
  const hello = await command("hello", {});
  if (hello === undefined) return;
  if (isFirst && kept === undefined) {
    const { venue, symbol, interval } = hello.firstSeries;
    screenStore.setState({ interval, instrument: { venue, symbol } });
  }
  engineStore.setState({ hello });
  if (isRemoteOpen) return;
  isViewAsked = false;
  const captures = await command("captures.list", {});
  if (captures !== undefined) engineStore.setState({ captures });
  await openSomething();
}

/**
 * Before `hello`, which would put a capture's tape on first: a remote's bars are in the cache and can be painted at once. One of which
 * no series is remembered would have to wait for its server, and the screen with it.
 */
async function reopenRemote(): Promise<boolean> {
  const { shownRemote } = screenStore.getState();
  if (shownRemote === undefined) return false;
  if (shownRemote.series !== undefined && (await openRemote(shownRemote.remoteId, shownRemote.series))) return true;
  // Removed since, or never seen: this machine's own tape is always there. A link that broke meanwhile says nothing about the remote.
  if (engineStore.getState().link === "connected") screenStore.setState({ shownRemote: undefined });
  return false;
}

/** The capture to begin with: the one the player holds, else the one being recorded, else the newest. */
function captureToOpen(captures: readonly CaptureSummary[], heldId: string | undefined): CaptureSummary | undefined {
  const newest = [...captures].sort((a, b) => (b.toMs ?? 0) - (a.toMs ?? 0))[0];
  return captures.find(({ captureId }) => captureId === heldId) ?? captures.find(({ state }) => state === "recording") ?? newest;
}

/** Asks for a view as soon as there is an instrument to show. Called again with each frame until then. */
async function openSomething(): Promise<void> {
  const { hello, captures, streams, player } = engineStore.getState();
  if (hello === undefined || isViewAsked) return;
  const capture = captureToOpen(captures ?? [], player?.captureId);
  const known: readonly ShownInstrument[] = capture !== undefined && capture.instruments.length > 0 ? capture.instruments : streams;
  const wanted = screenStore.getState().instrument;
  // What is being recorded may not have had its first trade yet.
  const awaited = capture?.state === "recording" ? wanted : undefined;
  const instrument = known.find((one) => one.venue === wanted?.venue && one.symbol === wanted.symbol) ?? awaited ?? known[0];
  if (instrument === undefined) return;
  isViewAsked = true;
  if (capture !== undefined && player?.captureId === undefined) await command("tape.open", { captureId: capture.captureId });
  await askView(instrument, screenStore.getState().interval);
}

async function askView(instrument: ShownInstrument, interval: Interval): Promise<void> {
  const { venue, symbol } = instrument;
  const range = wish.untilOpenMs === undefined ? { bars: wish.bars } : { bars: wish.bars, untilOpenMs: wish.untilOpenMs };
  if ((await command("view.set", { venue, symbol, interval, ...range })) === undefined) isRangeAsked = false;
}

/** Shows a remote's series in place of this machine's tape: the one named, else the one shown last. Resolves with whether the engine does so. */
export async function openRemote(remoteId: string, series?: ShownSeries): Promise<boolean> {
  wish = { bars: BARS_FIRST, untilOpenMs: undefined };
  newestOpenMs = 0;
  isRangeAsked = false;
  screenStore.setState({ selectedOpenMs: undefined });
  const input = series === undefined ? { remoteId } : { remoteId, series: { venue: series.venue, symbol: series.symbol, interval: series.interval } };
  try {
    await engine().call("remote.open", input);
  } catch (error) {
    addToast(faultOf(error));
    return false;
  }
  const kept: RememberedRemote = series === undefined ? { remoteId } : { remoteId, series };
  screenStore.setState({ shownRemote: kept });
  return true;
}

/** The series that the engine chose is the one to come back to. */
function noteRemoteView(): void {
  const { tape } = engineStore.getState();
  const { series, bars } = viewStore.getState();
  const { shownRemote } = screenStore.getState();
  if (tape?.kind !== "remote" || series === undefined || shownRemote?.remoteId !== tape.remoteId) return;
  newestOpenMs = Math.max(newestOpenMs, bars.columns.openMs[bars.length - 1] ?? 0);
  const kept = shownRemote.series;
  const isKept = kept?.venue === series.venue && kept.symbol === series.symbol && kept.interval === series.interval;
  if (!isKept) screenStore.setState({ shownRemote: { remoteId: tape.remoteId, series } });
}

/** Back from a remote to this machine's own tape: what is being recorded, at its live edge, else the newest capture. */
export async function showThisMachine(instrument?: ShownInstrument): Promise<void> {
  const { captures, recording } = engineStore.getState();
  const capture = captureToOpen(captures ?? [], recording?.captureId);
  if (capture === undefined) {
    addToast({ code: "screen.no-capture", message: "This machine has no capture to show yet: start recording, or import one." });
    return;
  }
  const isOpen = await openCapture(capture, instrument ?? screenStore.getState().instrument);
  if (isOpen && capture.state === "recording") run("player", { type: "follow" });
}

/** Shows another series, at its newest bars. An instrument is always one of this machine: those of remotes are opened with their remote. */
export function showSeries(change: { readonly instrument?: ShownInstrument; readonly interval?: Interval }): void {
  const { tape } = engineStore.getState();
  if (tape?.kind === "remote") {
    const { series } = viewStore.getState();
    if (change.instrument !== undefined) void showThisMachine(change.instrument);
    else if (series !== undefined && change.interval !== undefined) void openRemote(tape.remoteId, { ...series, interval: change.interval });
    return;
  }
  const instrument = change.instrument ?? viewStore.getState().series ?? screenStore.getState().instrument;
  const interval = change.interval ?? screenStore.getState().interval;
  if (instrument === undefined) screenStore.setState({ interval });
  else showLocalSeries(instrument, interval);
}

function showLocalSeries(instrument: ShownInstrument, interval: Interval): void {
  wish = { bars: BARS_FIRST, untilOpenMs: undefined };
  screenStore.setState({ interval, instrument: { venue: instrument.venue, symbol: instrument.symbol }, selectedOpenMs: undefined });
  void askView(instrument, interval);
}

/** Opens a capture's tape and the first of its instruments that fits what is shown now. Resolves with whether it is open. */
export async function openCapture(capture: CaptureSummary, wanted?: ShownInstrument): Promise<boolean> {
  const now = wanted ?? (isRemoteShown(engineStore.getState()) ? screenStore.getState().instrument : viewStore.getState().series);
  const instrument = capture.instruments.find((one) => one.venue === now?.venue && one.symbol === now.symbol) ?? capture.instruments[0];
  screenStore.setState({ selectedOpenMs: undefined });
  try {
    await engine().call("tape.open", { captureId: capture.captureId });
  } catch (error) {
    addToast(faultOf(error));
    return false;
  }
  screenStore.setState({ shownRemote: undefined });
  const shown = instrument ?? now;
  if (shown !== undefined) showLocalSeries(shown, screenStore.getState().interval);
  return true;
}

/** Keeps bars loaded around what is visible: older ones up to the bound, then a window that slides. */
export function rangeShown(range: { readonly fromSlot: number; readonly toSlot: number; readonly slots: number }): void {
  const { series, moreBefore, bars } = viewStore.getState();
  if (series === undefined || isRangeAsked) return;
  const intervalMs = INTERVAL_MS[series.interval];
  const firstMs = bars.columns.openMs[0];
  if (firstMs === undefined) return;
  if (range.fromSlot < EDGE_SLOTS && moreBefore) {
    const isGrowing = wish.untilOpenMs === undefined && wish.bars < BARS_MAX;
    wish = isGrowing ? { bars: Math.min(BARS_MAX, wish.bars + BARS_MORE), untilOpenMs: undefined } : { bars: BARS_MAX, untilOpenMs: firstMs + (BARS_MAX / 2) * intervalMs };
  } else if (wish.untilOpenMs !== undefined && range.toSlot > range.slots - EDGE_SLOTS) {
    const untilOpenMs = wish.untilOpenMs + (BARS_MAX / 2) * intervalMs;
    const cursorMs = engineStore.getState().player?.point.knownMs ?? newestOpenMs;
    wish = { bars: BARS_MAX, untilOpenMs: untilOpenMs > cursorMs ? undefined : untilOpenMs };
  } else return;
  isRangeAsked = true;
  void askView(series, series.interval);
}

/** False while the window has slid back: it then ends before the cursor, and so must the chart's axis. */
export function isWindowAtCursor(): boolean {
  return wish.untilOpenMs === undefined;
}

/** The right edge follows the cursor again. */
export function followRightEdge(): void {
  const { series } = viewStore.getState();
  if (wish.untilOpenMs === undefined || series === undefined) return;
  wish = { bars: BARS_FIRST, untilOpenMs: undefined };
  void askView(series, series.interval);
}

function rememberChanges(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let saved = JSON.stringify(toRemember(screenStore.getState()));
  screenStore.subscribe((state) => {
    const { hello } = engineStore.getState();
    if (hello === undefined) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      const screen = toRemember(state);
      const text = JSON.stringify(screen);
      if (text === saved) return;
      saved = text;
      run("settings.set", { settings: { screen } });
    }, REMEMBER_AFTER_MS);
  });
}
