// How options that may be repeated are gathered, for commander.

/** `--symbol A --symbol B,C` → A, B, C. */
export function collectWords(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), ...value.split(",").filter((word) => word !== "")];
}

/** One value per option, commas and all. */
export function collectValues(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
