// Owns every action of the screen by name: what keys, palette and buttons carry out.
import { SPEEDS, type PlayerCommand } from "../../shared/protocol/commands.ts";
import { INTERVAL_MS } from "../../shared/time.ts";
import { withChart } from "../chart/handle.ts";
import { faultOf } from "../engine/client.ts";
import { engine, followRightEdge, openRemote, run, showThisMachine } from "../engine/session.ts";
import { speed as speedText } from "../format/numbers.ts";
import { utc } from "../format/times.ts";
import { standingOf, seriesOf } from "../remote/words.ts";
import { engineStore, isRemoteShown, shownRemote } from "../store/engine-state.ts";
import { setPinned } from "../captures/pin.ts";
import { recomputeBar } from "../store/inspector.ts";
import {
  addBookmark, closeDock, openDialog, openExport, openRemoteDialog, resetLayout, screenStore, selectBar, toggleDock, toggleDockSize, toggleInspector, togglePair, toggleTheme,
  type Bookmark,
} from "../store/screen.ts";
import { addNote, addToast, addUndo } from "../store/toasts.ts";
import { viewStore } from "../store/view.ts";
import type { ActionId } from "./keymap.ts";

interface Action { readonly title: string; readonly group: "Replay" | "Chart" | "Tape" | "Remote" | "Panels" | "Screen"; readonly run: () => void; /** Other words a person may look for. */ readonly also?: readonly string[] }

const NO_DECK = "A remote has no tape here: its server plays. Press ⇧ L for this machine's own";

function player(command: PlayerCommand): void {
  if (isRemoteShown(engineStore.getState())) addNote(NO_DECK);
  else run("player", command);
}

function step(by: "event" | "bar", direction: 1 | -1, count = 1): () => void {
  return () => player({ type: "step", by, direction, count });
}

function playPause(): void {
  const mode = engineStore.getState().player?.mode;
  player({ type: mode === "playing" || mode === "following" ? "pause" : "play" });
}

/** The next faster or slower of the offered speeds; "as fast as possible" (0) is the fastest. */
export function nextSpeed(now: number, direction: 1 | -1): number {
  const order = SPEEDS.map((value) => (value === 0 ? Infinity : value));
  const value = now === 0 ? Infinity : now;
  const next = direction === 1 ? order.find((one) => one > value) : [...order].reverse().find((one) => one < value);
  const chosen = next ?? value;
  return chosen === Infinity ? 0 : chosen;
}

function changeSpeed(direction: 1 | -1): void {
  player({ type: "speed", speed: nextSpeed(engineStore.getState().player?.speed ?? 1, direction) });
}

function toEdge(edge: "fromSeq" | "toSeq"): void {
  const range = engineStore.getState().player?.range;
  if (range !== undefined) player({ type: "seek_seq", seq: range[edge] });
}

/** A remote is always at its newest: there the newest bars are all that can be gone to. */
export function goLive(): void {
  followRightEdge();
  if (!isRemoteShown(engineStore.getState())) player({ type: "follow" });
  withChart((chart) => chart.showNewest());
}

function bookmarkHere(): void {
  if (isRemoteShown(engineStore.getState())) {
    addNote(NO_DECK);
    return;
  }
  const view = engineStore.getState().player;
  if (view?.point.cursor === undefined) {
    addNote("No bookmark: the cursor stands before the first event");
    return;
  }
  const { cursor, seq, knownMs } = view.point;
  const bookmark: Bookmark = { id: `${view.captureId}#${seq}.${view.point.position}`, captureId: view.captureId, cursor, seq, knownMs, name: utc(knownMs) };
  addBookmark(bookmark);
  addNote(`Bookmarked ${bookmark.name}`);
}

async function copyCursor(): Promise<void> {
  if (isRemoteShown(engineStore.getState())) {
    addNote(NO_DECK);
    return;
  }
  const cursor = engineStore.getState().player?.point.cursor;
  if (cursor === undefined) {
    addNote("No cursor to copy: the tape stands before its first event");
    return;
  }
  try {
    await navigator.clipboard.writeText(cursor);
    addNote("Cursor copied");
  } catch {
    addNote(`The clipboard refused. The cursor is ${cursor}`);
  }
}

