// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
/**
 * 0 and 1 carry prices. 2 and 3 are marks: they take a sequence like the others, and a reader that wants only prices skips them.
 */
export enum EntryKind {
  SEALED = 0,
  CORRECTION = 1,
  GRADE = 2,
  GAP = 3
}
