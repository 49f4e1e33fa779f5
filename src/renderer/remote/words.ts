// Owns how a remote's state reads: a word, a shape and one sentence each, so that no state is told by colour alone. Pure.
import type { RemoteSeriesStatus, RemoteState, RemoteStatus } from "../../shared/protocol/frames.ts";
import { count, plural } from "../format/numbers.ts";
import type { ShownSeries } from "../store/view.ts";

interface Shown { readonly glyph: string; readonly tone: "live" | "dim" | "warn" | "trouble"; readonly words: string }

export const REMOTE_STATES: Readonly<Record<RemoteState, Shown>> = {
  off: { glyph: "○", tone: "dim", words: "not connected" },
  connecting: { glyph: "◔", tone: "dim", words: "connecting" },
  connected: { glyph: "◉", tone: "live", words: "connected" },
  warming: { glyph: "◕", tone: "dim", words: "warming" },
  live: { glyph: "●", tone: "live", words: "live" },
  stale: { glyph: "◐", tone: "warn", words: "stale" },
  reconnecting: { glyph: "↻", tone: "warn", words: "reconnecting" },
  resyncing: { glyph: "⟲", tone: "warn", words: "resyncing" },
  refused: { glyph: "✕", tone: "trouble", words: "refused" },
};

/** The state's word. Of a replay or a simulation "live" would be a lie: what is up to date there is no present of a market. */
export function stateWords(state: RemoteState, mode: RemoteStatus["mode"]): string {
  return state === "live" && mode !== "live" ? "up to date" : REMOTE_STATES[state].words;
}

export const REMOTE_MODE_WORDS: Readonly<Record<NonNullable<RemoteStatus["mode"]>, string>> = { live: "LIVE", replay: "REPLAY", simulated: "SIMULATED" };

export function seriesOf(remote: RemoteStatus | undefined, series: ShownSeries | undefined): RemoteSeriesStatus | undefined {
  if (series === undefined) return undefined;
  return remote?.series.find((one) => one.venue === series.venue && one.symbol === series.symbol && one.interval === series.interval);
}

/** Without a connection every series is as the connection is; with one, each has a state of its own. */
const OF_CONNECTION: readonly RemoteState[] = ["off", "connecting", "reconnecting", "refused"];

export interface RemoteStanding {
  readonly state: RemoteState;
  readonly detail: string;
}

/** What is true of the series on screen. A remote that is no longer known is off. */
export function standingOf(remote: RemoteStatus | undefined, series: RemoteSeriesStatus | undefined): RemoteStanding {
  if (remote === undefined) return { state: "off", detail: "it was removed here" };
  if (series === undefined || OF_CONNECTION.includes(remote.state)) return { state: remote.state, detail: remote.detail };
  return { state: series.state, detail: series.detail };
}

/** Bars on screen may be behind what the server has: drawn in grey, so that nobody takes them for the present. */
export function isBehind(state: RemoteState): boolean {
  return state !== "live" && state !== "warming" && state !== "connected";
}

function because(detail: string): string {
  return detail === "" ? "" : ` · ${detail}`;
}

/** The line over the chart; undefined while all is well. */
export function bannerOf(name: string, remote: RemoteStatus | undefined, series: RemoteSeriesStatus | undefined): string | undefined {
  const { state, detail } = standingOf(remote, series);
  const attempts = remote?.attempts ?? 0;
  switch (state) {
    case "live":
    case "connected":
      return undefined;
    case "warming": {
      const [applied, latest] = [series?.appliedSequence ?? 0, series?.latestSequence ?? 0];
      return applied < latest ? `Warming up from ${name}: ${count(applied)} of ${count(latest)}${because(detail)}` : undefined;
    }
    case "connecting":
      return `Connecting to ${name}${attempts > 1 ? `: attempt ${count(attempts)}` : ""}${because(detail)}`;
    case "reconnecting":
      return `Reconnecting to ${name}${attempts > 0 ? `: attempt ${count(attempts)}` : ""}${because(detail)}`;
    case "stale":
      return `Nothing comes from ${name}${because(detail)}`;
    case "resyncing":
      return `Resyncing with ${name}${because(detail)}`;
    case "refused":
      return `${name} refuses the connection${because(detail)}`;
    case "off":
      return `Not connected to ${name}: these bars are the last that came${because(detail)}`;
  }
}

const HOLE_REASONS: Readonly<Record<string, string>> = {
  RETENTION_EXCEEDED: "older than the server keeps", server_history: "missing in the server's own history", OTHER_HISTORY: "of another history of the server",
};

export function whyHole(why: string): string {
  return HOLE_REASONS[why] ?? why.replaceAll("_", " ").toLowerCase();
}

/** One sentence about all holes of a series, for a tooltip. */
export function explainHoles(holes: RemoteSeriesStatus["holes"]): string {
  if (holes.length === 0) return "Every sequence up to the applied one is here";
  const lines = holes.slice(0, 5).map(({ fromSequence, toSequence, why }) => `${count(fromSequence)}–${count(toSequence)}: ${whyHole(why)}`);
  const rest = holes.length > 5 ? `\nand ${plural(holes.length - 5, "more hole")}` : "";
  return `Sequences that can no longer be had:\n${lines.join("\n")}${rest}`;
}

/** Sequences in all holes: what a person compares, not how many ranges they fall into. */
export function missingIn(holes: RemoteSeriesStatus["holes"]): number {
  return holes.reduce((sum, hole) => sum + hole.toSequence - hole.fromSequence + 1, 0);
}
