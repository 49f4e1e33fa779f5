// Owns the fault lab: what can be made to go wrong on purpose, what was, and beside it what the ledger found and repaired since.
import { useEffect, type ReactElement } from "react";
import { useStore } from "zustand";
import type { GapEntry } from "../../shared/candles.ts";
import type { FaultInfo, FaultPlace } from "../../shared/faults.ts";
import type { VenueId } from "../../shared/market.ts";
import { plural } from "../format/numbers.ts";
import { utcTime } from "../format/times.ts";
import { act } from "../keyboard/actions.ts";
import { Backfill } from "../ledger/Backfill.tsx";
import { engineStore } from "../store/engine-state.ts";
import { viewStore } from "../store/view.ts";
import { CAUSES, explainGap, GAP_STATES } from "../timeline/explain.ts";
import { amountOf, faultStore, gapsSince, inject, PLACES, readFaults, type Injection } from "./store.ts";

const PLACE_WORDS: Readonly<Record<FaultPlace, { readonly title: string; readonly strikes: string }>> = {
  venue: { title: "At the simulated venue", strikes: "what it sends and answers" },
  clock: { title: "In this machine's clocks", strikes: "strikes this recorder itself" },
  disk: { title: "On this machine's disk", strikes: "strikes this recorder itself: it may halt" },
};

function FaultRow({ info }: { readonly info: FaultInfo }): ReactElement {
  const text = useStore(faultStore, (state) => state.amounts[info.name]) ?? "";
  const isWrong = amountOf(info, text) === undefined;
  const change = (value: string): void => faultStore.setState(({ amounts }) => ({ amounts: { ...amounts, [info.name]: value } }));
  return (
    <li>
      <form className="fault-row" data-testid="fault-row" data-fault={info.name} data-place={info.place} onSubmit={(event) => { event.preventDefault(); void inject(info); }}>
        <b className="clip" title={info.name}>{info.name}</b>
        <span className="dim clip" title={info.summary}>{info.summary}</span>
        <input className="num" inputMode="decimal" value={text} placeholder={String(info.preset)} aria-label={`${info.name}: ${info.amount}`} aria-invalid={isWrong} data-testid="fault-amount" onChange={(event) => change(event.target.value)} />
        <span className="dim clip" title={info.amount}>{info.amount}</span>
        <button type="submit" className="small" data-testid="fault-inject" disabled={isWrong} aria-label={`Inject ${info.name}`}>Inject</button>
      </form>
    </li>
  );
}

function Menu({ list }: { readonly list: readonly FaultInfo[] }): ReactElement {
  return (
    <div className="fault-menu" role="region" aria-label="Faults">
      {list.length === 0 && <p className="empty">Nothing is being recorded now, so there is nothing to break. Start recording, and the faults are listed again.</p>}
      {PLACES.filter((place) => list.some((info) => info.place === place)).map((place) => (
        <section key={place} className={`fault-place fault-${place}`} aria-label={PLACE_WORDS[place].title}>
          <h3>{PLACE_WORDS[place].title}<span className={place === "venue" ? "dim" : "fault-strikes"}>{PLACE_WORDS[place].strikes}</span></h3>
          <ul>{list.filter((info) => info.place === place).map((info) => <FaultRow key={info.name} info={info} />)}</ul>
        </section>
      ))}
    </div>
  );
}

const OUTCOME_TONES: Readonly<Record<Injection["outcome"]["state"], string>> = { asked: "dim", applied: "", refused: "tone-trouble" };

