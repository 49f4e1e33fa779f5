// Owns what belongs to this screen alone: theme, selection, open dialogs, bookmarks, layout. Remembered through the engine's settings.
import { z } from "zod";
import { createStore } from "zustand/vanilla";
import { SOURCE_ID } from "../../shared/market.ts";
import { INTERVALS, type Interval } from "../../shared/time.ts";
import { addUndo } from "./toasts.ts";

const interval = z.custom<Interval>((value) => (INTERVALS as readonly unknown[]).includes(value));
const layout = z.record(z.string(), z.number());

const bookmarkSchema = z.object({
  id: z.string(), captureId: z.string(), cursor: z.string(), seq: z.number(), knownMs: z.number(), name: z.string(),
});
export type Bookmark = z.infer<typeof bookmarkSchema>;

const shownRemoteSchema = z.object({
  remoteId: z.string(), series: z.object({ venue: z.string().regex(SOURCE_ID), symbol: z.string(), interval }).optional(),
});
/** A remote that is shown in place of this machine's tape. */
export type RememberedRemote = z.infer<typeof shownRemoteSchema>;

/** Panels under the deck, one at a time. */
export const DOCKS = ["health", "ledger", "query", "faults"] as const;
export type DockName = (typeof DOCKS)[number];

/** What is kept between starts. Every member has a default, so that settings of an older version are still read. */
const rememberedSchema = z.object({
  theme: z.enum(["dark", "light"]).catch("dark"),
  pair: z.enum(["ocean", "ice"]).catch("ocean"),
  interval: interval.catch("1m"),
  instrument: z.object({ venue: z.string().regex(SOURCE_ID), symbol: z.string() }).optional().catch(undefined),
  shownRemote: shownRemoteSchema.optional().catch(undefined),
  /** Where sharing listens; loopback until a person says otherwise. */
  sharePub: z.string().catch("tcp://127.0.0.1:5556"),
  shareRpc: z.string().catch("tcp://127.0.0.1:5557"),
  bookmarks: z.array(bookmarkSchema).catch([]),
  isFirstRunDone: z.boolean().catch(false),
  isInspectorOpen: z.boolean().catch(true),
  columns: layout.catch({}),
  rows: layout.catch({}),
  starred: z.array(z.string()).catch([]),
  dock: z.enum(DOCKS).optional().catch(undefined),
});
export type Remembered = z.infer<typeof rememberedSchema>;

export type DialogName = "palette" | "symbols" | "keys" | "about" | "settings" | "import" | "goto" | "remote" | "share" | "export" | "retention";

export interface ScreenState extends Remembered {
  readonly dialog: DialogName | undefined;
  /** The remote in the dialog; undefined while a new one is added. */
  readonly editedRemoteId: string | undefined;
  /** The capture in the export dialog. */
  readonly exportedId: string | undefined;
  /** The bar in the inspector. */
  readonly selectedOpenMs: number | undefined;
  /** Changes when the layout must be taken from the state again (reset), not on every drag. */
  readonly layoutVersion: number;
  /** The inspector covers the chart instead of standing beside it. */
  readonly isNarrow: boolean;
  /** Whether it does so now. Not remembered: a screen that opens with its chart covered would be a poor start. */
  readonly isOverlayOpen: boolean;
  /** The dock has nearly all of the height. */
  readonly isDockLarge: boolean;
  /** Grows when the dock is opened by a person: the focus then goes into it. */
  readonly dockOpenings: number;
}

export const NARROW_BELOW_PX = 1_360;

export function remembered(settings: unknown): Remembered {
  const parsed = rememberedSchema.safeParse(settings);
  return parsed.success ? parsed.data : rememberedSchema.parse({});
}

export const screenStore = createStore<ScreenState>(() => ({
  ...remembered({}), dialog: undefined, editedRemoteId: undefined, exportedId: undefined, selectedOpenMs: undefined, layoutVersion: 0, isNarrow: false, isOverlayOpen: false,
  isDockLarge: false, dockOpenings: 0,
}));

/** The members to remember, and only these. */
export function toRemember(state: ScreenState): Remembered {
  return rememberedSchema.parse(state);
}

export function openDialog(dialog: DialogName | undefined): void {
  screenStore.setState({ dialog });
}

export function openRemoteDialog(editedRemoteId: string | undefined): void {
  screenStore.setState({ dialog: "remote", editedRemoteId });
}

export function openExport(exportedId: string): void {
  screenStore.setState({ dialog: "export", exportedId });
}

export function openDock(dock: DockName): void {
  screenStore.setState(({ dockOpenings }) => ({ dock, dockOpenings: dockOpenings + 1 }));
}

export function closeDock(): void {
  screenStore.setState({ dock: undefined });
}

export function toggleDock(dock: DockName): void {
  if (screenStore.getState().dock === dock) closeDock();
  else openDock(dock);
}

export function toggleDockSize(): void {
  screenStore.setState(({ isDockLarge }) => ({ isDockLarge: !isDockLarge }));
}

export function toggleTheme(): void {
  screenStore.setState(({ theme }) => ({ theme: theme === "dark" ? "light" : "dark" }));
}

export function togglePair(): void {
  screenStore.setState(({ pair }) => ({ pair: pair === "ocean" ? "ice" : "ocean" }));
}

export function isInspectorShown(state: ScreenState): boolean {
  return state.isNarrow ? state.isOverlayOpen : state.isInspectorOpen;
}

function inspectorShown(state: ScreenState, isShown: boolean): Partial<ScreenState> {
  return state.isNarrow ? { isOverlayOpen: isShown } : { isInspectorOpen: isShown };
}

export function toggleInspector(): void {
  screenStore.setState((state) => inspectorShown(state, !isInspectorShown(state)));
}

export function selectBar(selectedOpenMs: number | undefined): void {
  screenStore.setState((state) => (selectedOpenMs === undefined ? { selectedOpenMs } : { selectedOpenMs, ...inspectorShown(state, true) }));
}

export function toggleStar(instrument: string): void {
  screenStore.setState(({ starred }) => ({
    starred: starred.includes(instrument) ? starred.filter((other) => other !== instrument) : [...starred, instrument],
  }));
}

export function resetLayout(): void {
  const { columns, rows, isInspectorOpen, layoutVersion } = screenStore.getState();
  screenStore.setState({ columns: {}, rows: {}, isInspectorOpen: true, layoutVersion: layoutVersion + 1 });
  addUndo("Layout reset", () => screenStore.setState((now) => ({ columns, rows, isInspectorOpen, layoutVersion: now.layoutVersion + 1 })));
}

export function addBookmark(bookmark: Bookmark): void {
  screenStore.setState(({ bookmarks }) => ({ bookmarks: [...bookmarks.filter((other) => other.id !== bookmark.id), bookmark] }));
}

export function deleteBookmark(id: string): void {
  const before = screenStore.getState().bookmarks;
  const bookmark = before.find((other) => other.id === id);
  if (bookmark === undefined) return;
  screenStore.setState({ bookmarks: before.filter((other) => other.id !== id) });
  addUndo(`Bookmark ${bookmark.name} deleted`, () => addBookmark(bookmark));
}