function selectNeighbour(direction: 1 | -1): void {
  const { series, bars } = viewStore.getState();
  const lastMs = bars.columns.openMs[bars.length - 1];
  const { selectedOpenMs } = screenStore.getState();
  if (series === undefined || lastMs === undefined) return;
  selectBar(selectedOpenMs === undefined ? lastMs : selectedOpenMs + direction * INTERVAL_MS[series.interval]);
}

function isFocusInDock(): boolean {
  return screenStore.getState().dock !== undefined && document.activeElement?.closest(".dock") !== null;
}

function close(): void {
  const { dialog, isNarrow, isOverlayOpen } = screenStore.getState();
  if (dialog !== undefined) openDialog(undefined);
  else if (isFocusInDock()) closeDock();
  else if (isNarrow && isOverlayOpen) toggleInspector();
  else selectBar(undefined);
}

/** Stopping loses data for good, so the way back stays in sight. */
async function stopRecording(): Promise<void> {
  try {
    await engine().call("record.stop", {});
    addUndo("Recording stopped", () => run("record.start", {}));
  } catch (error) {
    addToast(faultOf(error));
  }
}

function recompute(): void {
  if (isRemoteShown(engineStore.getState())) addNote("A remote's bar is recomputed where its raw messages are: on the server");
  else void recomputeBar();
}

function withRemote(carryOut: (remoteId: string) => void): void {
  const { tape } = engineStore.getState();
  if (tape?.kind === "remote") carryOut(tape.remoteId);
  else addNote("No remote is shown: open one under Remote at the left");
}

/** Of the series on screen alone: others that are watched are not disturbed. */
function resyncShown(): void {
  withRemote((remoteId) => {
    const { series } = viewStore.getState();
    run("remote.resync", series === undefined ? { remoteId } : { remoteId, series: { venue: series.venue, symbol: series.symbol, interval: series.interval } });
  });
}

function connectOrDisconnect(): void {
  withRemote((remoteId) => {
    const { series } = viewStore.getState();
    const remote = shownRemote(engineStore.getState());
    // Without a series the engine connects anew and shows the one shown last.
    if (standingOf(remote, seriesOf(remote, series)).state === "off") void openRemote(remoteId);
    else run("remote.disconnect", { remoteId });
  });
}

function verifyCapture(): void {
  const captureId = engineStore.getState().player?.captureId;
  if (captureId !== undefined) run("verify.start", { captureId });
}

/** What a command about a capture means: the one on screen, of this machine. */
function withCapture(carryOn: (captureId: string) => void): void {
  const { player, tape } = engineStore.getState();
  const captureId = tape?.kind === "remote" ? undefined : player?.captureId;
  if (captureId === undefined) addNote("No capture of this machine is open: open one under Captures at the left");
  else carryOn(captureId);
}

function pinShown(): void {
  withCapture((captureId) => {
    const isPinned = engineStore.getState().captures?.find((capture) => capture.captureId === captureId)?.pinned === true;
    void setPinned(captureId, !isPinned);
  });
}