function Injections({ injections }: { readonly injections: readonly Injection[] }): ReactElement {
  return (
    <section className="fault-log" aria-label="Injected in this session">
      <h3>Injected<span className="dim num">{injections.length}</span></h3>
      {injections.length === 0 && <p className="empty">Choose a fault at the left. What it was asked to do, and what the engine answered, stands here.</p>}
      <ol data-testid="fault-log">
        {injections.map((one) => (
          <li key={one.id} data-testid="fault-entry" data-fault={one.name} data-outcome={one.outcome.state}>
            <span className="row num"><span className="dim">{utcTime(one.atMs)}</span><b>{one.name}</b><span className="dim clip">{one.what}{one.venue === undefined ? "" : ` · ${one.venue}`}</span></span>
            <span className={OUTCOME_TONES[one.outcome.state]}>{one.outcome.state === "asked" ? "asking…" : one.outcome.text}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Found({ gaps, isAny }: { readonly gaps: readonly GapEntry[]; readonly isAny: boolean }): ReactElement {
  const series = useStore(viewStore, (view) => view.series);
  return (
    <section className="fault-log" aria-label="Ledger entries since">
      <h3>Ledger since then<span className="dim">{series?.symbol}</span><span className="grow" /><button type="button" className="small" onClick={() => act("ledger")}>Ledger</button></h3>
      <Backfill />
      {gaps.length === 0 && <p className="empty">{isAny ? "Nothing so far. A fault that loses nothing leaves no entry; one on another symbol is told there." : "What is detected and repaired after an injection appears here by itself."}</p>}
      <ul data-testid="fault-ledger">
        {gaps.map((gap) => (
          <li key={gap.gapId} data-testid="fault-gap" data-gap={gap.gapId} data-state={gap.state} title={explainGap(gap)}>
            <span className="row num"><span className="dim">{utcTime(gap.fromMs)}</span><b className={gap.state === "GAP_UNRESOLVED" ? "tone-trouble" : gap.state === "repaired" ? "tone-live" : "tone-warn"}>{GAP_STATES[gap.state]}</b><span className="clip">{CAUSES[gap.cause]}</span></span>
            <span className="dim clip">{gap.streamId}{gap.missing === undefined ? "" : ` · ${plural(gap.missing, "id")} missing`}{gap.attempts > 0 ? ` · ${plural(gap.attempts, "try", "tries")}` : ""}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function VenueChoice({ venues }: { readonly venues: readonly VenueId[] }): ReactElement | undefined {
  const venue = useStore(faultStore, (state) => state.venue);
  if (venues.length < 2) return undefined;
  return (
    <label>Venue<select data-testid="fault-venue" value={venue ?? ""} onChange={(event) => faultStore.setState({ venue: venues.find((one) => one === event.target.value) })}>
      <option value="">every simulated one</option>{venues.map((one) => <option key={one} value={one}>{one}</option>)}
    </select></label>
  );
}

export function FaultLab(): ReactElement {
  const sources = useStore(engineStore, (state) => state.sources);
  const recording = useStore(engineStore, (state) => state.recording?.state);
  const { list, trouble, injections } = useStore(faultStore);
  const gaps = useStore(viewStore, (view) => view.gaps);
  const simulated = sources.filter((source) => source.simulated && source.state !== "off").map(({ venue }) => venue);
  const isReal = sources.some((source) => !source.simulated && source.state !== "off");
  // What can be broken changes with the sources and with the recording.
  useEffect(() => void readFaults(), [simulated.join(), isReal, recording]);
  const isOn = simulated.length > 0 && (list?.length ?? 0) > 0;
  return (
    <div className="fault-lab" data-testid="fault-lab" data-on={isOn} data-dock-focus="" tabIndex={-1}>
      <div className={isOn ? "fault-warning" : "fault-warning fault-off"} role="note">
        <b>{isOn ? "FAULT LAB · SIMULATED" : "FAULT LAB · OFF"}</b>
        <span className="clip grow">{isOn ? "Everything below breaks something on purpose, at once. Venue faults touch the simulator alone; clock and disk faults strike this machine's recorder." : "Faults are for simulated sources only: nothing that is real is ever broken on purpose."}</span>
        <VenueChoice venues={simulated} />
      </div>
      {trouble !== undefined && <p className="tone-trouble fault-note" role="alert">{trouble}</p>}
      {isOn || injections.length > 0 ? (
        <div className="fault-columns"><Menu list={list ?? []} /><Injections injections={injections} /><Found gaps={gapsSince(gaps, injections)} isAny={injections.length > 0} /></div>
      ) : (
        <p className="empty fault-note">{list === undefined ? "Asking what can be broken…" : simulated.length > 0 ? "Nothing is being recorded, so there is nothing to break: start recording." : "Start Tapedeck with its built-in simulator (npm start), or record one with tapedeck record --venue sim, and the faults are listed here."}</p>
      )}
    </div>
  );
}
