// From what is to be served to the feed that serves it.
import { unreachable } from "../../../shared/base.ts";
import type { FeedSpec } from "../process-messages.ts";
import { openCaptureFeed } from "./capture-feed.ts";
import { openCsvFeed } from "./csv-feed.ts";
import { openReplayFeed } from "./replay-feed.ts";
import type { FeedDeps, ServedFeed } from "./types.ts";

/** Faults: `log.*`, `bridge.empty-capture`, `bridge.unservable-symbol`, `csv.*`, `disk.*`. Whoever opens it closes it. */
export async function openFeed(spec: FeedSpec, deps: FeedDeps): Promise<ServedFeed> {
  switch (spec.kind) {
    case "capture":
      return openCaptureFeed(spec, deps);
    case "replay":
      return openReplayFeed(spec, deps);
    case "csv":
      return openCsvFeed(spec, deps);
    default:
      return unreachable(spec);
  }
}
