// Owns the layout of the whole screen: bars, columns, banners.
import { useEffect, useRef, type ReactElement } from "react";
import { useStore } from "zustand";
import { Group, Panel, Separator, usePanelRef, type Layout } from "react-resizable-panels";
import { Deck } from "../deck/Deck.tsx";
import { Dock } from "../dock/Dock.tsx";
import { Inspector } from "../inspector/Inspector.tsx";
import { RemoteBar } from "../remote/RemoteBar.tsx";
import { engineStore, isRemoteShown } from "../store/engine-state.ts";
import { isInspectorShown, NARROW_BELOW_PX, screenStore } from "../store/screen.ts";
import { Captures } from "../captures/Captures.tsx";
import { RecordingBanner } from "../health/RecordingBanner.tsx";
import { Dialogs } from "./Dialogs.tsx";
import { Icon } from "./Icon.tsx";
import { Markets } from "./Markets.tsx";
import { Stage } from "./Stage.tsx";
import { StatusBar } from "./StatusBar.tsx";
import { Toasts } from "./Toasts.tsx";
import { TopBar } from "./TopBar.tsx";

function useNarrow(): void {
  useEffect(() => {
    const query = window.matchMedia(`(max-width: ${NARROW_BELOW_PX}px)`);
    const note = (): void => screenStore.setState({ isNarrow: query.matches });
    query.addEventListener("change", note);
    note();
    return () => query.removeEventListener("change", note);
  }, []);
}

function Banner(): ReactElement {
  const link = useStore(engineStore, (state) => state.link);
  if (link === "lost") return <div className="banner banner-trouble" role="alert" data-testid="link-lost">The link to the engine is lost: what you see has stopped. Recording goes on if the engine still runs; reconnecting…</div>;
  return <RecordingBanner />;
}

function FirstRun(): ReactElement | undefined {
  const hello = useStore(engineStore, (state) => state.hello);
  const isDone = useStore(screenStore, (state) => state.isFirstRunDone);
  const isSimulated = useStore(engineStore, (state) => state.mode.simulated && !isRemoteShown(state));
  if (hello === undefined || isDone || !hello.simulated || !isSimulated) return undefined;
  return (
    <div className="banner" data-testid="first-run">
      <span className="grow">This market is simulated and already being recorded. For a real one run <code>tapedeck record --venue binance --symbol BTCUSDT</code>, or import a capture at the left.</span>
      <button type="button" className="star" aria-label="Dismiss" onClick={() => screenStore.setState({ isFirstRunDone: true })}><Icon name="close" /></button>
    </div>
  );
}

function isUsable(layout: Readonly<Record<string, number>>, ids: readonly string[]): layout is Layout {
  return ids.every((id) => layout[id] !== undefined) && Object.keys(layout).length === ids.length;
}

const WIDE = ["column-left", "column-stage", "column-inspector"] as const;
const TWO = ["column-left", "column-stage"] as const;

function Columns(): ReactElement {
  const isOpen = useStore(screenStore, isInspectorShown);
  const isNarrow = useStore(screenStore, (state) => state.isNarrow);
  const layoutVersion = useStore(screenStore, (state) => state.layoutVersion);
  const isBeside = isOpen && !isNarrow;
  const ids = isBeside ? WIDE : TWO;
  const saved = screenStore.getState().columns;
  return (
    <div className="columns">
      <Group
        key={`${layoutVersion}/${String(isBeside)}`} orientation="horizontal" className="columns-group"
        {...(isUsable(saved, ids) && { defaultLayout: saved })} onLayoutChanged={(columns) => screenStore.setState({ columns })}
      >
        <Panel id="column-left" defaultSize={264} minSize={200} maxSize={420} groupResizeBehavior="preserve-pixel-size" className="left"><Markets /><Captures /></Panel>
        <Separator className="separator" aria-label="Width of the left column" />
        <Panel id="column-stage" minSize={420} className="centre"><Stage /></Panel>
        {isBeside && <Separator className="separator" aria-label="Width of the inspector" />}
        {isBeside && <Panel id="column-inspector" defaultSize={348} minSize={280} maxSize={560} groupResizeBehavior="preserve-pixel-size" className="right"><Inspector /></Panel>}
      </Group>
      {isOpen && isNarrow && <div className="inspector-overlay"><Inspector /></div>}
    </div>
  );
}

const DOCK_PX = 300;
const DOCK_LEAST_PX = 150;
const TAPE_LEAST_PX = 180;

function dockSize(): number | string {
  const { isDockLarge, rows } = screenStore.getState();
  return isDockLarge ? "100%" : (rows["dock"] ?? DOCK_PX);
}

/** The tape with its deck, and under it the dock while one of its panels is open. One group for both, so that opening a panel keeps the chart as it is. */
function Workspace(): ReactElement {
  const dock = useStore(screenStore, (state) => state.dock);
  const isLarge = useStore(screenStore, (state) => state.isDockLarge);
  const isRemote = useStore(engineStore, isRemoteShown);
  const layoutVersion = useStore(screenStore, (state) => state.layoutVersion);
  const panel = usePanelRef();
  const sizedFor = useRef(`${isLarge}/${layoutVersion}`);
  useEffect(() => {
    // A panel that has just been put in has its size already, and does not listen yet.
    if (sizedFor.current === `${isLarge}/${layoutVersion}`) return;
    sizedFor.current = `${isLarge}/${layoutVersion}`;
    if (dock !== undefined) panel.current?.resize(dockSize());
  }, [isLarge, layoutVersion]);
  const keep = ({ inPixels }: { readonly inPixels: number }): void => {
    if (!screenStore.getState().isDockLarge && inPixels > 0) screenStore.setState({ rows: { dock: Math.round(inPixels) } });
  };
  return (
    <div className="workspace">
      <Group orientation="vertical" className="workspace-group">
        <Panel id="row-tape" minSize={TAPE_LEAST_PX}><div className="tape"><Columns />{isRemote ? <RemoteBar /> : <Deck />}</div></Panel>
        {dock !== undefined && <Separator className="separator separator-row" aria-label="Height of the panel" />}
        {dock !== undefined && (
          <Panel id="row-dock" panelRef={panel} defaultSize={dockSize()} minSize={DOCK_LEAST_PX} groupResizeBehavior="preserve-pixel-size" onResize={keep}><Dock dock={dock} /></Panel>
        )}
      </Group>
    </div>
  );
}

export function Screen(): ReactElement {
  useNarrow();
  return (
    <div className="screen">
      <TopBar />
      <Banner />
      <FirstRun />
      <Workspace />
      <StatusBar />
      <Dialogs />
      <Toasts />
    </div>
  );
}
