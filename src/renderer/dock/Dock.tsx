// Owns the dock under the deck: one panel at a time, chosen by tabs or keys; the focus goes in when a person opens it.
import { useEffect, useRef, type ReactElement } from "react";
import { useStore } from "zustand";
import { Tabs } from "radix-ui";
import { FaultLab } from "../faults/FaultLab.tsx";
import { HealthPanel } from "../health/HealthPanel.tsx";
import { lightOf } from "../health/words.ts";
import { ACTIONS } from "../keyboard/actions.ts";
import { shownKeys } from "../keyboard/keymap.ts";
import { LedgerPanel } from "../ledger/LedgerPanel.tsx";
import { ActionButton } from "../panels/ActionButton.tsx";
import { Icon } from "../panels/Icon.tsx";
import { QueryPanel } from "../query/QueryPanel.tsx";
import { engineStore } from "../store/engine-state.ts";
import { closeDock, DOCKS, openDock, screenStore, type DockName } from "../store/screen.ts";

const PANELS: Readonly<Record<DockName, () => ReactElement>> = { health: HealthPanel, ledger: LedgerPanel, query: QueryPanel, faults: FaultLab };

function HealthGlyph(): ReactElement {
  const light = lightOf(useStore(engineStore, (state) => state.health?.status));
  return <span className={light.tone} aria-hidden="true">{light.glyph}</span>;
}

function isDockName(value: string): value is DockName {
  return (DOCKS as readonly string[]).includes(value);
}

/** What a person opened is where the keys go next: the table, the editor. */
function useFocusOnOpening(): React.RefObject<HTMLDivElement | null> {
  const ref = useRef<HTMLDivElement>(null);
  const openings = useStore(screenStore, (state) => state.dockOpenings);
  useEffect(() => {
    if (openings > 0) ref.current?.querySelector<HTMLElement>("[data-dock-focus]")?.focus();
  }, [openings]);
  return ref;
}

export function Dock({ dock }: { readonly dock: DockName }): ReactElement {
  const isLarge = useStore(screenStore, (state) => state.isDockLarge);
  const ref = useFocusOnOpening();
  return (
    <Tabs.Root ref={ref} className="dock" data-testid="dock" data-dock={dock} value={dock} activationMode="manual" onValueChange={(value) => { if (isDockName(value)) openDock(value); }}>
      <div className="dock-bar">
        <Tabs.List className="dock-tabs" aria-label="Panels">
          {DOCKS.map((name) => (
            <Tabs.Trigger key={name} value={name} className="dock-tab" data-testid={`dock-tab-${name}`} title={`${ACTIONS[name].title} (${shownKeys(name) ?? ""})`}>
              {name === "health" && <HealthGlyph />}{ACTIONS[name].title}<kbd>{shownKeys(name)}</kbd>
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <span className="grow" />
        <ActionButton action="dock-size" className="star" pressed={isLarge}><Icon name={isLarge ? "down" : "up"} /></ActionButton>
        <button type="button" className="star" aria-label="Close the panel" title="Close the panel (Esc)" data-testid="dock-close" onClick={closeDock}><Icon name="close" /></button>
      </div>
      {DOCKS.map((name) => {
        const Content = PANELS[name];
        return <Tabs.Content key={name} value={name} className="dock-content" tabIndex={-1}>{name === dock && <Content />}</Tabs.Content>;
      })}
    </Tabs.Root>
  );
}
