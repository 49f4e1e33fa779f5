// Owns the colours that canvases need: read from the CSS variables of the theme, so that there is one list of colours.

const NAMES = [
  "ground", "panel", "line", "text", "text-dim", "text-faint", "up", "down", "up-soft", "down-soft", "accent", "trouble", "warn", "live",
  "grade-proved", "grade-repaired", "grade-likely", "grade-unprovable", "grade-partial", "hatch", "revised", "grid",
] as const;
export type PaletteName = (typeof NAMES)[number];
export type Palette = Readonly<Record<PaletteName, string>>;

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Palette;
}
