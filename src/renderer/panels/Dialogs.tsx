// Owns the dialogs that only show or choose: actions, symbols, keys, settings, about.
import { useEffect, useMemo, type ReactElement } from "react";
import { useStore } from "zustand";
import { Command } from "cmdk";
import { instrumentId, type Instrument } from "../../shared/market.ts";
import type { FaultInfo } from "../../shared/faults.ts";
import { ExportDialog } from "../captures/ExportDialog.tsx";
import { RetentionDialog } from "../captures/RetentionDialog.tsx";
import { openRemote, showSeries } from "../engine/session.ts";
import { faultStore, inject, readFaults } from "../faults/store.ts";
import { ACTION_IDS, ACTIONS, act } from "../keyboard/actions.ts";
import { BINDINGS, shownKeys } from "../keyboard/keymap.ts";
import { actionScore } from "../keyboard/score.ts";
import { RemoteDialog } from "../remote/RemoteDialog.tsx";
import { ShareDialog } from "../share/ShareDialog.tsx";
import { engineStore } from "../store/engine-state.ts";
import { openDialog, openDock, openRemoteDialog, resetLayout, screenStore, togglePair, toggleTheme } from "../store/screen.ts";
import { viewStore } from "../store/view.ts";
import { Dialog } from "./Dialog.tsx";
import { ImportDialog } from "./ImportDialog.tsx";
import { marketsOf } from "./Markets.tsx";

const GROUPS = ["Replay", "Chart", "Tape", "Remote", "Panels", "Screen"] as const;

/** What can be broken on purpose now. Read anew each time, since it depends on the source. */
function useFaults(): readonly FaultInfo[] {
  useEffect(() => void readFaults(), []);
  const isSimulated = useStore(engineStore, (state) => state.sources.some((source) => source.simulated && source.state !== "off"));
  const list = useStore(faultStore, (state) => state.list);
  return isSimulated ? (list ?? []) : [];
}

function Palette(): ReactElement {
  const faults = useFaults();
  const choose = (carryOut: () => void): void => {
    openDialog(undefined);
    carryOut();
  };
  return (
    <Dialog name="palette" title="Actions" testId="palette" isBare>
      <Command label="Actions" loop filter={actionScore}>
        <Command.Input placeholder="What to do…" autoFocus />
        <Command.List>
          <Command.Empty>No action has this name.</Command.Empty>
          {GROUPS.map((group) => (
            <Command.Group key={group} heading={group}>
              {ACTION_IDS.filter((id) => ACTIONS[id].group === group && id !== "palette" && id !== "close").map((id) => (
                <Command.Item key={id} value={ACTIONS[id].title} keywords={[...(ACTIONS[id].also ?? []), group]} onSelect={() => choose(() => act(id))}>
                  <span className="grow">{ACTIONS[id].title}</span>{shownKeys(id) !== undefined && <kbd>{shownKeys(id)}</kbd>}
                </Command.Item>
              ))}
            </Command.Group>
          ))}
          {faults.length > 0 && (
            <Command.Group heading="Fault lab">
              {faults.map((info) => (
                <Command.Item key={info.name} value={`fault ${info.name}`} keywords={[info.summary]} onSelect={() => choose(() => { openDock("faults"); void inject(info); })}><span className="grow clip">{info.summary}</span><span className="dim">{info.place}</span><span className="dim">{info.name}</span></Command.Item>
              ))}
            </Command.Group>
          )}
        </Command.List>
      </Command>
    </Dialog>
  );
}

function Symbols(): ReactElement {
  const streams = useStore(engineStore, (state) => state.streams);
  const captures = useStore(engineStore, (state) => state.captures);
  const captureId = useStore(engineStore, (state) => state.player?.captureId);
  const starred = useStore(screenStore, (state) => state.starred);
  const remotes = useStore(engineStore, (state) => state.remotes);
  const markets = useMemo(() => marketsOf(streams, captures, captureId, starred), [streams, captures, captureId, starred]);
  const choose = (instrument: Instrument): void => {
    openDialog(undefined);
    showSeries({ instrument });
  };
  return (
    <Dialog name="symbols" title="Find a symbol" isBare>
      <Command label="Symbols" loop>
        <Command.Input placeholder="Symbol or venue…" autoFocus />
        <Command.List>
          <Command.Empty>This tape holds no such symbol. Open another capture, or record it.</Command.Empty>
          {markets.map(({ venue, symbol }) => (
            <Command.Item key={instrumentId({ venue, symbol })} value={`${symbol} ${venue}`} onSelect={() => choose({ venue, symbol })}><b className="grow">{symbol}</b><span className="dim">{venue}</span></Command.Item>
          ))}
          {remotes.filter(({ offered }) => offered.length > 0).map((remote) => (
            <Command.Group key={remote.remoteId} heading={`Remote ${remote.name}`}>
              {remote.offered.map((one) => (
                <Command.Item key={`${one.venue}.${one.symbol}.${one.interval}`} value={`${one.symbol} ${one.interval} ${one.venue} ${remote.remoteId}`} onSelect={() => { openDialog(undefined); void openRemote(remote.remoteId, one); }}>
                  <b>{one.symbol}</b><span className="grow">{one.interval}</span><span className="dim">{one.venue} · {remote.name}</span>
                </Command.Item>
              ))}
            </Command.Group>
          ))}
        </Command.List>
      </Command>
    </Dialog>
  );
}

