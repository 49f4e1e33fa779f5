// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
export enum Grade {
  UNKNOWN = 0,
  PROVED = 1,
  LIKELY = 2,
  UNPROVABLE = 3,
  PARTIAL = 4,
  REPAIRED = 5,
  UNRESOLVED = 6,
  EMPTY_PROVED = 7,
  MISSING = 8,
  GAP_UNRESOLVED = 9
}
