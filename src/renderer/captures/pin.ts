// Owns pinning a capture: retention never takes a pinned one, and both ways can be undone.
import { carryOut } from "../engine/session.ts";
import { addUndo } from "../store/toasts.ts";

export async function setPinned(captureId: string, pinned: boolean): Promise<void> {
  if (!(await carryOut("capture.pin", { captureId, pinned }))) return;
  addUndo(pinned ? `${captureId} is pinned: retention keeps it` : `${captureId} is no longer pinned`, () => void carryOut("capture.pin", { captureId, pinned: !pinned }));
}
