// The person's settings, one small JSON file in the data folder. Replaced whole, so it is never half-written.
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { fault } from "../../shared/base.ts";

const SETTINGS_BYTES_MAX = 256 * 1_024;
const settingsSchema = z.record(z.string(), z.json());
export type Settings = z.infer<typeof settingsSchema>;

/** Reads the settings; an absent file is empty settings. Throws `settings.damaged`, naming the file. */
export async function readSettings(dataFolder: string): Promise<Settings> {
  const file = join(dataFolder, "settings.json");
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw fault("settings.unreadable", `Cannot read ${file}: ${(error as Error).message}`);
  }
  try {
    return settingsSchema.parse(JSON.parse(text));
  } catch (error) {
    throw fault("settings.damaged", `${file} is not a JSON object of settings (${(error as Error).message}): repair or delete it`);
  }
}

/** Replaces the settings. Throws `settings.too-large`. */
export async function writeSettings(dataFolder: string, settings: Readonly<Record<string, unknown>>): Promise<Settings> {
  const checked = settingsSchema.parse(settings);
  const text = `${JSON.stringify(checked, undefined, 2)}\n`;
  if (text.length > SETTINGS_BYTES_MAX) throw fault("settings.too-large", `Settings take ${text.length} bytes; at most ${SETTINGS_BYTES_MAX} are kept`);
  const file = join(dataFolder, "settings.json");
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return checked;
}
