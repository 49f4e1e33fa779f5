// Owns how rows of a table are ordered: by one column, unknown always last, ties in the order they came. Pure.

export interface Sort { readonly column: string; readonly direction: 1 | -1 }

/** What a column sorts by. Undefined and null are unknown. */
export type SortKey = number | string | boolean | null | undefined;

/** The sort after a click: first the natural direction, then the other, then none. */
export function nextSort(now: Sort | undefined, column: string, first: 1 | -1 = 1): Sort | undefined {
  if (now?.column !== column) return { column, direction: first };
  return now.direction === first ? { column, direction: first === 1 ? -1 : 1 } : undefined;
}

export function compareKeys(a: Exclude<SortKey, null | undefined>, b: Exclude<SortKey, null | undefined>): number {
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  return Number(a) - Number(b);
}

/** Sorted copy. Stable; unknown keys go last in both directions. */
export function sorted<T>(rows: readonly T[], direction: 1 | -1, keyOf: (row: T) => SortKey, compare: (a: Exclude<SortKey, null | undefined>, b: Exclude<SortKey, null | undefined>) => number = compareKeys): readonly T[] {
  return rows.map((row) => ({ row, key: keyOf(row) })).sort((a, b) => {
    const [isKnownA, isKnownB] = [a.key !== undefined && a.key !== null, b.key !== undefined && b.key !== null];
    if (a.key === undefined || a.key === null || b.key === undefined || b.key === null) return Number(isKnownB) - Number(isKnownA);
    return direction * compare(a.key, b.key);
  }).map(({ row }) => row);
}
