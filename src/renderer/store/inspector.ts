// Owns what the inspector knows about the selected bar: its report, kept fresh while the bar changes, and the last recompute.
import { createStore } from "zustand/vanilla";
import type { ShownBarKey } from "../../shared/candles.ts";
import type { BarReport, RecomputeReport } from "../../shared/protocol/frames.ts";
import { engine } from "../engine/session.ts";
import { faultOf } from "../engine/client.ts";
import { engineStore } from "./engine-state.ts";
import { isInspectorShown, screenStore } from "./screen.ts";
import { viewStore } from "./view.ts";

type Told = { readonly code: string; readonly message: string };
export interface InspectorState {
  readonly key: ShownBarKey | undefined;
  readonly report: BarReport | undefined;
  readonly fault: Told | undefined;
  readonly recompute:
    | { readonly state: "idle" | "running" }
    | { readonly state: "done"; readonly report: RecomputeReport }
    | { readonly state: "failed"; readonly fault: Told };
}

/** A forming bar changes with each trade; its report is read at most this often. */
const REFRESH_MS = 500;
const IDLE = { state: "idle" } as const;

export const inspectorStore = createStore<InspectorState>(() => ({ key: undefined, report: undefined, fault: undefined, recompute: IDLE }));

let shown = "";
let isReading = false;
let timer: ReturnType<typeof setTimeout> | undefined;

/** What decides whether the report is out of date: the bar and its version, the tape, the view's epoch. */
function fingerprint(): { readonly key: ShownBarKey; readonly text: string } | undefined {
  const { selectedOpenMs } = screenStore.getState();
  const { series, bars, gaps, empty } = viewStore.getState();
  if (selectedOpenMs === undefined || series === undefined || !isInspectorShown(screenStore.getState())) return undefined;
  const index = bars.indexOf(selectedOpenMs);
  const version = index === undefined ? "none" : `${bars.columns.revision[index]}/${bars.columns.atSeq[index]}/${bars.columns.tradeCount[index]}/${bars.columns.grade[index]}`;
  const { player, tape } = engineStore.getState();
  const remoteId = tape?.kind === "remote" ? tape.remoteId : undefined;
  const key = { ...series, openMs: selectedOpenMs };
  return { key, text: [series.venue, series.symbol, series.interval, selectedOpenMs, player?.captureId, remoteId, version, gaps.length, empty.length].join("|") };
}

function isSameKey(a: ShownBarKey | undefined, b: ShownBarKey): boolean {
  return a !== undefined && a.openMs === b.openMs && a.interval === b.interval && a.symbol === b.symbol && a.venue === b.venue;
}

async function refresh(): Promise<void> {
  const wanted = fingerprint();
  if (wanted === undefined || wanted.text === shown || isReading) return;
  isReading = true;
  shown = wanted.text;
  if (!isSameKey(inspectorStore.getState().key, wanted.key)) inspectorStore.setState({ key: wanted.key, report: undefined, fault: undefined, recompute: IDLE });
  try {
    const report = await engine().call("bar.inspect", { key: wanted.key });
    if (isSameKey(inspectorStore.getState().key, report.key)) inspectorStore.setState({ report, fault: undefined });
  } catch (error) {
    inspectorStore.setState({ report: undefined, fault: faultOf(error) });
  } finally {
    isReading = false;
    schedule();
  }
}

function schedule(): void {
  const wanted = fingerprint();
  if (screenStore.getState().selectedOpenMs === undefined && inspectorStore.getState().key !== undefined) {
    // Another tape or series was opened: what stands here belongs to the one before.
    shown = "";
    inspectorStore.setState({ key: undefined, report: undefined, fault: undefined, recompute: IDLE });
  }
  if (wanted === undefined || wanted.text === shown) return;
  // A newly chosen bar is read at once; changes of the same bar wait, since a live bar changes with each frame.
  const isNew = !isSameKey(inspectorStore.getState().key, wanted.key);
  if (isNew) void refresh();
  else timer ??= setTimeout(() => {
    timer = undefined;
    void refresh();
  }, REFRESH_MS);
}

export function startInspector(): void {
  screenStore.subscribe(schedule);
  viewStore.subscribe(schedule);
}

export async function recomputeBar(): Promise<void> {
  const { key } = inspectorStore.getState();
  if (key === undefined) return;
  inspectorStore.setState({ recompute: { state: "running" } });
  try {
    const report = await engine().call("bar.recompute", { key });
    if (inspectorStore.getState().key === key) inspectorStore.setState({ recompute: { state: "done", report } });
  } catch (error) {
    if (inspectorStore.getState().key === key) inspectorStore.setState({ recompute: { state: "failed", fault: faultOf(error) } });
  }
}
