// Owns retention: the limits, what they would remove now and why the rest stays, and the sentence without which nothing is saved.
import { useEffect, useState, type FormEvent, type ReactElement } from "react";
import { useStore } from "zustand";
import type { RetentionLimits } from "../../shared/protocol/commands.ts";
import type { RetentionPreview } from "../../shared/protocol/frames.ts";
import { carryOut, engine } from "../engine/session.ts";
import { faultOf } from "../engine/client.ts";
import { bytes } from "../format/numbers.ts";
import { known, UNKNOWN } from "../health/words.ts";
import { Dialog } from "../panels/Dialog.tsx";
import { Field } from "../panels/Field.tsx";
import { engineStore } from "../store/engine-state.ts";
import { openDialog } from "../store/screen.ts";
import { addNote } from "../store/toasts.ts";
import { fieldsOf, isBinding, limitsOf, removalSentence, savedLimits, type LimitFields } from "./words.ts";

/** A person who types is not asked after each digit. */
const PREVIEW_AFTER_MS = 200;
const NO_LIMITS: RetentionLimits = { unexported: false };

type Previewed = { readonly text: string; readonly preview: RetentionPreview | undefined; readonly trouble: string | undefined };

/** What the limits would do now. `text` names the limits that it belongs to: an answer to older ones confirms nothing. */
function usePreview(limits: RetentionLimits | undefined): Previewed | undefined {
  const [shown, setShown] = useState<Previewed | undefined>(undefined);
  const text = limits === undefined ? "" : JSON.stringify(limits);
  useEffect(() => {
    if (limits === undefined || !isBinding(limits)) return undefined;
    let isOver = false;
    const ask = async (): Promise<void> => {
      try {
        const preview = await engine().call("retention.preview", { limits });
        if (!isOver) setShown({ text, preview, trouble: undefined });
      } catch (error) {
        if (!isOver) setShown({ text, preview: undefined, trouble: faultOf(error).message });
      }
    };
    const timer = setTimeout(() => void ask(), PREVIEW_AFTER_MS);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
    // `text` stands for the limits.
  }, [text]);
  return shown?.text === text ? shown : undefined;
}

const STAYS: Readonly<Record<RetentionPreview["keeps"][number]["why"], string>> = {
  "recording": "it is being written", "in use": "it is open", "pinned": "it is pinned", "not exported": "it was never exported whole", "unreadable": "it cannot be read whole: remove it by hand, if at all", "within limits": "it is within the limits",
};

function PreviewList({ preview }: { readonly preview: RetentionPreview }): ReactElement {
  const total = [...preview.removes, ...preview.keeps].reduce((sum, one) => sum + one.bytes, 0);
  return (
    <div className="preview num" data-testid="retention-preview" data-removes={preview.removes.length} data-keeps={preview.keeps.length}>
      <p className="dim">{bytes(total)} in all, {bytes(preview.bytes)} would go:</p>
      <ul aria-label="What would go and what stays">
        {preview.removes.map((one) => <li key={one.captureId} data-goes="true"><span className="row tone-trouble"><span aria-hidden="true">✕</span><b className="grow clip">{one.captureId}</b><span>{bytes(one.bytes)}</span></span><p className="why">goes: {one.why}</p></li>)}
        {preview.keeps.map((one) => <li key={one.captureId} data-goes="false"><span className="row"><span aria-hidden="true">✓</span><span className="clip">{one.captureId}</span><span className="dim grow clip">stays: {STAYS[one.why]}</span><span className="dim">{bytes(one.bytes)}</span></span></li>)}
      </ul>
    </div>
  );
}

async function save(limits: RetentionLimits): Promise<boolean> {
  return carryOut("settings.set", { settings: { retention: limits } });
}

