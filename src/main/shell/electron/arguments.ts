// Which words of the process's command line are ours: Electron's and Chromium's own switches stand among them.

const CHROMIUM_SWITCHES = new Set([
  "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging", "--inspect", "--remote-debugging-port", "--user-data-dir",
  "--ozone-platform", "--ozone-platform-hint", "--enable-features", "--disable-features", "--force-device-scale-factor", "--lang",
  "--password-store", "--use-gl",
]);

/** Packaged: everything but Chromium's switches. From a checkout: everything after the entry file. */
export function ownArguments(argv: readonly string[], isPackaged: boolean): readonly string[] {
  const words = argv.slice(1);
  if (isPackaged) return words.filter((word) => !CHROMIUM_SWITCHES.has(word.split("=", 1)[0] ?? ""));
  const entry = words.findIndex((word) => !word.startsWith("-"));
  return entry === -1 ? [] : words.slice(entry + 1);
}
