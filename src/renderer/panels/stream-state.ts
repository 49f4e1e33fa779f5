// Owns how the states of streams and sources look and read: a shape each, so that no state is told by colour alone. Pure.
import type { SourceStatus, StreamState } from "../../shared/protocol/frames.ts";

interface Shown { readonly glyph: string; readonly tone: "live" | "dim" | "warn" | "trouble"; readonly words: string }

export const STREAM_STATES: Readonly<Record<StreamState, Shown>> = {
  connecting: { glyph: "◔", tone: "dim", words: "connecting" },
  acknowledged: { glyph: "◑", tone: "dim", words: "acknowledged, no data yet" },
  live: { glyph: "●", tone: "live", words: "live" },
  stale: { glyph: "◐", tone: "warn", words: "stale" },
  gap: { glyph: "◍", tone: "warn", words: "gap" },
  failed_closed: { glyph: "■", tone: "trouble", words: "failed closed" },
  dead_symbol: { glyph: "✕", tone: "trouble", words: "dead symbol" },
  rejected: { glyph: "✕", tone: "trouble", words: "rejected by the venue" },
  down: { glyph: "○", tone: "warn", words: "down" },
};

export const SOURCE_STATES: Readonly<Record<SourceStatus["state"], Shown>> = {
  off: { glyph: "○", tone: "dim", words: "off" },
  connecting: { glyph: "◔", tone: "dim", words: "connecting" },
  live: { glyph: "●", tone: "live", words: "live" },
  degraded: { glyph: "◐", tone: "warn", words: "degraded" },
  down: { glyph: "○", tone: "warn", words: "down" },
  banned: { glyph: "✕", tone: "trouble", words: "banned by the venue" },
};
