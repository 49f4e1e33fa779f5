// Who may import whom, as tables. The rule that reads them is in import-directions.mjs; a new folder or package that
// needs an exception gets a line here, with its reason.

/** Code that is a pure function of its arguments: no clock, randomness, timers, I/O or host objects. */
export const PURE_FILES = [
  "src/shared/**",
  "src/main/canonical/**",
  "src/main/venues/*/decode.ts",
  "src/main/replay/player.ts",
];

/** Files that only run under a test runner. They may import across the lines, and nothing else may import them. */
export const TEST_FILES = ["**/*.test.{ts,tsx,mjs}", "**/*.contract.ts", "**/*.fuzz.ts", "**/*.testkit.{ts,tsx}"];
export const TEST_FILE = /\.(test|contract|fuzz|testkit)(\.(ts|tsx|mjs))?$/;

/**
 * What a folder of src/main may import besides itself and src/shared. A folder that is not named may import nothing
 * more. `types` allows `import type` only: the values are handed in by the engine.
 */
export const SIBLING_EXCEPTIONS = {
  // Log → canonicalizer → journals: derive joins the two, replay walks the same road in both directions.
  derive: { values: ["canonical", "rawlog"] },
  replay: { values: ["canonical", "rawlog", "derive"] },
  importers: { values: ["venues", "rawlog"] },
  // The bridge serves what was derived, live or replayed, and reads it from the same files; its clocks and timers are net's,
  // and what a key is, keys knows.
  bridge: { values: ["derive", "rawlog", "canonical", "replay", "net", "keys"] },
  keys: { values: ["rawlog"] },
  // What is scraped is what the bridge's status says.
  metrics: { types: ["bridge"] },
  // The cache is the bridge client's, which knows it as an interface.
  store: { types: ["bridge"] },
  // Log → Parquet: the same events as replay tells, written by DuckDB, which store opens; queries also show what was derived.
  lake: { values: ["rawlog", "replay", "store", "derive"] },
  // The simulator speaks the venues' wire, but its true candles must not come from the code they are to check.
  sim: { types: ["venues"], values: ["net"] },
  // Faults of this machine wrap its real clock and disk.
  faults: { types: ["net", "rawlog"] },
  // Collectors are given their sockets, clocks and timers; only the interfaces are known to them.
  venues: { types: ["net"], values: ["net"] },
};

/** Above the siblings: the engine imports them all, and these import the engine too. Loose files of src/main are entries. */
export const ENGINE = "engine";
export const ENTRY_FOLDERS = ["workers", "processes", "shell", "commands"];

/** Each package and where it may be imported; a path ending in / is a folder. Tests are free, except for electron. */
export const PACKAGES = {
  zod: ["src/"],
  pino: ["src/main/"],

  electron: ["src/main/shell/electron/", "src/main/index.ts"],
  ws: ["src/main/net/", "src/main/sim/", "src/main/shell/browser/"],
  "@mcap/core": ["src/main/rawlog/", "src/main/lake/"],
  "@foxglove/wasm-zstd": ["src/main/rawlog/", "src/main/lake/", "src/main/bridge/wire/"],
  "@aws-sdk/client-s3": ["src/main/lake/"],
  "prom-client": ["src/main/metrics/"],
  commander: ["src/main/cli.ts", "src/main/commands/"],
  zeromq: ["src/main/bridge/"],
  flatbuffers: ["src/main/bridge/"],

  react: ["src/renderer/"],
  "react-dom": ["src/renderer/"],
  "radix-ui": ["src/renderer/"],
  zustand: ["src/renderer/"],
  cmdk: ["src/renderer/"],
  "react-resizable-panels": ["src/renderer/"],
  "@tanstack/react-table": ["src/renderer/"],
  "@tanstack/react-virtual": ["src/renderer/"],
  "@fontsource-variable/inter": ["src/renderer/"],
  "@fontsource-variable/jetbrains-mono": ["src/renderer/"],
  "lightweight-charts": ["src/renderer/chart/"],
  uplot: ["src/renderer/plot/"],

  "@duckdb/node-api": ["src/main/store/", "src/main/lake/", "bench/"],
  "tardis-dev": ["bench/"],
};
