// A collector at a simulated venue in virtual time, with what its log holds of each fold stream compared with the venue's own account.
import type { RawDraft } from "../../shared/raw.ts";
import { type ControlRecord, decodeControl } from "../../shared/control.ts";
import type { Socket, SocketHandlers, WebSocketTransport } from "../net/transport.ts";
import { VirtualClock } from "../net/virtual-clock.ts";
import type { SimulatedVenueId } from "../sim/dialects.ts";
import { MemoryNetwork } from "../sim/memory-transport.ts";
import { SeededRandom } from "../sim/random.ts";
import { idHash } from "../sim/stream.ts";
import { SimulatedVenue } from "../sim/venue.ts";
import type { VenueAdapter } from "./adapter.ts";
import { createBinanceAdapter } from "./binance/adapter.ts";
import { createBybitAdapter } from "./bybit/adapter.ts";
import { type Collector, createCollector } from "./collector.ts";
import type { CollectorSettings } from "./collector-settings.ts";
import { createOkxAdapter } from "./okx/adapter.ts";

export const SIM_START_MS = 1_767_225_600_000;
export const SIMULATED: readonly (readonly [SimulatedVenueId, VenueAdapter])[] = [
  ["binance-usdm", createBinanceAdapter({ venue: "binance-usdm" })],
  ["bybit-linear", createBybitAdapter({ venue: "bybit-linear" })],
  ["okx-swap", createOkxAdapter({ venue: "okx-swap" })],
];

/** Sockets that can be cut from outside: what was under way is lost, and the other side is not asked. */
export class CuttableSockets implements WebSocketTransport {
  readonly sockets: { readonly url: string; readonly sent: string[]; isOpen: boolean; cut(): void }[] = [];
  readonly #inner: WebSocketTransport;

  constructor(inner: WebSocketTransport) {
    this.#inner = inner;
  }

  connect(url: string, handlers: SocketHandlers): Socket {
    let ended = false;
    const end = (close: Parameters<SocketHandlers["closed"]>[0]): void => {
      if (ended) return;
      ended = true;
      one.isOpen = false;
      handlers.closed(close);
    };
    const socket = this.#inner.connect(url, {
      opened: () => { if (!ended) { one.isOpen = true; handlers.opened(); } },
      message: (bytes) => { if (!ended) handlers.message(bytes); },
      closed: end,
    });
    const one = {
      url, sent: [] as string[], isOpen: false,
      cut: () => {
        socket.close();
        end({ code: 1006, cause: "lost", detail: "cut" });
      },
    };
    this.sockets.push(one);
    return { ...bound(socket), send: (text) => { one.sent.push(text); socket.send(text); } };
  }
}

function bound(socket: Socket): Socket {
  return { send: (text) => { socket.send(text); }, close: () => { socket.close(); }, pause: () => { socket.pause(); }, resume: () => { socket.resume(); } };
}

export interface SimulatedRunOptions {
  readonly seed: number;
  readonly messagesPerSecond: number;
  readonly symbols?: readonly string[];
  readonly channels?: readonly string[];
  readonly rotateAfterMs?: number;
  /** Times that a stream may be silent, as a multiple of the adapter's: a market with a message every few seconds is no broken one. */
  readonly patience?: number;
  readonly settings?: Partial<CollectorSettings>;
  /** How often the market moves on, ms; with it, the line has no jitter, so that what was said together comes together. */
  readonly marketTickMs?: number;
}

/** What one fold stream's log holds, kept small: ids once, and how often the same id came twice on one connection. */
interface FoldLog { readonly ids: Set<string>; readonly perConnection: Map<string, Set<string>>; doubled: number; pages: number }

export class SimulatedRun {
  readonly clock = new VirtualClock(SIM_START_MS);
  readonly adapter: VenueAdapter;
  readonly network: MemoryNetwork;
  readonly sockets: CuttableSockets;
  readonly collector: Collector;
  readonly controls: ControlRecord[] = [];
  readonly #folds = new Map<string, FoldLog>();
  messages = 0;

