// Queries as the engine offers them: in a process that is started with the first and again after a death.
import { access } from "node:fs/promises";
import { join } from "node:path";
import { fault } from "../../shared/base.ts";
import type { QueryResult, QueryTable } from "../../shared/protocol/query.ts";
import type { QueryCall } from "../lake/query-messages.ts";
import { ChildProcess, type SpawnChild } from "./child-process.ts";
import type { CommandHandlers } from "./client-session.ts";

type QueryChild = ChildProcess<QueryCall, never, never>;

export interface QueriesOptions {
  readonly distMain: URL;
  readonly dataFolder: string;
  readonly spawn: SpawnChild | undefined;
}

export class Queries {
  readonly #options: QueriesOptions;
  #child: QueryChild | undefined;
  #closed = false;

  constructor(options: QueriesOptions) {
    this.#options = options;
  }

  /** Reject with `captures.unknown`, `query.*`, `log.*`, `lake.*`, `engine.process-ended`. */
  readonly handlers: Pick<CommandHandlers, "query.tables" | "query.run" | "query.cancel"> = {
    "query.tables": async ({ captureId }) => {
      const captureFolder = await this.#folder(captureId);
      return this.#started().call<readonly QueryTable[]>({ type: "tables", captureId, captureFolder });
    },
    "query.run": async ({ queryId, captureId, sql, rowsMax }) => {
      const captureFolder = await this.#folder(captureId);
      return this.#started().call<QueryResult>({ type: "run", queryId, captureId, captureFolder, sql, rowsMax });
    },
    "query.cancel": async ({ queryId }) => {
      await this.#child?.call<undefined>({ type: "cancel", queryId });
    },
  };

  async #folder(captureId: string): Promise<string> {
    const folder = join(this.#options.dataFolder, "captures", captureId);
    if (await access(folder).then(() => true, () => false)) return folder;
    throw fault("captures.unknown", `There is no capture ${captureId} in this data folder`);
  }

  #started(): QueryChild {
    if (this.#closed) throw fault("query.cancelled", "Tapedeck is closing");
    if (this.#child === undefined) {
      const { distMain, spawn } = this.#options;
      this.#child = new ChildProcess<QueryCall, never, never>({
        entry: new URL("./processes/query.js", distMain), name: "query", ...(spawn === undefined ? {} : { spawn }),
        onNote: () => undefined,
        // Its calls reject with the same fault; the next call starts another.
        onDeath: () => { this.#child = undefined; },
      });
    }
    return this.#child;
  }

  /** Cancels what runs. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    const child = this.#child;
    this.#child = undefined;
    await child?.close({ type: "close" });
  }
}
