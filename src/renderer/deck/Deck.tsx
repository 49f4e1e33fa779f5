// Owns the replay deck: the whole tape as a line, transport, speed, where the cursor stands, going to a moment, bookmarks.
import { useEffect, useRef, type ReactElement } from "react";
import { useStore } from "zustand";
import { DropdownMenu } from "radix-ui";
import { SPEEDS } from "../../shared/protocol/commands.ts";
import type { PlayerView } from "../../shared/protocol/frames.ts";
import { run } from "../engine/session.ts";
import { count, speed as speedText } from "../format/numbers.ts";
import { localTime, utc } from "../format/times.ts";
import { setSpeed, speedTitle } from "../keyboard/actions.ts";
import { ActionButton } from "../panels/ActionButton.tsx";
import { Icon } from "../panels/Icon.tsx";
import { engineStore } from "../store/engine-state.ts";
import { deleteBookmark, screenStore } from "../store/screen.ts";
import { TapeLine } from "./TapeLine.tsx";
import { GoTo } from "./GoTo.tsx";

const usePlayer = (): PlayerView | undefined => useStore(engineStore, (state) => state.player);

function SpeedMenu({ speed }: { readonly speed: number }): ReactElement {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="picker speed" data-testid="deck-speed" title="Speed ([ and ])" aria-label={`Speed ${speedText(speed)}`}><span className="num">{speedText(speed)}</span><Icon name="down" /></DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" side="top" sideOffset={4}>
          <DropdownMenu.RadioGroup value={String(speed)} onValueChange={(value) => setSpeed(Number(value))}>
            {SPEEDS.map((one) => <DropdownMenu.RadioItem key={one} value={String(one)} className="menu-item num">{one === 0 ? speedTitle(0) : speedText(one)}</DropdownMenu.RadioItem>)}
          </DropdownMenu.RadioGroup>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function Bookmarks({ captureId }: { readonly captureId: string | undefined }): ReactElement {
  const all = useStore(screenStore, (state) => state.bookmarks);
  const mine = all.filter((bookmark) => bookmark.captureId === captureId);
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="picker" data-testid="deck-bookmarks" aria-label={`Bookmarks, ${mine.length}`}><span className="num">{mine.length}</span><Icon name="down" /></DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" side="top" sideOffset={4} align="end">
          {mine.length === 0 && <p className="empty">Press B to keep a moment of this tape here.</p>}
          {mine.map((bookmark) => (
            <div key={bookmark.id} className="row">
              <DropdownMenu.Item className="menu-item num grow" onSelect={() => run("player", { type: "seek_cursor", cursor: bookmark.cursor })}>{bookmark.name} <span className="dim">#{count(bookmark.seq)}</span></DropdownMenu.Item>
              <DropdownMenu.Item className="menu-item" aria-label={`Delete bookmark ${bookmark.name}`} onSelect={() => deleteBookmark(bookmark.id)}><Icon name="close" /></DropdownMenu.Item>
            </div>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

const MODE_NOTES: Readonly<Partial<Record<PlayerView["mode"], string>>> = { opening: "opening…", seeking: "seeking…", failed: "failed" };

function Where({ player }: { readonly player: PlayerView | undefined }): ReactElement {
  if (player === undefined) return <span className="where dim">no tape is open</span>;
  const { point } = player;
  const isBefore = point.seq === 0 && point.cursor === undefined;
  const note = player.fault?.message ?? MODE_NOTES[player.mode];
  return (
    <span className="where num">
      <span data-testid="deck-time" data-known-ms={point.knownMs} title={isBefore ? "" : localTime(point.knownMs)}>{isBefore ? "before the first event" : `${utc(point.knownMs)} UTC`}</span>
      <span className="dim"> · </span>
      <span data-testid="deck-seq" data-seq={point.seq} data-digest={player.digest ?? ""} title={player.digest === undefined ? "" : `State digest ${player.digest}`}>#{count(point.seq)}</span>
      {note !== undefined && <span className={`clip ${player.fault === undefined ? "dim" : "tone-trouble"}`}> {note}</span>}
    </span>
  );
}

export function Deck(): ReactElement {
  const player = usePlayer();
  const goTo = useRef<HTMLInputElement>(null);
  const dialog = useStore(screenStore, (state) => state.dialog);
  useEffect(() => {
    if (dialog !== "goto") return;
    goTo.current?.focus();
    goTo.current?.select();
    screenStore.setState({ dialog: undefined });
  }, [dialog]);
  const isRunning = player?.mode === "playing" || player?.mode === "following";
  const isFollowing = player?.mode === "following";
  const isOff = player === undefined;
  return (
    <div className="deck" role="group" aria-label="Replay" data-mode={player?.mode ?? "none"} data-testid="deck">
      <TapeLine />
      <div className="deck-row">
        <ActionButton action="to-start" disabled={isOff} testId="deck-start"><Icon name="start" /></ActionButton>
        <ActionButton action="bar-back" disabled={isOff} testId="deck-step-bar-back"><Icon name="bar-back" /></ActionButton>
        <ActionButton action="event-back" disabled={isOff} testId="deck-step-event-back"><Icon name="event-back" /></ActionButton>
        <ActionButton action="play-pause" disabled={isOff} testId="deck-play" className="tool play" pressed={isRunning}><Icon name={isRunning ? "pause" : "play"} /></ActionButton>
        <ActionButton action="event-forward" disabled={isOff} testId="deck-step-event-forward"><Icon name="event-forward" /></ActionButton>
        <ActionButton action="bar-forward" disabled={isOff} testId="deck-step-bar-forward"><Icon name="bar-forward" /></ActionButton>
        <ActionButton action="live" disabled={isOff} testId="deck-live" className="tool live-button" pressed={isFollowing}><span className="live-dot" aria-hidden="true" />{player?.growing === false ? "End" : "Live"}</ActionButton>
        <SpeedMenu speed={player?.speed ?? 1} />
        <Where player={player} />
        <span className="grow" />
        <GoTo inputRef={goTo} dayOfMs={player?.point.knownMs ?? 0} />
        <ActionButton action="copy-cursor" disabled={isOff} testId="deck-copy-cursor"><Icon name="copy" /></ActionButton>
        <ActionButton action="bookmark" disabled={isOff} testId="deck-bookmark"><Icon name="bookmark" /></ActionButton>
        <Bookmarks captureId={player?.captureId} />
      </div>
    </div>
  );
}
