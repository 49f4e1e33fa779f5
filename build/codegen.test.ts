// The committed wire code is what flatc makes of the schema today. Skips where there is no flatc of that version.
import { expect, test } from "vitest";
import { firstDifference, flatcVersion } from "./codegen.mjs";

const version = flatcVersion();

test.skipIf(version !== "flatc version 2.0.8")(`generated wire code matches schemas/market_data.fbs (skips without flatc 2.0.8; found ${version ?? "none"})`, () => {
  expect(firstDifference()).toBeUndefined();
});
