// Symbols that a person added to what is recorded, kept in the settings under `recordSymbols`, by venue.
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import { VENUE_IDS, type VenueId } from "../../shared/market.ts";
import type { Settings } from "./settings.ts";

const SYMBOLS_MAX = 500;
const schema = z.partialRecord(z.enum(VENUE_IDS), z.array(z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/)).max(SYMBOLS_MAX));

export type AddedSymbols = Readonly<Partial<Record<VenueId, readonly string[]>>>;

/** Throws `settings.damaged`, naming the key. */
export function addedSymbols(settings: Settings): AddedSymbols {
  const parsed = schema.safeParse(settings["recordSymbols"] ?? {});
  if (!parsed.success) throw fault("settings.damaged", `The settings have no usable recordSymbols (${JSON.stringify(settings["recordSymbols"])}): correct or remove it in settings.json`);
  return Object.fromEntries(Object.entries(parsed.data).filter(([, symbols]) => symbols !== undefined));
}

/** Each symbol once. Throws `record.too-many-symbols`. */
export function withSymbol(added: AddedSymbols, venue: VenueId, symbol: string): Record<string, string[]> {
  const symbols = [...new Set([...(added[venue] ?? []), symbol])];
  if (symbols.length > SYMBOLS_MAX) throw fault("record.too-many-symbols", `${venue} has ${SYMBOLS_MAX} added symbols already: remove some from recordSymbols in settings.json`);
  return { ...Object.fromEntries(Object.entries(added).map(([name, list]) => [name, [...list]])), [venue]: symbols };
}
