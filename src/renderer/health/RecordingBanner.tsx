// Owns the line over the screen while recording has stopped against its will, or the disk is about to stop it.
import type { ReactElement } from "react";
import { useStore } from "zustand";
import { act } from "../keyboard/actions.ts";
import { engineStore } from "../store/engine-state.ts";
import { screenStore } from "../store/screen.ts";
import { diskSentence } from "./words.ts";

export function RecordingBanner(): ReactElement | undefined {
  const state = useStore(engineStore, (engine) => engine.recording?.state);
  const fault = useStore(engineStore, (engine) => engine.recording?.fault?.message);
  const disk = useStore(engineStore, (engine) => engine.health?.disk);
  const isDockHealth = useStore(screenStore, (screen) => screen.dock === "health");
  const isHalted = state === "halted";
  const sentence = diskSentence(disk, state === "recording");
  if (!isHalted && sentence === undefined) return undefined;
  const isFull = isHalted || disk?.state === "full";
  const halted = `Recording is HALTED${fault === undefined ? "" : `: ${fault}`}. Everything that was recorded can still be replayed.`;
  return (
    <div className={`banner ${isFull ? "banner-trouble" : "banner-warn"}`} role="alert" data-testid="disk-banner" data-state={isHalted ? "halted" : disk?.state}>
      <span className="grow">{isHalted && disk?.state !== "full" ? halted : (sentence ?? halted)}</span>
      {(state === "off" || isHalted) && <button type="button" className="small" onClick={() => act("record-start")}>Start recording</button>}
      {disk !== undefined && disk.state !== "ok" && <button type="button" className="small" onClick={() => act("retention")}>Retention…</button>}
      {!isDockHealth && <button type="button" className="small" onClick={() => act("health")}>Health</button>}
    </div>
  );
}
