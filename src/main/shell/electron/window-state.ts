// Where the window was, kept between starts, and put back only where a person can reach it.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import type { Rectangle } from "./electron-api.ts";

export const WINDOW_DEFAULT = { width: 1440, height: 900 } as const;
export const WINDOW_MINIMUM = { width: 960, height: 600 } as const;
// Enough of the title bar to take hold of.
const REACHABLE = { width: 120, height: 40 } as const;

const schema = z.strictObject({
  x: z.number().int(), y: z.number().int(), width: z.number().int().positive(), height: z.number().int().positive(), maximized: z.boolean(),
});
export type WindowState = z.infer<typeof schema>;

function overlap(from: number, length: number, otherFrom: number, otherLength: number): number {
  return Math.min(from + length, otherFrom + otherLength) - Math.max(from, otherFrom);
}

/** Size and place to open with: as kept when its top edge is within a display, else only the size, at most the first display's. */
export function placeWindow(state: WindowState | undefined, displays: readonly Rectangle[]): Partial<Rectangle> & { width: number; height: number } {
  const [first] = displays;
  const most = first ?? WINDOW_DEFAULT;
  const width = Math.min(Math.max(state?.width ?? WINDOW_DEFAULT.width, WINDOW_MINIMUM.width), most.width);
  const height = Math.min(Math.max(state?.height ?? WINDOW_DEFAULT.height, WINDOW_MINIMUM.height), most.height);
  if (state === undefined) return { width, height };
  const reachable = displays.some((display) =>
    overlap(state.x, state.width, display.x, display.width) >= REACHABLE.width &&
    state.y >= display.y && state.y <= display.y + display.height - REACHABLE.height);
  return reachable ? { x: state.x, y: state.y, width: state.width, height: state.height } : { width, height };
}

/** Undefined when there is none, or none that can be read: a window's place is not worth a failed start. */
export function readWindowState(file: string): WindowState | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Replaces the file whole. Throws what the file system throws. */
export function writeWindowState(file: string, state: WindowState): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, JSON.stringify(state));
  renameSync(`${file}.new`, file);
}
