// Owns the first forms of revised bars: asked for on hover, remembered per version. Floats, for drawing only.
import type { ShownBarKey } from "../../shared/candles.ts";
import { engine } from "../engine/session.ts";
import type { GhostBar } from "./primitive.ts";

/** Enough for every revised bar that fits on a screen. */
const REMEMBERED_MAX = 512;
const remembered = new Map<string, GhostBar | undefined>();

/** Undefined when the bar has only one version, or when the engine cannot tell: a ghost is an extra, not worth a toast. */
export async function readGhost(key: ShownBarKey, atSeq: number): Promise<GhostBar | undefined> {
  const name = `${key.venue}:${key.symbol}:${key.interval}:${key.openMs}:${atSeq}`;
  if (remembered.has(name)) return remembered.get(name);
  try {
    const report = await engine().call("bar.inspect", { key });
    const first = report.versions.length > 1 ? report.versions[0] : undefined;
    const ghost = first === undefined ? undefined : {
      openMs: key.openMs, open: Number(first.values["open"]), high: Number(first.values["high"]), low: Number(first.values["low"]), close: Number(first.values["close"]),
    };
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    remembered.set(name, ghost);
    return ghost;
  } catch {
    return undefined;
  }
}
