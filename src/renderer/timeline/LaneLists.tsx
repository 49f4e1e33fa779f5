// Owns the lanes as text: what the canvas shows, for screen readers and tests.
import type { ReactElement } from "react";
import { useStore } from "zustand";
import { gradeAt } from "../store/bars.ts";
import { viewStore, type ViewState } from "../store/view.ts";
import { explainEvent, explainGap, explainRevision } from "./explain.ts";
import { intervalMsOf } from "./layout.ts";

/** Newest entries in each list: a page of text, not the whole tape. */
const LISTED_MAX = 50;
const newest = <T,>(items: readonly T[]): readonly T[] => items.slice(-LISTED_MAX);

function gradeCounts(view: ViewState): string {
  const counts = new Map<string, number>();
  for (let index = 0; index < view.bars.length; index += 1) {
    const grade = gradeAt(view.bars.columns, index) ?? "not graded";
    counts.set(grade, (counts.get(grade) ?? 0) + 1);
  }
  return [...counts].map(([grade, bars]) => `${grade} ${bars}`).join(", ");
}

export function LaneLists(): ReactElement {
  const gaps = useStore(viewStore, (view) => view.gaps);
  const revisions = useStore(viewStore, (view) => view.revisions);
  const events = useStore(viewStore, (view) => view.events);
  // A string, so that a new trade in the same bar does not render again.
  const grades = useStore(viewStore, gradeCounts);
  const intervalMs = useStore(viewStore, intervalMsOf) ?? 60_000;
  return (
    <div className="for-readers">
      <p data-testid="lane-coverage">Coverage: {grades}</p>
      <ul data-testid="lane-gaps" aria-label="Gaps">
        {newest(gaps).map((gap) => <li key={gap.gapId} data-gap={gap.gapId} data-state={gap.state}>{explainGap(gap)}</li>)}
      </ul>
      <ul data-testid="lane-revisions" aria-label="Revised bars">
        {newest(revisions).map((mark) => <li key={`${mark.openMs}/${mark.revision}`} data-open-ms={mark.openMs}>{explainRevision(mark, intervalMs)}</li>)}
      </ul>
      <ul data-testid="lane-events" aria-label="Connection events">
        {newest(events).map((event) => <li key={`${event.atSeq}/${event.kind}/${event.connection}`} data-kind={event.kind}>{explainEvent(event)}</li>)}
      </ul>
    </div>
  );
}
