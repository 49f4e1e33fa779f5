// The venue's patience with one client address: weight per minute, 429, then a ban; and the REST faults that imitate it.
import type { FaultLedger, SimFault } from "./faults.ts";
import type { RestAnswer } from "./binance-rest.ts";

const WINDOW_MS = 60_000;
export const WEIGHT_LIMIT = 2_400;
/** Requests sent in spite of 429 within one window before the address is banned. */
const IGNORED_429_MAX = 10;
const BAN_MS = 120_000;

const TOO_MANY = `{"code":-1003,"msg":"Too many requests; current limit of IP(127.0.0.1) is ${WEIGHT_LIMIT} requests per minute. Please use the websocket for live updates to avoid polling the API."}`;

type RestFault = Extract<SimFault, { readonly name: `rest-${string}` }>;

export class RateLimit {
  readonly #ledger: FaultLedger;
  readonly #limit: number;
  #windowMs = 0;
  #used = 0;
  #ignored = 0;
  #bannedUntilMs = 0;
  #banStatus = 418;
  #counted: { readonly fault: RestFault; left: number }[] = [];

  constructor(ledger: FaultLedger, limit = WEIGHT_LIMIT) {
    this.#ledger = ledger;
    this.#limit = limit;
  }

  inject(fault: RestFault, nowMs: number): void {
    if (fault.name === "rest-418" || fault.name === "rest-403") {
      this.#banStatus = fault.name === "rest-418" ? 418 : 403;
      this.#bannedUntilMs = nowMs + fault.seconds * 1_000;
      this.#ledger.add({ atMs: nowMs, what: fault.name, detail: `banned for ${fault.seconds} s` });
    } else {
      this.#counted.push({ fault, left: fault.count });
    }
  }

  /** Decides before anything is looked up: an answer that ends the matter, "hang", or undefined to go on. */
  before(nowMs: number, path: string): RestAnswer | "hang" | undefined {
    if (nowMs < this.#bannedUntilMs) return this.#banned(nowMs);
    const injected = this.#injected(nowMs, path);
    if (injected !== undefined) return injected;
    this.#roll(nowMs);
    if (this.#used < this.#limit) return undefined;
    this.#ignored += 1;
    if (this.#ignored > IGNORED_429_MAX) {
      this.#banStatus = 418;
      this.#bannedUntilMs = nowMs + BAN_MS;
      return this.#banned(nowMs);
    }
    const retryAfterS = Math.ceil((this.#windowMs + WINDOW_MS - nowMs) / 1_000);
    return { status: 429, headers: { ...this.headers(), "retry-after": String(retryAfterS) }, body: TOO_MANY };
  }

  spend(weight: number): void {
    this.#used += weight;
  }

  headers(): Readonly<Record<string, string>> {
    return { "content-type": "application/json", "x-mbx-used-weight-1m": String(this.#used) };
  }

  #roll(nowMs: number): void {
    const windowMs = Math.floor(nowMs / WINDOW_MS) * WINDOW_MS;
    if (windowMs === this.#windowMs) return;
    this.#windowMs = windowMs;
    this.#used = 0;
    this.#ignored = 0;
  }

  #banned(nowMs: number): RestAnswer {
    const retryAfterS = Math.ceil((this.#bannedUntilMs - nowMs) / 1_000);
    if (this.#banStatus === 403) return { status: 403, headers: { "content-type": "text/html" }, body: "<html><head><title>403 Forbidden</title></head></html>" };
    return {
      status: 418, headers: { ...this.headers(), "retry-after": String(retryAfterS) },
      body: `{"code":-1003,"msg":"Way too many requests; IP(127.0.0.1) banned until ${this.#bannedUntilMs}. Please use the websocket for live updates to avoid bans."}`,
    };
  }

  #injected(nowMs: number, path: string): RestAnswer | "hang" | undefined {
    const first = this.#counted[0];
    if (first === undefined) return undefined;
    first.left -= 1;
    if (first.left <= 0) this.#counted = this.#counted.slice(1);
    this.#ledger.add({ atMs: nowMs, what: first.fault.name, detail: path });
    switch (first.fault.name) {
      case "rest-429":
        return { status: 429, headers: { ...this.headers(), "retry-after": String(first.fault.retryAfterS) }, body: TOO_MANY };
      case "rest-5xx":
        return { status: 503, headers: { "content-type": "application/json" }, body: '{"code":-1000,"msg":"Service unavailable from a restricted location or overloaded."}' };
      case "rest-empty":
        return { status: 200, headers: this.headers(), body: "[]" };
      case "rest-hang":
        return "hang";
      default:
        return undefined;
    }
  }
}
