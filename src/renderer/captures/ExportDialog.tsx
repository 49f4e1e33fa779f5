// Owns the export of a capture: to a folder, to S3, or as one MCAP file. The work shows as a job; what was verified, its summary says.
import { useState, type FormEvent, type ReactElement } from "react";
import { useStore } from "zustand";
import { engine } from "../engine/session.ts";
import { faultOf } from "../engine/client.ts";
import { bytes, count } from "../format/numbers.ts";
import { utc } from "../format/times.ts";
import { Dialog } from "../panels/Dialog.tsx";
import { Field } from "../panels/Field.tsx";
import { engineStore } from "../store/engine-state.ts";
import { openDialog, screenStore } from "../store/screen.ts";
import { exportTrouble, type ExportKind } from "./words.ts";

const KINDS: readonly { readonly id: ExportKind; readonly title: string; readonly hint: string; readonly example: string }[] = [
  { id: "folder", title: "Folder", hint: "Parquet in Hive partitions: exchange, stream, symbol, date. Files that are there and equal are left alone.", example: "/data/lake" },
  { id: "s3", title: "S3", hint: "The same lake in a bucket, in parts that can be resumed. Keys and endpoint come from the environment that Tapedeck was started in.", example: "s3://bucket/prefix" },
  { id: "mcap", title: "MCAP file", hint: "Every raw message in one indexed file that Foxglove and other tools open.", example: "/data/capture.mcap" },
];

export function ExportDialog(): ReactElement {
  const captureId = useStore(screenStore, (state) => state.exportedId);
  const capture = useStore(engineStore, (state) => state.captures?.find((one) => one.captureId === captureId));
  const [kind, setKind] = useState<ExportKind>("folder");
  const [to, setTo] = useState("");
  const [refusal, setRefusal] = useState<string | undefined>(undefined);
  const chosen = KINDS.find(({ id }) => id === kind);
  const trouble = exportTrouble(kind, to);
  const start = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (captureId === undefined || trouble !== undefined) return;
    if (to.trim() === "") {
      setRefusal("Say where to export to.");
      return;
    }
    try {
      await engine().call("export.start", { captureId, to: to.trim() });
      openDialog(undefined);
    } catch (error) {
      setRefusal(faultOf(error).message);
    }
  };
  return (
    <Dialog name="export" title={`Export ${captureId ?? ""}`} testId="export-dialog" isSticky>
      <form className="form" onSubmit={(event) => void start(event)}>
        <p className="dim num">{capture === undefined ? "This capture is no longer here." : `${count(capture.events)} events · ${bytes(capture.bytes)} · ${capture.exportedMs === undefined ? "never exported whole" : `exported and verified ${utc(capture.exportedMs)} UTC`}`}</p>
        <div className="choices" role="radiogroup" aria-label="Where to">
          {KINDS.map(({ id, title }) => <button key={id} type="button" role="radio" aria-checked={id === kind} className="small" data-testid={`export-${id}`} onClick={() => { setKind(id); setRefusal(undefined); }}>{title}</button>)}
        </div>
        <Field title={kind === "mcap" ? "File" : kind === "s3" ? "Bucket and prefix" : "Folder"} testId="export-to" value={to} onChange={(value) => { setTo(value); setRefusal(undefined); }} trouble={trouble} hint={chosen?.hint} placeholder={chosen?.example ?? ""} isMono isFirst />
        {refusal !== undefined && <p className="tone-trouble" role="alert" data-testid="export-trouble">{refusal}</p>}
        <button type="submit" className="wide" data-testid="export-start" disabled={trouble !== undefined || capture === undefined}>Export and verify</button>
      </form>
    </Dialog>
  );
}
