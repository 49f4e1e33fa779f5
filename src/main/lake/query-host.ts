// The query process's inside: one session per capture that is asked about, the latest one kept open; queries by the names their callers gave them.
import { join } from "node:path";
import { fault } from "../../shared/base.ts";
import type { QueryResult, QueryTable } from "../../shared/protocol/query.ts";
import type { Disk } from "../rawlog/types.ts";
import type { QueryCall } from "./query-messages.ts";
import { QuerySession } from "./query-session.ts";

/** Queries that run at once: each holds a core. */
const RUNNING_MAX = 4;

export interface QueryHostOptions {
  readonly disk: Disk;
  /** A folder of this process's own. */
  readonly scratch: string;
  readonly monotonicMs: () => number;
}

interface Kept { readonly captureFolder: string; readonly session: Promise<QuerySession> }

export class QueryHost {
  readonly #options: QueryHostOptions;
  readonly #running = new Map<string, AbortController>();
  #kept: Kept | undefined;
  #number = 0;
  readonly #closing: Promise<void>[] = [];

  constructor(options: QueryHostOptions) {
    this.#options = options;
  }

  async tables({ captureId, captureFolder }: Extract<QueryCall, { type: "tables" }>): Promise<readonly QueryTable[]> {
    return (await this.#session(captureId, captureFolder)).tables();
  }

  /** Rejects with `query.*`, `log.*`, `lake.*`. */
  async run({ queryId, captureId, captureFolder, sql, rowsMax }: Extract<QueryCall, { type: "run" }>): Promise<QueryResult> {
    if (this.#running.has(queryId)) throw fault("query.busy", `A query ${queryId} is running already`);
    if (this.#running.size >= RUNNING_MAX) throw fault("query.busy", `${RUNNING_MAX} queries are running: cancel one, or wait`);
    const cancel = new AbortController();
    this.#running.set(queryId, cancel);
    try {
      const session = await this.#session(captureId, captureFolder);
      return await session.run({ sql, rowsMax, signal: cancel.signal });
    } finally {
      this.#running.delete(queryId);
    }
  }

  cancel(queryId: string): void {
    this.#running.get(queryId)?.abort();
  }

  /** Another capture's session takes the place of the one before, which ends when its queries have. */
  async #session(captureId: string, captureFolder: string): Promise<QuerySession> {
    if (this.#kept?.captureFolder !== captureFolder) {
      this.#retire();
      this.#number += 1;
      const { disk, scratch, monotonicMs } = this.#options;
      this.#kept = { captureFolder, session: QuerySession.open({ disk, captureId, captureFolder, scratch: join(scratch, String(this.#number)), monotonicMs }) };
    }
    const kept = this.#kept;
    try {
      return await kept.session;
    } catch (error) {
      if (this.#kept === kept) this.#kept = undefined;
      throw error;
    }
  }

  #retire(): void {
    const before = this.#kept;
    this.#kept = undefined;
    if (before !== undefined) this.#closing.push(before.session.then((session) => session.close(), () => undefined));
  }

  /** Cancels what runs and waits for it: a native query must not outlive its process's end. */
  async close(): Promise<void> {
    for (const cancel of this.#running.values()) cancel.abort();
    this.#retire();
    await Promise.all(this.#closing);
  }
}
