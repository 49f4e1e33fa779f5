// Owns the field that takes a moment: a time, a #seq or a cursor. What it cannot read it names, beside the field.
import { useState, type ReactElement, type RefObject } from "react";
import { engine } from "../engine/session.ts";
import { faultOf } from "../engine/client.ts";
import { parseGoTo, type GoTo as Place } from "../format/times.ts";
import type { PlayerCommand } from "../../shared/protocol/commands.ts";

function commandFor(place: Place): PlayerCommand {
  switch (place.kind) {
    case "time":
      return { type: "seek_time", ms: place.ms, fit: "exact" };
    case "seq":
      return { type: "seek_seq", seq: place.seq };
    case "cursor":
      return { type: "seek_cursor", cursor: place.cursor };
  }
}

export function GoTo({ inputRef, dayOfMs }: { readonly inputRef: RefObject<HTMLInputElement | null>; readonly dayOfMs: number }): ReactElement {
  const [trouble, setTrouble] = useState<string | undefined>(undefined);
  const go = async (text: string): Promise<void> => {
    const place = parseGoTo(text, dayOfMs);
    if (place === undefined) {
      setTrouble("Write a time like 23:57:12 or 2024-08-08 23:57, a #seq, or a cursor");
      return;
    }
    try {
      await engine().call("player", commandFor(place));
      setTrouble(undefined);
      if (inputRef.current === null) return;
      inputRef.current.value = "";
      inputRef.current.blur();
    } catch (error) {
      setTrouble(faultOf(error).message);
    }
  };
  return (
    <form className="go-to" onSubmit={(event) => { event.preventDefault(); void go(inputRef.current?.value ?? ""); }}>
      <input
        ref={inputRef} data-testid="goto-input" aria-label="Go to a time, #seq or cursor" placeholder="go to time, #seq, cursor" title="Go to (G)"
        spellCheck={false} autoComplete="off" aria-invalid={trouble !== undefined} onChange={() => setTrouble(undefined)}
        onKeyDown={(event) => { if (event.key === "Escape") event.currentTarget.blur(); }}
      />
      {trouble !== undefined && <span className="go-to-trouble" role="alert">{trouble}</span>}
    </form>
  );
}
