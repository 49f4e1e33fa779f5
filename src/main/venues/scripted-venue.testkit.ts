// A venue in memory for the collector's tests: scripted sockets and HTTP on the virtual clock, and a sink that can run out of credit.
import type { Result } from "../../shared/base.ts";
import { type ControlRecord, decodeControl } from "../../shared/control.ts";
import type { RawDraft } from "../../shared/raw.ts";
import type { HttpOptions, HttpResponse, HttpTransport, Socket, SocketClose, SocketHandlers, WebSocketTransport } from "../net/transport.ts";
import { VirtualClock } from "../net/virtual-clock.ts";
import { type Collector, type CollectorOptions, createCollector } from "./collector.ts";
import type { CollectorSink } from "./outbox.ts";
import { createBinanceAdapter } from "./binance/adapter.ts";

export const START_MS = 1_750_000_000_000;
const encoder = new TextEncoder();

export class ScriptedSocket implements Socket {
  readonly url: string;
  readonly sent: string[] = [];
  isPaused = false;
  isOpen = false;
  hasEnded = false;
  /** A half-open socket: our close is the only thing that ends it. */
  readonly #handlers: SocketHandlers;
  readonly #clock: VirtualClock;
  /** What waits while reading is paused, as TCP would hold it. */
  #held: (string | Uint8Array)[] = [];
  onSend: (text: string) => void = () => undefined;

  constructor(url: string, handlers: SocketHandlers, clock: VirtualClock) {
    this.url = url;
    this.#handlers = handlers;
    this.#clock = clock;
  }

  open(): void {
    if (this.hasEnded) return;
    this.isOpen = true;
    this.#handlers.opened();
  }
  say(message: string | Uint8Array): void {
    if (!this.isOpen || this.hasEnded) return;
    if (this.isPaused) this.#held.push(message);
    else this.#handlers.message(typeof message === "string" ? encoder.encode(message) : message);
  }
  end(close: Partial<SocketClose> = {}): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.#handlers.closed({ code: 1006, cause: "lost", detail: "", ...close });
  }
  send(text: string): void {
    this.sent.push(text);
    this.#clock.after(1, () => {
      this.onSend(text);
    });
  }
  close(): void {
    this.#clock.after(1, () => {
      this.end({ code: 1000, cause: "local" });
    });
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
    for (const message of this.#held.splice(0)) this.say(message);
  }
}

const INSTRUMENT_PATHS = ["/fapi/v1/exchangeInfo", "/v5/market/instruments-info", "/api/v5/public/instruments"];

interface ScriptedAnswer { readonly status: number; readonly headers?: Record<string, string>; readonly body: string }

function serverTime(path: string, ms: number): ScriptedAnswer | undefined {
  switch (path) {
    case "/fapi/v1/time": return { status: 200, body: `{"serverTime":${ms}}` };
    case "/v5/market/time": return { status: 200, body: `{"retCode":0,"result":{"timeSecond":"${Math.floor(ms / 1_000)}","timeNano":"${ms}000000"}}` };
    case "/api/v5/public/time": return { status: 200, body: `{"code":"0","msg":"","data":[{"ts":"${ms}"}]}` };
    default: return undefined;
  }
}

function instruments(path: string, listed: readonly string[]): ScriptedAnswer | undefined {
  const base = (symbol: string): string => symbol.replace(/USDT$/, "");
  const filters = [{ filterType: "PRICE_FILTER", tickSize: "0.1" }, { filterType: "LOT_SIZE", stepSize: "0.001" }];
  switch (path) {
    case "/fapi/v1/exchangeInfo":
      return { status: 200, body: JSON.stringify({ symbols: listed.map((symbol) => ({ symbol, status: "TRADING", baseAsset: base(symbol), quoteAsset: "USDT", filters })) }) };
    case "/v5/market/instruments-info":
      return { status: 200, body: JSON.stringify({ retCode: 0, result: { list: listed.map((symbol) => ({ symbol, status: "Trading", baseCoin: base(symbol), quoteCoin: "USDT", priceFilter: { tickSize: "0.1" }, lotSizeFilter: { qtyStep: "0.001" } })) } }) };
    case "/api/v5/public/instruments":
      return { status: 200, body: JSON.stringify({ code: "0", data: listed.map((symbol) => ({
        instId: `${base(symbol)}-USDT-SWAP`, state: "live", tickSz: "0.1", lotSz: "0.1", baseCcy: "", quoteCcy: "", settleCcy: "USDT", ctVal: "0.01", ctMult: "1", ctValCcy: base(symbol),
      })) }) };
    default: return undefined;
  }
}

export class ScriptedVenue implements WebSocketTransport, HttpTransport, CollectorSink {
  readonly clock = new VirtualClock(START_MS);
  readonly sockets: ScriptedSocket[] = [];
  readonly requests: string[] = [];
  readonly drafts: RawDraft[] = [];
  /** What a new socket does; by default it opens after 10 ms. */
  onConnect: (socket: ScriptedSocket) => void = (socket) => {
    this.clock.after(10, () => {
      socket.open();
    });
  };
  answer: (path: string) => ScriptedAnswer | undefined = () => undefined;
  /** What the list of instruments holds. */
  listed: readonly string[] = ["BTCUSDT", "ETHUSDT", "MATICUSDT", "NOUSDT", "GONEUSDT"];
  httpMs = 4;
  offsetMs = 0;
  /** Set to make the next append wait for credit. */
  starve = false;
  giveCredit: () => void = () => undefined;

