// Owns the last minutes of the bridge's figures, for the small curves: lag of watched series, lag and rate of served ones.
import { createStore } from "zustand/vanilla";
import type { EngineFrame } from "../../shared/protocol/frames.ts";

/** One sample per status report (some a second): about half a minute, as wide as the curve has pixels. */
export const SAMPLES_MAX = 64;

export type Samples = readonly (number | undefined)[];
export interface BridgeHistory { readonly curves: ReadonlyMap<string, Samples> }

export const bridgeHistory = createStore<BridgeHistory>(() => ({ curves: new Map() }));

interface Named { readonly venue: string; readonly symbol: string; readonly interval: string }
export function remoteCurve(remoteId: string, { venue, symbol, interval }: Named): string {
  return `remote/${remoteId}/${venue}.${symbol}.${interval}`;
}
export function shareCurve({ venue, symbol, interval }: Named): string {
  return `share/${venue}.${symbol}.${interval}`;
}

/** Adds one sample to each named curve. Curves of a kind that are no longer told of are dropped. */
export function extended(curves: BridgeHistory["curves"], kind: "remote" | "share", samples: readonly (readonly [string, number | undefined])[]): BridgeHistory["curves"] {
  const others = [...curves].filter(([name]) => !name.startsWith(`${kind}/`));
  const grown = samples.map(([name, value]) => [name, [...(curves.get(name) ?? []), value].slice(-SAMPLES_MAX)] as const);
  return new Map<string, Samples>([...others, ...grown]);
}

export function noteBridge(frame: EngineFrame): void {
  const { remotes, share } = frame;
  if (remotes !== undefined) {
    const samples = remotes.flatMap((remote) => remote.series.map((series) => [remoteCurve(remote.remoteId, series), series.lagMs] as const));
    if (samples.length > 0) bridgeHistory.setState(({ curves }) => ({ curves: extended(curves, "remote", samples) }));
  }
  if (share !== undefined && share.streams.length > 0) {
    const samples = share.streams.map((stream) => [shareCurve(stream), stream.lagMs] as const);
    bridgeHistory.setState(({ curves }) => ({ curves: extended(curves, "share", samples) }));
  }
}
