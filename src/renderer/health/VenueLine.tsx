// Owns a venue's line over its streams: weight, ban, clock, legs, backfill, and two small curves.
import type { ReactElement } from "react";
import type { LegHealth, VenueHealth } from "../../shared/protocol/health.ts";
import { count, plural } from "../format/numbers.ts";
import { HealthCurve } from "./HealthCurve.tsx";
import { venueCurve } from "./history.ts";
import { clockOffset, countdown, UNKNOWN, weightShare } from "./words.ts";

const WEIGHT_WARN = 0.8;

function Weight({ venue }: { readonly venue: VenueHealth }): ReactElement {
  const share = weightShare(venue);
  const tone = share !== undefined && share >= WEIGHT_WARN ? "tone-warn" : "";
  return (
    <span className="venue-fact" title="REST weight used of the venue's limit per minute">
      <span className="dim">weight</span>
      <progress className={`weight ${tone}`} max={1} value={share ?? 0} aria-label={`REST weight used by ${venue.venue}`} data-known={share !== undefined} />
      <span className={`num ${tone}`}>{share === undefined ? UNKNOWN : `${count(venue.weightUsed ?? 0)}/${count(venue.weightLimit ?? 0)}`}</span>
    </span>
  );
}

function Leg({ leg }: { readonly leg: LegHealth }): ReactElement {
  return (
    <span className="venue-fact" title={`Leg ${leg.leg}, ${leg.connection}: ${leg.open ? "open" : "closed"}, ${plural(leg.messages, "message")}, ${count(leg.missed)} that only the other leg brought`}>
      <span className={leg.open ? "tone-live" : "tone-warn"} aria-hidden="true">{leg.open ? "●" : "○"}</span><b>{leg.leg}</b><span className={`num ${leg.missed > 0 ? "tone-warn" : "dim"}`}>missed {count(leg.missed)}</span>
    </span>
  );
}

export function VenueLine({ venue, streams }: { readonly venue: VenueHealth; readonly streams: number }): ReactElement {
  const { backfill } = venue;
  return (
    <span role="gridcell" className="venue-line" data-testid="health-venue" data-venue={venue.venue}>
      <b>{venue.venue}</b>
      <span className={venue.state === "live" ? "tone-live" : venue.state === "off" ? "dim" : "tone-warn"} title={venue.detail}>{venue.state}</span>
      <span className="dim num">{plural(streams, "stream")}</span>
      {venue.banLeftMs !== undefined && <span className="tone-trouble num" data-testid="health-ban">REST banned, {countdown(venue.banLeftMs)} left</span>}
      <Weight venue={venue} />
      <span className="venue-fact" title="Venue clock minus ours, with its error"><span className="dim">clock</span><span className="num">{clockOffset(venue)}</span></span>
      {venue.legs.map((leg) => <Leg key={leg.leg} leg={leg} />)}
      <span className="venue-fact" title="Gaps: waiting for backfill or in it, filled since the start, could not be filled">
        <span className="dim">backfill</span><span className="num">{count(backfill.waiting)} waiting · {count(backfill.done)} done · <span className={backfill.unresolved > 0 ? "tone-trouble" : ""}>{count(backfill.unresolved)} lost</span></span>
      </span>
      <span className="grow" />
      <span className="dim">rate</span><HealthCurve name={venueCurve(venue.venue)} figure="rate" title={`Messages per second of ${venue.venue}, last minutes`} className="curve-small" />
      <span className="dim">p99</span><HealthCurve name={venueCurve(venue.venue)} figure="latency" title={`Worst p99 venue→here of ${venue.venue}, last minutes`} className="curve-small" />
    </span>
  );
}
