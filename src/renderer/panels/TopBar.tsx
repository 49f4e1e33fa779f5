// Owns the top bar: mode, symbol, interval, the quote at the cursor, and the doors to palette, theme, settings, about.
import { useEffect, useRef, type ReactElement } from "react";
import { useStore } from "zustand";
import { DropdownMenu } from "radix-ui";
import { INTERVALS, isInterval, type Interval } from "../../shared/time.ts";
import { showSeries } from "../engine/session.ts";
import { grouped } from "../format/numbers.ts";
import { utcTime } from "../format/times.ts";
import { ACTIONS, act } from "../keyboard/actions.ts";
import { shownKeys, type ActionId } from "../keyboard/keymap.ts";
import { engineStore, isRemoteShown, shownRemote } from "../store/engine-state.ts";
import { isInspectorShown, openDialog, screenStore } from "../store/screen.ts";
import { viewStore } from "../store/view.ts";
import { ActionButton } from "./ActionButton.tsx";
import { Icon } from "./Icon.tsx";
import { MODE_EXPLAINED, MODE_WORDS, modeOnScreen } from "./mode.ts";

function ModeBadge(): ReactElement {
  const series = useStore(viewStore, (state) => state.series);
  const name = useStore(engineStore, (state) => modeOnScreen(state, series));
  const remote = useStore(engineStore, (state) => state.mode.remote);
  return (
    <>
      <span className="mode-badge" data-testid="mode-badge" title={MODE_EXPLAINED[name]}>{MODE_WORDS[name]}</span>
      {remote !== undefined && <span className="remote-badge" data-testid="remote-badge" title={`These candles come from ${remote}, not from this machine's recordings`}>REMOTE <b className="clip">{remote}</b></span>}
    </>
  );
}

function SymbolButton(): ReactElement {
  const series = useStore(viewStore, (state) => state.series);
  return (
    <button type="button" className="picker" data-testid="symbol-picker" title="Find a symbol (/)" onClick={() => openDialog("symbols")}>
      <b>{series?.symbol ?? "No symbol"}</b>{series !== undefined && <span className="dim">{series.venue}</span>}<Icon name="down" />
    </button>
  );
}

function IntervalPicker(): ReactElement {
  const chosen = useStore(screenStore, (state) => state.interval);
  const series = useStore(viewStore, (state) => state.series);
  const remote = useStore(engineStore, shownRemote);
  const isRemote = useStore(engineStore, isRemoteShown);
  const interval = isRemote ? (series?.interval ?? chosen) : chosen;
  // A remote has the intervals that it offers, and no others can be made of them here.
  const isThere = (one: Interval): boolean => !isRemote || one === interval
    || (remote?.offered ?? []).some((offered) => offered.venue === series?.venue && offered.symbol === series.symbol && offered.interval === one);
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="picker" data-testid="interval-picker" aria-label={`Interval ${interval}`}><b>{interval}</b><Icon name="down" /></DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" sideOffset={4} align="start">
          <DropdownMenu.RadioGroup value={interval} onValueChange={(value) => { if (isInterval(value)) showSeries({ interval: value }); }}>
            {INTERVALS.map((one) => <DropdownMenu.RadioItem key={one} value={one} className="menu-item" disabled={!isThere(one)}>{one}</DropdownMenu.RadioItem>)}
          </DropdownMenu.RadioGroup>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

/** A value that flashes once when it changes. An unknown value is a dash, never 0. */
function Figure({ name, value, testId, tone, exact }: {
  readonly name: string; readonly value: string | undefined; readonly testId?: string; readonly tone?: string; readonly exact?: string;
}): ReactElement {
  const ref = useRef<HTMLSpanElement>(null);
  const before = useRef(value);
  useEffect(() => {
    if (before.current === value) return;
    before.current = value;
    ref.current?.getAnimations().forEach((animation) => animation.cancel());
    const isStill = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!isStill) ref.current?.animate([{ backgroundColor: "var(--flash)" }, { backgroundColor: "transparent" }], { duration: 120 });
  }, [value]);
  return (
    <span className="figure" title={exact}>
      <span className="figure-name">{name}</span>
      <span ref={ref} className={`num ${tone ?? ""}`} data-testid={testId}>{value ?? "–"}</span>
    </span>
  );
}