export const ACTIONS: Readonly<Record<ActionId, Action>> = {
  "play-pause": { title: "Play or pause", group: "Replay", run: playPause },
  "event-forward": { title: "One event forward", group: "Replay", run: step("event", 1) },
  "event-back": { title: "One event back", group: "Replay", run: step("event", -1) },
  "bar-forward": { title: "One bar forward", group: "Replay", run: step("bar", 1) },
  "bar-back": { title: "One bar back", group: "Replay", run: step("bar", -1) },
  "bars-forward": { title: "Ten bars forward", group: "Replay", run: step("bar", 1, 10) },
  "bars-back": { title: "Ten bars back", group: "Replay", run: step("bar", -1, 10) },
  "to-start": { title: "To the start of the tape", group: "Replay", run: () => toEdge("fromSeq") },
  "to-end": { title: "To the end of the tape", group: "Replay", run: () => toEdge("toSeq") },
  "live": { title: "Follow live", group: "Replay", run: goLive },
  "go-to": { title: "Go to a time, #seq or cursor…", group: "Replay", run: () => openDialog("goto") },
  "bookmark": { title: "Bookmark this moment", group: "Replay", run: bookmarkHere },
  "slower": { title: "Slower", group: "Replay", run: () => changeSpeed(-1) },
  "faster": { title: "Faster", group: "Replay", run: () => changeSpeed(1) },
  "copy-cursor": { title: "Copy the cursor", group: "Replay", run: () => void copyCursor() },
  "select-previous": { title: "Inspect the bar before", group: "Chart", run: () => selectNeighbour(-1) },
  "select-next": { title: "Inspect the next bar", group: "Chart", run: () => selectNeighbour(1) },
  "recompute": { title: "Recompute the selected bar", group: "Chart", run: recompute },
  "zoom-in": { title: "Zoom in", group: "Chart", run: () => withChart((chart) => chart.zoom(0.8)) },
  "zoom-out": { title: "Zoom out", group: "Chart", run: () => withChart((chart) => chart.zoom(1.25)) },
  "newest": { title: "Show the newest bars", group: "Chart", run: () => { followRightEdge(); withChart((chart) => chart.showNewest()); } },
  "find-symbol": { title: "Find a symbol…", group: "Chart", run: () => openDialog("symbols") },
  "import": { title: "Import a capture…", group: "Tape", run: () => openDialog("import") },
  "verify": { title: "Verify this capture", group: "Tape", run: verifyCapture },
  "record-start": { title: "Start recording", group: "Tape", run: () => run("record.start", {}) },
  "record-stop": { title: "Stop recording", group: "Tape", run: () => void stopRecording() },
  "export": { title: "Export this capture…", group: "Tape", run: () => withCapture(openExport), also: ["s3", "parquet", "mcap", "lake"] },
  "pin": { title: "Pin or unpin this capture", group: "Tape", run: pinShown, also: ["keep", "retention"] },
  "compact": { title: "Compact this capture", group: "Tape", run: () => withCapture((captureId) => run("compact.start", { captureId })), also: ["parquet"] },
  "retention": { title: "Retention…", group: "Tape", run: () => openDialog("retention"), also: ["disk", "delete", "age", "size"] },
  "remote-add": { title: "Add a remote source…", group: "Remote", run: () => openRemoteDialog(undefined) },
  "remote-resync": { title: "Resync the remote's series", group: "Remote", run: resyncShown },
  "remote-disconnect": { title: "Connect or disconnect the remote", group: "Remote", run: connectOrDisconnect },
  "this-machine": { title: "Back to this machine's live", group: "Remote", run: () => void showThisMachine() },
  "share": { title: "Share this machine's feed…", group: "Remote", run: () => openDialog("share") },
  "health": { title: "Health", group: "Panels", run: () => toggleDock("health"), also: ["streams", "latency", "disk", "venues"] },
  "ledger": { title: "Gap ledger", group: "Panels", run: () => toggleDock("ledger"), also: ["gaps", "backfill", "missing"] },
  "query": { title: "Query", group: "Panels", run: () => toggleDock("query"), also: ["sql", "duckdb", "parquet", "plot"] },
  "faults": { title: "Fault lab", group: "Panels", run: () => toggleDock("faults"), also: ["simulator", "inject", "break", "disconnect"] },
  "dock-size": { title: "Enlarge or shrink the panel", group: "Panels", run: toggleDockSize, also: ["maximise", "dock"] },
  "inspector": { title: "Show or hide the inspector", group: "Screen", run: toggleInspector },
  "theme": { title: "Theme: dark or light", group: "Screen", run: toggleTheme, also: ["colour", "night", "day"] },
  "colours": { title: "Other up and down colours", group: "Screen", run: togglePair },
  "reset-layout": { title: "Reset the layout", group: "Screen", run: resetLayout },
  "settings": { title: "Settings…", group: "Screen", run: () => openDialog("settings") },
  "palette": { title: "All actions…", group: "Screen", run: () => openDialog("palette") },
  "keys": { title: "Sheet of keys", group: "Screen", run: () => openDialog("keys") },
  "about": { title: "About Tapedeck", group: "Screen", run: () => openDialog("about") },
  "close": { title: "Close what is open", group: "Screen", run: close },
};

export const ACTION_IDS = Object.keys(ACTIONS) as readonly ActionId[];

export function act(id: ActionId): void {
  ACTIONS[id].run();
}

export function setSpeed(speed: number): void {
  player({ type: "speed", speed });
}

export function speedTitle(speed: number): string {
  return speed === 0 ? "As fast as possible" : `${speedText(speed)} speed`;
}
