// Owns the few glyphs of the screen as paths on a 16 × 16 grid, so that no icon depends on a font.
import type { ReactElement } from "react";

const PATHS = {
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  "event-forward": "M4 3v10l6-5zM11 3h2v10h-2z",
  "event-back": "M12 3v10L6 8zM3 3h2v10H3z",
  "bar-forward": "M1.5 3v10L7 8zM7 3v10l5.500-5zM13 3h1.700v10H13z",
  "bar-back": "M14.500 3v10L9 8zM9 3v10L3.500 8zM1.300 3H3v10H1.300z",
  start: "M13 3v10L6 8zM3 3h2v10H3z",
  bookmark: "M4 2h8v12l-4-3-4 3z",
  search: "M7 2a5 5 0 1 0 3 9l3.300 3.300 1-1L11 10a5 5 0 0 0-4-8zm0 1.500a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7z",
  theme: "M8 1.500a6.500 6.500 0 1 0 0 13zM8 1.500a6.500 6.500 0 0 1 0 13z",
  settings: "M2 4h7v1.500H2zM12 4h2v1.500h-2zM9.500 2.500H11.500v4.500H9.500zM2 10.500h2v1.500H2zM7 10.500h7v1.500H7zM4.500 9h2v4.500h-2z",
  share: "M11.500 1.500a2.500 2.500 0 1 1-1.900 4.100L6.400 7.300a2.500 2.500 0 0 1 0 1.400l3.200 1.700a2.500 2.500 0 1 1-.700 1.300L5.700 10a2.500 2.500 0 1 1 0-4l3.200-1.700a2.500 2.500 0 0 1 2.600-2.800z",
  info: "M8 1.500a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zM7.200 4.200h1.600v1.600H7.200zM7.200 7h1.600v5H7.200z",
  close: "M3.500 2.500 8 7l4.500-4.500 1 1L9 8l4.500 4.500-1 1L8 9l-4.500 4.500-1-1L7 8 2.500 3.500z",
  down: "M3 5.500h10L8 11z",
  plus: "M7.200 2.500h1.600v4.700h4.700v1.600H8.800v4.700H7.200V8.800H2.500V7.200h4.700z",
  star: "M8 1.800l1.900 4 4.300.5-3.200 3 .9 4.300L8 11.400l-3.900 2.200.9-4.300-3.200-3 4.300-.5z",
  copy: "M5 1.500h8v10h-2V14H3V4h2zM6.300 4H11v6.200h.7V2.800H6.300z",
  check: "M2.500 8.500 6 12l7.500-8-1.100-1L6 9.800 3.600 7.400z",
  panel: "M1.500 2.500h13v11h-13zM10 4H3v8h7z",
  more: "M2.500 6.700H5v2.600H2.500zM6.700 6.700h2.600v2.600H6.700zM11 6.700h2.500v2.600H11z",
  pin: "M5 1.500h6v1.300l-1 .9v3.600l2 2v1.400H8.700V15H7.300v-4.300H4V9.300l2-2V3.700l-1-.9z",
  up: "M3 10.500h10L8 5z",
  keys: "M1.500 4h13v8h-13zM3 5.500v1h1.500v-1zM6 5.500v1h1.500v-1zM9 5.500v1h1.500v-1zM12 5.500v1h1v-1zM4.500 9v1.300h7V9z",
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name }: { readonly name: IconName }): ReactElement {
  return <svg className="icon" viewBox="0 0 16 16" aria-hidden="true"><path d={PATHS[name]} fillRule="evenodd" /></svg>;
}
