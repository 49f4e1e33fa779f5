// Process entry: SQL over captures. DuckDB may only live here, on a process's main thread; apart from the lake's, so that no compaction blocks a query.
import { constants, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { serveChild } from "../engine/child-process.ts";
import { QueryHost } from "../lake/query-host.ts";
import type { QueryCall } from "../lake/query-messages.ts";
import { NodeClock } from "../net/node-clock.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";

const clock = new NodeClock();
const host = new QueryHost({ disk: new NodeDisk(), scratch: join(tmpdir(), `tapedeck-query-${process.pid}`), monotonicMs: () => clock.monotonicMs() });

// A heavy query gives way to the recorder.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

const child = serveChild<QueryCall, never, never>({
  async onCall(call): Promise<unknown> {
    switch (call.type) {
      case "tables":
        return host.tables(call);
      case "run":
        return host.run(call);
      case "cancel":
        return host.cancel(call.queryId);
      case "close":
        return child.end();
    }
  },
  onNote: () => undefined,
  onEnd: () => host.close(),
});
