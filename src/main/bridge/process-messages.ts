// What the main process and the bridge's two child processes say to each other. Structured clone: bigints and typed arrays pass.
import type { Fault } from "../../shared/base.ts";
import type { FormingBar, ShownBarKey } from "../../shared/candles.ts";
import type { BarReport, EngineFrame } from "../../shared/protocol/frames.ts";
import type { Interval } from "../../shared/time.ts";
import type { StreamInfo } from "./wire/messages.ts";
import type { Retention, ServerStatus } from "./server/types.ts";
import type { RemoteClientStatus } from "./client/types.ts";
import type { BridgeMode, History, StreamKey } from "./model.ts";

// ── Server process ───────────────────────────────────────────────────────────

/** What is served. `held`: nothing is told before the note `begin`. */
export type FeedSpec =
  /** The capture that this program records; notes `derived` and `forming` keep it going. */
  | { readonly kind: "capture"; readonly captureFolder: string; readonly captureId: string; readonly simulated: boolean; readonly configDigest: string }
  /** A capture told again by its own clock. `speed` 0 = as fast as possible. */
  | { readonly kind: "replay"; readonly captureFolder: string; readonly captureId: string; readonly speed: number; readonly runId: string; readonly held: boolean }
  /** Bars of a CSV file (docs/bridge/CSV.md), `rowsPerSecond` 0 = as fast as possible. */
  | { readonly kind: "csv"; readonly file: string; readonly sourceId: string; readonly rowsPerSecond: number; readonly held: boolean };

/** CURVE keys as Z85 text. The server's secret and who may come in; undefined = plain, loopback only. */
export interface ServerSecurity {
  readonly publicKey: string;
  readonly secretKey: string;
  readonly trusted: readonly string[];
}

export interface ServeOptions {
  readonly feed: FeedSpec;
  /** `<data>/bridge`: one folder per history inside. */
  readonly folder: string;
  /** `tcp://127.0.0.1:5556`; port * = any free one. */
  readonly pub: string;
  readonly rpc: string;
  readonly security: ServerSecurity | undefined;
  readonly retention: Retention;
  readonly version: string;
  readonly heartbeatMs: number;
  readonly formingMs: number;
}

export interface Bound { readonly pub: string; readonly rpc: string; readonly history: History }

export type ServerProcessCall =
  | { readonly type: "serve"; readonly options: ServeOptions } // → Bound
  | { readonly type: "status" } // → ServerStatus
  /** Who may come in from here on (Z85). When somebody no longer may, all connections are cut, and the rest come back by themselves. */
  | { readonly type: "trust"; readonly trusted: readonly string[] }
  | { readonly type: "close" };
export type ServerProcessNoteIn =
  /** The deriver's journals hold everything up to this raw seq. */
  | { readonly type: "derived"; readonly position: number }
  | { readonly type: "forming"; readonly bars: readonly FormingBar[] }
  /** The recording ended: no more will come. */
  | { readonly type: "ended" }
  /** Of a feed that is `held`: somebody is there, let it begin. */
  | { readonly type: "begin" };
export type ServerProcessNote =
  | { readonly type: "status"; readonly status: ServerStatus }
  | { readonly type: "fed" }
  | { readonly type: "problem"; readonly problem: Fault };

// ── Client process ───────────────────────────────────────────────────────────

export interface RemoteEndpoint {
  /** Settings id: stable, names the cache. */
  readonly remoteId: string;
  readonly rpc: string;
  /** Undefined: asked of the server (HealthResponse.pub_port on the same host). */
  readonly pub: string | undefined;
  /** CURVE: the server's public key, and this client's own pair; undefined = plain. */
  readonly security: { readonly serverKey: string; readonly publicKey: string; readonly secretKey: string } | undefined;
}

export interface RemoteView {
  readonly key: StreamKey;
  readonly bars: number;
  readonly untilOpenMs: number | undefined;
}

export type ClientProcessCall =
  /** `warm`: what will be asked for first; reading it once makes the second time ten times as fast. */
  | { readonly type: "open_cache"; readonly file: string; readonly warm?: { readonly remoteId: string; readonly view: RemoteView } | undefined }
  /** `name`: as people know it. Connecting again (elsewhere) lets go of the connection there was. */
  | { readonly type: "connect"; readonly endpoint: RemoteEndpoint; readonly name: string }
  | { readonly type: "disconnect"; readonly remoteId: string }
  /** Tries an endpoint without touching cache or settings. → ProbeReport */
  | { readonly type: "probe"; readonly endpoint: RemoteEndpoint; readonly timeoutMs: number }
  | { readonly type: "watch"; readonly remoteId: string; readonly keys: readonly StreamKey[] }
  | { readonly type: "resync"; readonly remoteId: string; readonly key: StreamKey | undefined }
  /** One tape per screen: what its frames show. */
  | { readonly type: "tape_open"; readonly tapeId: number; readonly remoteId: string; readonly view: RemoteView }
  | { readonly type: "tape_view"; readonly tapeId: number; readonly view: RemoteView }
  /** → Partial<EngineFrame> with view, quote, epoch, newestRecvMs */
  | { readonly type: "tape_take"; readonly tapeId: number }
  | { readonly type: "tape_inspect"; readonly tapeId: number; readonly key: ShownBarKey; readonly revision: number | undefined } // → BarReport
  | { readonly type: "tape_close"; readonly tapeId: number }
  | { readonly type: "close" };
export type ClientProcessNote =
  | { readonly type: "tape_dirty"; readonly tapeId: number }
  | { readonly type: "remotes"; readonly remotes: readonly RemoteReport[] }
  | { readonly type: "problem"; readonly problem: Fault };

export interface RemoteReport {
  readonly remoteId: string;
  readonly status: RemoteClientStatus;
  readonly offered: readonly StreamInfo[];
}
export interface ProbeReport {
  readonly serverVersion: string;
  readonly mode: BridgeMode;
  readonly roundTripMs: number;
  readonly streams: readonly { readonly sourceId: string; readonly symbol: string; readonly interval: Interval; readonly latestSequence: number }[];
  readonly clockOffsetMs: number;
}

export type TapeFrame = Partial<EngineFrame>;
export type TapeInspection = BarReport;
