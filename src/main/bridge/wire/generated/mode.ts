// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
export enum Mode {
  LIVE = 0,
  REPLAY = 1,
  SIMULATED = 2
}