function useSaved(): { readonly saved: RetentionLimits | undefined; readonly isRead: boolean } {
  const [state, setState] = useState<{ readonly saved: RetentionLimits | undefined; readonly isRead: boolean }>({ saved: undefined, isRead: false });
  useEffect(() => {
    let isOver = false;
    void engine().call("settings.get", {}).then((settings) => { if (!isOver) setState({ saved: savedLimits(settings), isRead: true }); }, () => undefined);
    return () => { isOver = true; };
  }, []);
  return state;
}

export function RetentionDialog(): ReactElement {
  const { saved, isRead } = useSaved();
  return (
    <Dialog name="retention" title="Retention" testId="retention-dialog" isSticky>
      {isRead ? <RetentionForm saved={saved} /> : <p className="empty">Reading the limits…</p>}
    </Dialog>
  );
}

function RetentionForm({ saved }: { readonly saved: RetentionLimits | undefined }): ReactElement {
  const disk = useStore(engineStore, (state) => state.health?.disk);
  const [fields, setFields] = useState<LimitFields>(fieldsOf(saved));
  const [confirmed, setConfirmed] = useState<string | undefined>(undefined);
  const read = limitsOf(fields);
  const limits = "limits" in read ? read.limits : undefined;
  const trouble = "trouble" in read ? read.trouble : {};
  const shown = usePreview(limits);
  const isOn = isBinding(limits);
  const sentence = limits !== undefined && isOn && shown?.preview !== undefined ? removalSentence(limits, shown.preview) : undefined;
  const change = (more: Partial<LimitFields>): void => setFields({ ...fields, ...more });
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    // Only the very sentence that was confirmed: another preview asks again.
    if (limits === undefined || sentence === undefined || confirmed !== sentence) return;
    if (await save(limits)) {
      openDialog(undefined);
      addNote("Retention is on: what passes its limits is removed, oldest first");
    }
  };
  const turnOff = async (): Promise<void> => {
    if (!(await save(NO_LIMITS))) return;
    openDialog(undefined);
    addNote("Retention is off: nothing is removed");
  };
  return (
    <form className="form" onSubmit={(event) => void submit(event)}>
      <p className="dim">Pinned captures and the one being recorded always stay{fields.unexported ? "" : ", and so do those that were never exported whole"}. Without a limit nothing is ever removed.
        {" "}Disk: {known(disk?.freeBytes, bytes)} free, {disk?.bytesPerHour === undefined ? UNKNOWN : bytes(disk.bytesPerHour)} an hour.</p>
      <div className="two">
        <Field title="Keep for days" testId="retention-days" value={fields.days} onChange={(days) => change({ days })} trouble={trouble.days} hint="empty: however old" isFirst />
        <Field title="Keep gigabytes in all" testId="retention-bytes" value={fields.gigabytes} onChange={(gigabytes) => change({ gigabytes })} trouble={trouble.gigabytes} hint="empty: however much" />
      </div>
      <label className="check"><input type="checkbox" data-testid="retention-unexported" checked={fields.unexported} onChange={(event) => change({ unexported: event.target.checked })} />Captures that were never exported may be removed too</label>
      {shown?.trouble !== undefined && <p className="tone-trouble" role="alert">{shown.trouble}</p>}
      {isOn && shown === undefined && trouble.days === undefined && trouble.gigabytes === undefined && <p className="dim">Looking at what this would remove…</p>}
      {shown?.preview !== undefined && isOn && <PreviewList preview={shown.preview} />}
      {sentence !== undefined && (
        <label className="check"><input type="checkbox" data-testid="retention-confirm" checked={confirmed === sentence} onChange={(event) => setConfirmed(event.target.checked ? sentence : undefined)} /><b data-testid="retention-sentence">{sentence}</b></label>
      )}
      <div className="row form-buttons">
        {isBinding(saved) && <button type="button" className="small" data-testid="retention-off" onClick={() => void turnOff()}>Turn off</button>}
        <span className="grow" />
        <button type="submit" className="small primary" data-testid="retention-save" disabled={sentence === undefined || confirmed !== sentence}>{isBinding(saved) ? "Save" : "Turn on"}</button>
      </div>
    </form>
  );
}