  constructor(venueId: SimulatedVenueId, adapter: VenueAdapter, options: SimulatedRunOptions) {
    const { seed, messagesPerSecond, symbols = ["BTCUSDT"], channels = adapter.defaultChannels, rotateAfterMs, settings, patience = 1 } = options;
    const longer = (limits: Readonly<Record<string, number>>): Record<string, number> => Object.fromEntries(Object.entries(limits).map(([id, ms]) => [id, ms * patience]));
    this.adapter = {
      ...adapter,
      plan: (...input) => adapter.plan(...input).map((plan) => ({
        ...plan, rotateAfterMs: rotateAfterMs ?? plan.rotateAfterMs, firstFrameDeadlineMs: longer(plan.firstFrameDeadlineMs), silenceLimitMs: longer(plan.silenceLimitMs),
      })),
    };
    const venue = new SimulatedVenue({ seed, venue: venueId, startMs: SIM_START_MS, warmMs: 30_000, symbols, messagesPerSecond, historyTrades: 32_768 });
    const { clock } = this;
    this.network = new MemoryNetwork({ venue, clock, timers: clock, random: new SeededRandom(seed + 1), ...(options.marketTickMs === undefined ? {} : { tickMs: options.marketTickMs, jitterMs: 0 }) });
    this.sockets = new CuttableSockets(this.network.webSocket);
    this.network.start();
    this.collector = createCollector({
      adapter: this.adapter, subscriptions: symbols.map((symbol) => ({ venue: adapter.venue, symbol, channels })),
      endpoints: this.network.endpoints, websocket: this.sockets, http: this.network.http, clock, timers: clock, random: new SeededRandom(seed + 2), name: venueId,
      sink: { append: (batch) => { for (const draft of batch) this.#take(draft); return undefined; } },
      ...(settings === undefined ? {} : { settings }),
    });
    this.collector.start();
  }

  #take(draft: RawDraft): void {
    this.messages += 1;
    if (draft.source === "control") {
      const control = decodeControl(draft.payload);
      if (!control.ok) throw new Error(control.fault.message);
      if (control.value.kind !== "tick") this.controls.push(control.value);
      else this.ticks.push({ errorMs: Number(control.value.error_ns) / 1e6, offsetMs: Number(control.value.offset_ns) / 1e6 });
      return;
    }
    if (draft.stream.channel === this.adapter.foldChannel) this.#takeTrades(draft);
  }
  readonly ticks: { readonly errorMs: number; readonly offsetMs: number }[] = [];

  #takeTrades(draft: RawDraft): void {
    const fold = this.fold(draft.stream.symbol);
    if (draft.source === "rest_backfill") fold.pages += 1;
    const outcome = this.adapter.decoder(draft.stream.channel)?.(draft.payload, draft);
    if (outcome?.kind !== "events") throw new Error(`${draft.stream.streamId} does not decode: ${JSON.stringify(outcome)}`);
    const own = fold.perConnection.get(draft.connection) ?? new Set<string>();
    fold.perConnection.set(draft.connection, own);
    for (const event of outcome.events) {
      if (event.kind !== "trade") continue;
      const from = event.sequenceFromId ?? event.sequenceId;
      const ids = from === undefined || event.sequenceId === undefined ? [event.tradeId] : Array.from({ length: event.sequenceId - from + 1 }, (_, index) => String(from + index));
      for (const id of ids) {
        if (own.has(id) && draft.source === "ws") fold.doubled += 1;
        own.add(id);
        fold.ids.add(id);
      }
    }
  }

  fold(symbol: string): FoldLog {
    let fold = this.#folds.get(symbol);
    if (fold === undefined) this.#folds.set(symbol, fold = { ids: new Set(), perConnection: new Map(), doubled: 0, pages: 0 });
    return fold;
  }

  /** What the venue said of the fold stream to anybody, as count, sum and XOR of its ids, and what the log holds. */
  account(symbol: string): { readonly said: readonly number[]; readonly logged: readonly number[] } {
    const stream = [...this.network.venue.streams].find((one) => one.symbol === symbol && one.channel === this.adapter.foldChannel);
    if (stream === undefined) throw new Error(`the simulated venue has no fold stream of ${symbol}`);
    let sum = 0;
    let xor = 0;
    for (const id of this.fold(symbol).ids) {
      sum = (sum + idHash(id)) % 2 ** 48;
      xor ^= idHash(id);
    }
    const { saidIds, saidSum, saidXor } = stream.total;
    return { said: [saidIds, saidSum, saidXor >>> 0], logged: [this.fold(symbol).ids.size, sum, xor >>> 0] };
  }

  control<K extends ControlRecord["kind"]>(kind: K): readonly Extract<ControlRecord, { kind: K }>[] {
    return this.controls.filter((record): record is Extract<ControlRecord, { kind: K }> => record.kind === kind);
  }

  /** The market stops and everything under way arrives; the collector goes on. */
  async quiet(): Promise<void> {
    this.network.stop();
    await this.clock.advance(10_000);
  }

  async stop(): Promise<void> {
    await Promise.all([this.collector.stop(), this.clock.advance(2_000)]);
  }
}
