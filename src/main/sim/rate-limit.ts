// The venue's patience with one client address, by its dialect's rules: budgets per window, refusals, bans; and the REST faults that imitate it.
import type { RateRules, RestAnswer } from "./dialect.ts";
import type { LedgerEntry, SimFault } from "./faults.ts";

type RestFault = Extract<SimFault, { readonly name: `rest-${string}` }>;
type Note = (entry: Pick<LedgerEntry, "what" | "detail">) => void;

interface Window { fromMs: number; used: number; ignored: number }

export class RateLimit {
  readonly #note: Note;
  readonly #rules: RateRules;
  readonly #limit: number | undefined;
  readonly #windows = new Map<string, Window>();
  #bannedUntilMs = 0;
  #banStatus: 418 | 403;
  #counted: { readonly fault: RestFault; left: number }[] = [];

  /** `limit`: in place of the rules' own, of every budget. */
  constructor(note: Note, rules: RateRules, limit: number | undefined) {
    this.#note = note;
    this.#rules = rules;
    this.#limit = limit;
    this.#banStatus = rules.banStatus;
  }

  inject(fault: RestFault, nowMs: number): void {
    if (fault.name === "rest-418" || fault.name === "rest-403") {
      this.#banStatus = fault.name === "rest-418" ? 418 : 403;
      this.#bannedUntilMs = nowMs + fault.seconds * 1_000;
      this.#note({ what: fault.name, detail: `banned for ${fault.seconds} s` });
    } else {
      this.#counted.push({ fault, left: fault.count });
    }
  }

  /** Decides before anything is looked up: an answer that ends the matter, "hang", or undefined to go on. */
  before(nowMs: number, path: string): RestAnswer | "hang" | undefined {
    if (nowMs < this.#bannedUntilMs) return this.#banned(nowMs);
    const injected = this.#injected(nowMs, path);
    if (injected !== undefined) return injected;
    const { window, limit, windowMs } = this.#windowAt(nowMs, path);
    if (window.used < limit) return undefined;
    window.ignored += 1;
    if (window.ignored > this.#rules.ignoredMax) {
      this.#banStatus = this.#rules.banStatus;
      this.#bannedUntilMs = nowMs + this.#rules.banMs;
      return this.#banned(nowMs);
    }
    return this.#headed(this.#rules.tooMany(Math.ceil((window.fromMs + windowMs - nowMs) / 1_000), limit), window.used, limit);
  }

  spend(nowMs: number, path: string, weight: number): void {
    this.#windowAt(nowMs, path).window.used += weight;
  }

  headers(nowMs: number, path: string): Readonly<Record<string, string>> {
    const { window, limit } = this.#windowAt(nowMs, path);
    return this.#rules.headers(window.used, limit);
  }

  #headed(answer: RestAnswer, used: number, limit: number): RestAnswer {
    return { ...answer, headers: { ...this.#rules.headers(used, limit), ...answer.headers } };
  }

  #windowAt(nowMs: number, path: string): { readonly window: Window; readonly limit: number; readonly windowMs: number } {
    const { name, limit, windowMs } = this.#rules.bucket(path);
    const fromMs = Math.floor(nowMs / windowMs) * windowMs;
    let window = this.#windows.get(name);
    if (window === undefined || window.fromMs !== fromMs) {
      window = { fromMs, used: 0, ignored: 0 };
      this.#windows.set(name, window);
    }
    return { window, limit: this.#limit ?? limit, windowMs };
  }

  #banned(nowMs: number): RestAnswer {
    return this.#rules.banned(this.#banStatus, this.#bannedUntilMs, nowMs);
  }

  #injected(nowMs: number, path: string): RestAnswer | "hang" | undefined {
    const first = this.#counted[0];
    if (first === undefined) return undefined;
    first.left -= 1;
    if (first.left <= 0) this.#counted = this.#counted.slice(1);
    this.#note({ what: first.fault.name, detail: path });
    const { window, limit } = this.#windowAt(nowMs, path);
    switch (first.fault.name) {
      case "rest-429":
        return this.#headed(this.#rules.tooMany(first.fault.retryAfterS, limit), window.used, limit);
      case "rest-5xx":
        return this.#rules.unavailable();
      case "rest-empty":
        return this.#headed(this.#rules.empty(path, nowMs), window.used, limit);
      case "rest-hang":
        return "hang";
      default:
        return undefined;
    }
  }
}