function Keys(): ReactElement {
  return (
    <Dialog name="keys" title="Keys" testId="key-sheet">
      <dl className="key-sheet">{BINDINGS.map((binding) => <div key={binding.id + binding.shown}><dt>{ACTIONS[binding.id].title}</dt><dd><kbd>{binding.shown}</kbd></dd></div>)}</dl>
    </Dialog>
  );
}

function Settings(): ReactElement {
  const { theme, pair } = useStore(screenStore);
  const hello = useStore(engineStore, (state) => state.hello);
  const isServing = useStore(engineStore, (state) => state.share?.state === "serving");
  return (
    <Dialog name="settings" title="Settings">
      <div className="form">
        <div className="row"><span className="grow">Theme</span><button type="button" className="small" onClick={toggleTheme}>{theme}</button></div>
        <div className="row"><span className="grow">Up and down<span className="dim"> both pairs hold for colour-blind eyes</span></span><span className="swatch up-swatch" aria-hidden="true" /><span className="swatch down-swatch" aria-hidden="true" /><button type="button" className="small" onClick={togglePair}>{pair}</button></div>
        <div className="row"><span className="grow">Layout</span><button type="button" className="small" onClick={resetLayout}>Reset</button></div>
        <div className="row"><span className="grow">Sharing<span className="dim"> serve what is recorded to other Tapedecks</span></span><button type="button" className="small" onClick={() => openDialog("share")}>{isServing ? "Serving…" : "Off…"}</button></div>
        <div className="row"><span className="grow">Remote sources</span><button type="button" className="small" onClick={() => openRemoteDialog(undefined)}>Add…</button></div>
        <div className="row"><span className="grow">Retention<span className="dim"> what may be removed, and when</span></span><button type="button" className="small" onClick={() => openDialog("retention")}>Limits…</button></div>
        <div className="row"><span className="grow">Data folder</span><code className="clip">{hello?.dataFolder ?? "unknown"}</code></div>
      </div>
    </Dialog>
  );
}

function About(): ReactElement {
  const hello = useStore(engineStore, (state) => state.hello);
  return (
    <Dialog name="about" title="About Tapedeck">
      <p>Tapedeck {hello?.version ?? ""} · record every message, prove every candle, replay any moment.</p>
      <p className="dim">Protocol {hello?.protocol ?? "–"} · {hello?.shell ?? "–"} shell · MIT licence</p>
      <p>Charts: <a href="https://www.tradingview.com/" target="_blank" rel="noreferrer">TradingView Lightweight Charts™</a>, copyright © 2025 TradingView, Inc., Apache licence 2.0.</p>
      <p className="dim">Plots: µPlot, copyright © Leon Sorokin, MIT licence.</p>
      <p className="dim">Fonts: Inter and JetBrains Mono, SIL Open Font License 1.1.</p>
    </Dialog>
  );
}

export function Dialogs(): ReactElement | undefined {
  const dialog = useStore(screenStore, (state) => state.dialog);
  const hasView = useStore(viewStore, (state) => state.series !== undefined);
  switch (dialog) {
    case "palette":
      return <Palette />;
    case "symbols":
      return <Symbols key={String(hasView)} />;
    case "keys":
      return <Keys />;
    case "settings":
      return <Settings />;
    case "about":
      return <About />;
    case "remote":
      return <RemoteDialog />;
    case "share":
      return <ShareDialog />;
    case "export":
      return <ExportDialog />;
    case "retention":
      return <RetentionDialog />;
    case "import":
      return <ImportDialog />;
    default:
      return undefined;
  }
}
