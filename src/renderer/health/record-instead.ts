// Owns the answer to a renamed symbol: its new name is recorded too, in the same capture.
import type { StreamHealth } from "../../shared/protocol/health.ts";
import { carryOut } from "../engine/session.ts";
import { addNote } from "../store/toasts.ts";

export async function recordInstead({ venue, renamedTo }: Pick<StreamHealth, "venue" | "symbol" | "renamedTo">): Promise<void> {
  if (renamedTo === undefined) return;
  if (await carryOut("record.symbol", { venue, symbol: renamedTo })) addNote(`${renamedTo} is recorded from now on, in the same capture`);
}