const text = (value: string | undefined): string | undefined => (value === undefined ? undefined : grouped(value));

/** 0.00010000 is 0.0100 %: two places moved in the text, no float. */
function percent(rate: string | undefined): string | undefined {
  const match = /^(-?)(\d+)\.(\d+)$/.exec(rate ?? "");
  if (match === null) return rate;
  const [, sign = "", whole = "", fraction = ""] = match;
  const digits = (whole + fraction.padEnd(2, "0").slice(0, 2)).replace(/^0+(?=\d)/, "");
  return `${sign}${digits}.${fraction.padEnd(2, "0").slice(2).replace(/0+$/, "").padEnd(4, "0")} %`;
}

function QuoteStrip(): ReactElement {
  const quote = useStore(engineStore, (state) => state.quote);
  const tone = quote.lastSide === undefined ? "" : quote.lastSide === 1 ? "up" : "down";
  const funding = quote.nextFundingMs === undefined || quote.nextFundingMs === 0 ? undefined : `Next funding ${utcTime(quote.nextFundingMs).slice(0, 8)} UTC`;
  return (
    <div className="quote">
      <Figure name="last" value={text(quote.lastPrice)} testId="last-price" tone={`last ${tone}`} />
      <Figure name="bid" value={text(quote.bidPrice)} exact={`${quote.bidQty ?? "unknown"} at the bid`} />
      <Figure name="ask" value={text(quote.askPrice)} exact={`${quote.askQty ?? "unknown"} at the ask`} />
      <Figure name="mark" value={text(quote.markPrice)} {...(quote.indexPrice !== undefined && { exact: `Index ${grouped(quote.indexPrice)}` })} />
      <Figure name="funding" value={percent(quote.fundingRate)} {...(funding !== undefined && { exact: funding })} />
      <Figure name="open interest" value={text(quote.openInterest)} />
    </div>
  );
}

/** Every panel and look of the screen in one place, each with its key. */
const VIEW_ITEMS: readonly (readonly ActionId[])[] = [["health", "ledger", "query", "faults"], ["dock-size", "inspector", "reset-layout"], ["theme", "colours"]];

function ViewMenu(): ReactElement {
  const dock = useStore(screenStore, (state) => state.dock);
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="picker" data-testid="view-menu">View<Icon name="down" /></DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu view-menu" sideOffset={4} align="end">
          {VIEW_ITEMS.map((group) => (
            <DropdownMenu.Group key={group.join()} className="menu-group">
              {group.map((id) => (
                <DropdownMenu.Item key={id} className="menu-item" data-testid={`view-${id}`} {...(id === dock && { "data-state": "checked" })} onSelect={() => act(id)}>
                  <span className="grow">{ACTIONS[id].title}</span>{shownKeys(id) !== undefined && <kbd>{shownKeys(id)}</kbd>}
                </DropdownMenu.Item>
              ))}
            </DropdownMenu.Group>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

export function TopBar(): ReactElement {
  const isInspectorOpen = useStore(screenStore, isInspectorShown);
  return (
    <header className="top-bar">
      <span className="mark"><svg viewBox="0 0 20 20" aria-hidden="true"><path d="M2 5h16v10H2zM6 7.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5zM14 7.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5zM8.500 12.500h3V14h-3z" fillRule="evenodd" /></svg>Tapedeck</span>
      <ModeBadge />
      <SymbolButton />
      <IntervalPicker />
      <QuoteStrip />
      <ViewMenu />
      <ActionButton action="palette" className="palette-button" testId="palette-open"><Icon name="search" /><span>Actions</span><kbd>Ctrl K</kbd></ActionButton>
      <ActionButton action="inspector" pressed={isInspectorOpen}><Icon name="panel" /></ActionButton>
      <ActionButton action="theme" testId="theme-toggle"><Icon name="theme" /></ActionButton>
      <ActionButton action="share" testId="share-open"><Icon name="share" /></ActionButton>
      <ActionButton action="settings"><Icon name="settings" /></ActionButton>
      <ActionButton action="keys"><Icon name="keys" /></ActionButton>
      <ActionButton action="about"><Icon name="info" /></ActionButton>
    </header>
  );
}
