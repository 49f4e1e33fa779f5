// What goes wrong with a venue's connections, and how they end by themselves: refusals, stalls, cuts, age, idleness, notices.
import type { Dialect } from "./dialect.ts";
import type { LedgerEntry, SimFault } from "./faults.ts";
import { WireSession, type Opening, type Outlet, type SessionOwner } from "./session.ts";

type SessionFault = Extract<SimFault, { readonly name: "disconnect" | "abrupt-disconnect" | "half-open" | "stall-after-ack" | "refuse-connections" | "retired-endpoint" | "venue-notice" }>;

interface Owner extends SessionOwner {
  readonly nowMs: number;
  readonly sessions: ReadonlySet<WireSession>;
  note(entry: Omit<LedgerEntry, "at" | "venue" | "atMs" | "trueMs">): void;
}

export class SessionFaults {
  /** The old endpoint acknowledges and stays silent. */
  retired = false;
  readonly #owner: Owner;
  readonly #dialect: Dialect;
  readonly #lifeMs: number;
  #opened = 0;
  #refuse = 0;
  #stall = 0;
  /** Connects within the current window, for the venue's own limit. */
  #connects = 0;
  #connectsFromMs = Number.NEGATIVE_INFINITY;

  constructor(owner: Owner, dialect: Dialect, lifeMs: number) {
    this.#owner = owner;
    this.#dialect = dialect;
    this.#lifeMs = lifeMs;
  }

  /** The HTTP status that refuses a connection attempt; undefined: it is welcome. */
  refusal(path: string): number | undefined {
    if (this.#refuse > 0) {
      this.#refuse -= 1;
      this.#owner.note({ what: "refuse-connections", detail: path.slice(0, 200) });
      return 503;
    }
    const { connects } = this.#dialect;
    if (connects === undefined) return undefined;
    if (this.#owner.nowMs - this.#connectsFromMs >= connects.windowMs) {
      this.#connectsFromMs = this.#owner.nowMs;
      this.#connects = 0;
    }
    this.#connects += 1;
    if (this.#connects <= connects.count) return undefined;
    this.#owner.note({ what: "flood", detail: `more than ${connects.count} connections in ${connects.windowMs} ms` });
    return 429;
  }

  open(opening: Opening, outlet: Outlet): WireSession {
    const stalled = this.#stall > 0;
    this.#opened += 1;
    const session = new WireSession({ ...opening, name: `session-${this.#opened}`, openedMs: this.#owner.nowMs, outlet, stalled, owner: this.#owner });
    if (Number.isFinite(this.#lifeMs)) session.closingMs = session.openedMs + this.#lifeMs;
    if (stalled) {
      this.#stall -= 1;
      this.#owner.note({ what: "stall-after-ack", sessions: [session.name], detail: "acknowledges and stays silent" });
    }
    return session;
  }

  /** Ends what is old or idle, after notice where the venue gives any. */
  advance(nowMs: number): void {
    const { closing, idle } = this.#dialect;
    for (const session of this.#owner.sessions) {
      if (session.closingMs !== undefined) {
        if (!session.noticed && closing.noticeMs > 0 && nowMs >= session.closingMs - closing.noticeMs) this.#notice(session);
        if (nowMs >= session.closingMs) {
          this.#owner.note({ what: "session-age", sessions: [session.name], detail: "connection reached the end of its life" });
          session.close(closing.code, closing.reason);
          continue;
        }
      }
      if (idle === undefined || session.halfOpen || nowMs - session.activeMs < idle.afterMs) continue;
      this.#owner.note({ what: "session-idle", sessions: [session.name], detail: `nothing moved for ${idle.afterMs} ms` });
      session.close(idle.code, idle.reason);
    }
  }

  #notice(session: WireSession): void {
    session.noticed = true;
    const text = this.#dialect.notice(session);
    if (text !== undefined) session.answer(text);
  }

  inject(fault: SessionFault): string {
    switch (fault.name) {
      case "disconnect":
      case "abrupt-disconnect":
      case "half-open":
        return this.#hit(fault.name, fault.sessions);
      case "stall-after-ack":
        this.#stall += fault.connections;
        return `the next ${fault.connections} connections will acknowledge and stay silent`;
      case "refuse-connections":
        this.#refuse += fault.connections;
        return `the next ${fault.connections} connections will be refused`;
      case "retired-endpoint":
        this.retired = fault.on;
        return this.#noted("retired-endpoint", `the old endpoint is ${fault.on ? "silent" : "alive again"}`);
      case "venue-notice":
        return this.#announce(fault.seconds);
    }
  }

  #noted(what: SimFault["name"], detail: string): string {
    this.#owner.note({ what, detail });
    return detail;
  }

  #announce(seconds: number): string {
    const closingMs = this.#owner.nowMs + seconds * 1_000;
    const hit = [...this.#owner.sessions];
    for (const session of hit) {
      session.closingMs = Math.min(closingMs, session.closingMs ?? closingMs);
      if (this.#dialect.closing.noticeMs > 0) this.#notice(session);
    }
    const detail = `${hit.length} connections will be closed in ${seconds} s, ${this.#dialect.closing.noticeMs > 0 ? "and were told so" : "without a word before"}`;
    this.#owner.note({ what: "venue-notice", sessions: hit.map(({ name }) => name), detail });
    return `venue-notice: ${detail}`;
  }

  #hit(name: "disconnect" | "abrupt-disconnect" | "half-open", count: number | undefined): string {
    const hit = [...this.#owner.sessions].filter((session) => !session.halfOpen).slice(0, count ?? this.#owner.sessions.size);
    const isAll = hit.length > 0 && hit.length === this.#owner.sessions.size;
    for (const session of hit) {
      if (name === "disconnect") session.close(1001, "going away");
      else if (name === "abrupt-disconnect") session.drop();
      else session.halfOpen = true;
    }
    // All at once and with a close frame: that is how a service restarts.
    if (name === "disconnect" && isAll) this.#dialect.restarted();
    this.#owner.note({ what: name, sessions: hit.map((session) => session.name), detail: `${hit.length} connections` });
    return `${name}: ${hit.length} connections`;
  }
}
