// Owns the query panel's state, which outlives the panel: what is asked of which capture, what runs, and what it answered.
import { createStore } from "zustand/vanilla";
import type { QueryResult, QueryTable } from "../../shared/protocol/query.ts";
import { engine, run } from "../engine/session.ts";
import { faultOf } from "../engine/client.ts";
import type { Sort } from "../grid/sort.ts";
import { engineStore } from "../store/engine-state.ts";
import { firstPlot, type PlotChoice } from "./columns.ts";
import { savedHistory, withQuery } from "./text.ts";

type Told = { readonly code: string; readonly message: string };

export type Tables =
  | { readonly state: "unknown" }
  | { readonly state: "reading" | "read"; readonly captureId: string; readonly tables: readonly QueryTable[] }
  | { readonly state: "failed"; readonly captureId: string; readonly fault: Told };

export type Running =
  | { readonly state: "idle" }
  | { readonly state: "running"; readonly queryId: string; readonly sinceMs: number; readonly isCancelled: boolean }
  | { readonly state: "done"; readonly result: QueryResult; readonly captureId: string }
  | { readonly state: "cancelled" }
  | { readonly state: "failed"; readonly fault: Told };

export interface QueryState {
  /** Undefined: the capture on screen. */
  readonly chosenId: string | undefined;
  readonly sql: string;
  readonly rowsMax: number;
  readonly tables: Tables;
  readonly running: Running;
  readonly sort: Sort | undefined;
  readonly plot: PlotChoice | undefined;
  readonly tab: "rows" | "plot";
  /** Newest first; undefined until it has been read from the settings. */
  readonly history: readonly string[] | undefined;
}

export const ROW_LIMITS = [1_000, 10_000, 100_000] as const;

export const queryStore = createStore<QueryState>(() => ({
  chosenId: undefined, sql: "", rowsMax: 10_000, tables: { state: "unknown" }, running: { state: "idle" }, sort: undefined, plot: undefined, tab: "rows", history: undefined,
}));

/** The capture that is asked: the chosen one while it is there, else the one on screen, else the one being recorded. */
export function queriedId(chosenId: string | undefined): string | undefined {
  const { captures, player, recording } = engineStore.getState();
  const all = captures ?? [];
  return [chosenId, player?.captureId, recording?.captureId].find((id) => id !== undefined && all.some((capture) => capture.captureId === id)) ?? all[0]?.captureId;
}

export async function readTables(captureId: string): Promise<void> {
  const before = queryStore.getState().tables;
  const shown = before.state === "read" && before.captureId === captureId ? before.tables : [];
  queryStore.setState({ tables: { state: "reading", captureId, tables: shown } });
  const isMine = (): boolean => {
    const { tables } = queryStore.getState();
    return tables.state === "reading" && tables.captureId === captureId;
  };
  try {
    const tables = await engine().call("query.tables", { captureId });
    if (isMine()) queryStore.setState({ tables: { state: "read", captureId, tables } });
  } catch (error) {
    if (isMine()) queryStore.setState({ tables: { state: "failed", captureId, fault: faultOf(error) } });
  }
}

export async function readHistory(): Promise<void> {
  if (queryStore.getState().history !== undefined) return;
  try {
    const history = savedHistory(await engine().call("settings.get", {}));
    queryStore.setState((state) => (state.history === undefined ? { history } : {}));
  } catch {
    // Without its settings the panel works all the same; the next opening asks again.
  }
}

function remember(sql: string): void {
  const history = withQuery(queryStore.getState().history ?? [], sql);
  queryStore.setState({ history });
  run("settings.set", { settings: { query: { history } } });
}

export async function runQuery(captureId: string): Promise<void> {
  const { sql, rowsMax, running } = queryStore.getState();
  if (running.state === "running" || sql.trim() === "") return;
  const queryId = crypto.randomUUID();
  queryStore.setState({ running: { state: "running", queryId, sinceMs: performance.now(), isCancelled: false } });
  remember(sql);
  const current = (): Extract<Running, { state: "running" }> | undefined => {
    const now = queryStore.getState().running;
    return now.state === "running" && now.queryId === queryId ? now : undefined;
  };
  try {
    const result = await engine().call("query.run", { queryId, captureId, sql, rowsMax });
    if (current() !== undefined) queryStore.setState(({ plot }) => ({ running: { state: "done", result, captureId }, sort: undefined, plot: keptPlot(plot, result) }));
  } catch (error) {
    const mine = current();
    if (mine !== undefined) queryStore.setState({ running: mine.isCancelled ? { state: "cancelled" } : { state: "failed", fault: faultOf(error) } });
  }
}

/** The same columns keep the plot that a person chose. */
function keptPlot(plot: PlotChoice | undefined, result: QueryResult): PlotChoice | undefined {
  const before = shownColumns;
  const names = result.columns.map(({ name, type }) => `${name}/${type}`).join();
  shownColumns = names;
  return plot !== undefined && before === names ? plot : firstPlot(result.columns);
}
let shownColumns = "";

export function cancelQuery(): void {
  const { running } = queryStore.getState();
  if (running.state !== "running") return;
  queryStore.setState({ running: { ...running, isCancelled: true } });
  run("query.cancel", { queryId: running.queryId });
}