  connect(url: string, handlers: SocketHandlers): Socket {
    const socket = new ScriptedSocket(url, handlers, this.clock);
    this.sockets.push(socket);
    this.onConnect(socket);
    return socket;
  }

  get(url: string, options: HttpOptions): Promise<Result<HttpResponse>> {
    const { pathname, search } = new URL(url);
    const path = pathname + search;
    const serverMs = START_MS + Math.floor(this.clock.monotonicMs() + this.httpMs / 2 + this.offsetMs);
    const answer = serverTime(pathname, serverMs) ?? instruments(pathname, this.listed) ?? this.answer(path);
    if (!INSTRUMENT_PATHS.includes(pathname)) this.requests.push(path);
    return new Promise((resolve) => {
      const cancelled = (): void => {
        resolve({ ok: false, fault: { code: "net.cancelled", message: "cancelled" } });
      };
      if (options.signal?.aborted === true) cancelled();
      options.signal?.addEventListener("abort", cancelled);
      this.clock.after(answer === undefined ? options.timeoutMs : this.httpMs, () => {
        options.signal?.removeEventListener("abort", cancelled);
        if (answer === undefined) resolve({ ok: false, fault: { code: "net.timeout", message: `GET ${path}: timeout` } });
        else resolve({ ok: true, value: { status: answer.status, headers: answer.headers ?? {}, body: encoder.encode(answer.body) } });
      });
    });
  }

  append(drafts: readonly RawDraft[]): Promise<void> | undefined {
    this.drafts.push(...drafts);
    if (!this.starve) return undefined;
    return new Promise((resolve) => {
      this.giveCredit = resolve;
    });
  }

  collector(options: Partial<CollectorOptions> = {}): Collector {
    return createCollector({
      adapter: createBinanceAdapter({ venue: "sim" }), subscriptions: [{ venue: "sim", symbol: "BTCUSDT", channels: ["aggTrade"] }],
      endpoints: { ws_public: "wss://sim/public/stream", ws_market: "wss://sim/market/stream", rest: "https://sim" },
      websocket: this, http: this, clock: this.clock, timers: this.clock, random: { next: () => 0.5 }, sink: this, name: "sim", ...options,
    });
  }

  /** The newest socket that has not ended. */
  get socket(): ScriptedSocket {
    const socket = this.sockets.findLast(({ hasEnded }) => !hasEnded);
    if (socket === undefined) throw new Error("no socket is open");
    return socket;
  }

  /** Answers subscriptions as the venue does. */
  acknowledge(socket: ScriptedSocket, accept: (streams: readonly string[]) => boolean = () => true): void {
    socket.onSend = (text) => {
      const { id, params } = JSON.parse(text) as { id: number; params: string[] };
      socket.say(accept(params) ? `{"result":null,"id":${id}}` : `{"error":{"code":2,"msg":"Invalid request: unknown stream"},"id":${id}}`);
    };
  }

  controls(): readonly ControlRecord[] {
    return this.drafts.filter(({ source }) => source === "control").map(({ payload }) => {
      const decoded = decodeControl(payload);
      if (!decoded.ok) throw new Error(decoded.fault.message);
      return decoded.value;
    });
  }
  control<K extends ControlRecord["kind"]>(kind: K): readonly Extract<ControlRecord, { kind: K }>[] {
    return this.controls().filter((record): record is Extract<ControlRecord, { kind: K }> => record.kind === kind);
  }
  /** Kinds of control records in order, ticks left out. */
  story(): readonly string[] {
    return this.controls().filter(({ kind }) => kind !== "tick").map((record) => (record.kind === "disconnect" || record.kind === "stale" ? `${record.kind}:${record.cause}` : record.kind));
  }
  frames(channel: string): readonly RawDraft[] {
    return this.drafts.filter(({ stream, source }) => stream.channel === channel && source === "ws");
  }
  polled(channel: string): readonly RawDraft[] {
    return this.drafts.filter(({ stream, source }) => stream.channel === channel && source === "rest_poll");
  }
}

export function aggTrade(a: number, ms: number, symbol = "BTCUSDT"): string {
  return `{"stream":"${symbol.toLowerCase()}@aggTrade","data":{"e":"aggTrade","E":${ms},"a":${a},"s":"${symbol}","p":"100.5","q":"0.1","f":${a * 2},"l":${a * 2 + 1},"T":${ms},"m":true}}`;
}
export function bookTicker(u: number, bid: string, ms: number): string {
  return `{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":${u},"s":"BTCUSDT","b":"${bid}","B":"1","a":"200","A":"1","T":${ms},"E":${ms}}}`;
}
export function restPage(fromId: number, toId: number, ms: number): string {
  const rows = Array.from({ length: Math.max(0, toId - fromId + 1) }, (_, index) => ({ a: fromId + index, p: "100.5", q: "0.1", f: (fromId + index) * 2, l: (fromId + index) * 2 + 1, T: ms, m: true }));
  return JSON.stringify(rows);
}
