// Everything that `npm run fuzz -- <target>` knows, and that `npm test` runs for a short while.
import { importerTargets } from "../importers/importers.fuzz.ts";
import { decoderTargets } from "../venues/decoders.fuzz.ts";
import type { FuzzTarget } from "./frame.ts";

export const fuzzTargets: readonly FuzzTarget[] = [...decoderTargets, ...importerTargets];
