// Owns what a stream's row opens to: its two curves, its full percentiles, and what can be done about it.
import type { ReactElement } from "react";
import type { StreamHealth } from "../../shared/protocol/health.ts";
import { run, showSeries } from "../engine/session.ts";
import { count } from "../format/numbers.ts";
import { utc } from "../format/times.ts";
import { HealthCurve } from "./HealthCurve.tsx";
import { recordInstead } from "./record-instead.ts";
import { known, percentilesInFull } from "./words.ts";

export function StreamDetail({ stream }: { readonly stream: StreamHealth }): ReactElement {
  return (
    <div className="stream-detail" role="gridcell" data-testid="health-detail">
      <div className="stream-curves">
        <span className="dim">messages per second</span><HealthCurve name={stream.streamId} figure="rate" title={`Messages per second of ${stream.streamId}, last minutes`} className="curve-wide" />
        <span className="dim">venue→here p99, ms</span><HealthCurve name={stream.streamId} figure="latency" title={`p99 venue→here of ${stream.streamId}, last minutes`} className="curve-wide" />
      </div>
      <div className="stream-facts">
        <p className="num">{percentilesInFull("Venue→here", stream.exchangeToHere)}</p>
        <p className="num">{percentilesInFull("Here→log", stream.hereToLog)}</p>
        <p className="num dim">{count(stream.messages)} messages · last frame {known(stream.lastFrameMs, utc)} · sealed up to {known(stream.watermarkMs, utc)}</p>
        {stream.detail !== "" && <p>{stream.detail}</p>}
        <div className="row">
          <button type="button" className="small" onClick={() => showSeries({ instrument: { venue: stream.venue, symbol: stream.symbol } })}>Show {stream.symbol}</button>
          {stream.state === "failed_closed" && <button type="button" className="small" onClick={() => run("stream.reopen", { streamId: stream.streamId, reason: "Reopened on the screen" })}>Reopen</button>}
          {stream.renamedTo !== undefined && <button type="button" className="small primary" data-testid="record-instead" onClick={() => void recordInstead(stream)}>Record {stream.renamedTo} instead</button>}
        </div>
      </div>
    </div>
  );
}
