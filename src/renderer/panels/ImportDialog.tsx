// Owns the import of a foreign capture: format, venue, files, name. The work itself shows as a job in the library.
import { useEffect, useState, type FormEvent, type ReactElement } from "react";
import type { FileListing } from "../../shared/protocol/frames.ts";
import type { CommandInput } from "../../shared/protocol/commands.ts";
import { VENUE_IDS, type VenueId } from "../../shared/market.ts";
import { engine } from "../engine/session.ts";
import { faultOf } from "../engine/client.ts";
import { bytes } from "../format/numbers.ts";
import { openDialog } from "../store/screen.ts";
import { Dialog } from "./Dialog.tsx";

type ImportInput = CommandInput<"import.start">;
type Format = ImportInput["format"];
type Fold = NonNullable<ImportInput["fold"]>;

const FORMATS: readonly { readonly id: Format; readonly title: string }[] = [
  { id: "hft", title: "hft: one line per message, receive time first" },
  { id: "cryptofeed", title: "cryptofeed: raw data collection" },
  { id: "jsonl", title: "jsonl: Tapedeck's own dump" },
  { id: "binance-csv", title: "binance-csv: Binance's public archive (csv, zip)" },
  { id: "tardis-csv", title: "tardis-csv: tardis.dev data sets" },
];

/** A capture id made from the first file's name: letters, digits, dot, dash, underscore. */
export function suggestedCaptureId(path: string): string {
  const name = path.split(/[\\/]/).at(-1) ?? "";
  const stem = name.replace(/(\.(txt|json|jsonl|csv|gz|zip|zst|log))+$/i, "").replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "");
  return stem.slice(0, 80);
}

function Browse({ onPick }: { readonly onPick: (path: string) => void }): ReactElement {
  const [listing, setListing] = useState<FileListing | undefined>(undefined);
  const [trouble, setTrouble] = useState<string | undefined>(undefined);
  const open = async (folder: string | undefined): Promise<void> => {
    try {
      setListing(await engine().call("files.list", folder === undefined ? {} : { folder }));
      setTrouble(undefined);
    } catch (error) {
      setTrouble(faultOf(error).message);
    }
  };
  useEffect(() => void open(undefined), []);
  const parent = listing?.parent;
  return (
    <div className="browse">
      <p className="dim clip num">{listing?.folder ?? "…"}</p>
      {trouble !== undefined && <p className="tone-trouble">{trouble}</p>}
      <ul>
        {parent !== undefined && <li><button type="button" className="row-button" onClick={() => void open(parent)}>.. up</button></li>}
        {listing?.entries.map((entry) => (
          <li key={entry.path}>
            <button type="button" className="row-button row" data-testid="import-entry" data-path={entry.path} onClick={() => (entry.folder ? void open(entry.path) : onPick(entry.path))}>
              <span className="grow clip">{entry.name}{entry.folder ? "/" : ""}</span><span className="dim num">{entry.folder ? "" : bytes(entry.bytes)}</span>
            </button>
          </li>
        ))}
      </ul>
      {listing?.entries.length === 0 && <p className="empty">This folder is empty.</p>}
    </div>
  );
}

export function ImportDialog(): ReactElement {
  const [format, setFormat] = useState<Format>("hft");
  const [venue, setVenue] = useState<VenueId>("binance-usdm");
  const [fold, setFold] = useState<Fold | "">("");
  const [files, setFiles] = useState("");
  const [captureId, setCaptureId] = useState("");
  const [isBrowsing, setBrowsing] = useState(false);
  const [trouble, setTrouble] = useState<string | undefined>(undefined);
  const paths = files.split("\n").map((path) => path.trim()).filter((path) => path !== "");
  const id = captureId === "" ? suggestedCaptureId(paths[0] ?? "") : captureId;

  const add = (more: readonly string[]): void => setFiles((now) => [...now.split("\n"), ...more].filter((path) => path.trim() !== "").join("\n"));
  const choose = async (): Promise<void> => {
    // Electron has the system's dialog; in a browser the engine lists its own folders.
    if (window.tapedeck === undefined) setBrowsing(!isBrowsing);
    else add(await window.tapedeck.pickFiles());
  };
  const start = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (paths.length === 0) {
      setTrouble("Name at least one file to import.");
      return;
    }
    try {
      await engine().call("import.start", { captureId: id, format, venue, files: paths, ...(fold !== "" && { fold }) });
      openDialog(undefined);
    } catch (error) {
      setTrouble(faultOf(error).message);
    }
  };
  return (
    <Dialog name="import" title="Import a capture" testId="import-dialog">
      <form className="form" onSubmit={(event) => void start(event)}>
        <label>Format<select data-testid="import-format" value={format} onChange={(event) => setFormat(event.target.value as Format)}>{FORMATS.map((one) => <option key={one.id} value={one.id}>{one.title}</option>)}</select></label>
        <label>Venue<select data-testid="import-venue" value={venue} onChange={(event) => setVenue(event.target.value as VenueId)}>{VENUE_IDS.map((one) => <option key={one} value={one}>{one}</option>)}</select></label>
        <label>Candles from<select data-testid="import-fold" value={fold} onChange={(event) => setFold(event.target.value as Fold | "")}><option value="">what the file holds</option><option value="trade">trade</option><option value="aggTrade">aggTrade</option></select></label>
        <label>Files, one per line<textarea data-testid="import-file" rows={3} spellCheck={false} value={files} onChange={(event) => setFiles(event.target.value)} placeholder="/path/to/capture.txt.gz" /></label>
        <button type="button" className="small" data-testid="import-browse" onClick={() => void choose()}>Choose files…</button>
        {isBrowsing && <Browse onPick={(path) => add([path])} />}
        <label>Name of the capture<input data-testid="import-capture" value={captureId} placeholder={id} spellCheck={false} onChange={(event) => setCaptureId(event.target.value)} /></label>
        {trouble !== undefined && <p className="tone-trouble" role="alert">{trouble}</p>}
        <button type="submit" className="wide" data-testid="import-start">Import</button>
      </form>
    </Dialog>
  );
}
