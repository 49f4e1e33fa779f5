// `<data>/keys/bridge.json`: read strictly, replaced whole, and never used when others can read it.
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import { diskFault } from "../rawlog/node-disk.ts";
import { isCurveKey } from "./z85.ts";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const OTHERS = 0o077;
export const TRUSTED_MAX = 1_000;

export const curveKeySchema = z.string().refine(isCurveKey, "no CURVE key (40 characters)");
export const keyNameSchema = z.string().regex(/^[\p{L}\p{N}](?:[\p{L}\p{N} ._@-]{0,58}[\p{L}\p{N}.])?$/u, "a name has 1 to 60 letters, digits, spaces and . _ @ -, and begins with a letter or digit");

const keyFileSchema = z.strictObject({
  version: z.literal(1),
  /** The secret key as it is, or as the system's key store sealed it. */
  own: z.union([
    z.strictObject({ publicKey: curveKeySchema, secretKey: curveKeySchema }),
    z.strictObject({ publicKey: curveKeySchema, sealedSecretKey: z.string().min(1).max(4_096) }),
  ]).optional(),
  trusted: z.array(z.strictObject({ name: keyNameSchema, publicKey: curveKeySchema, addedMs: z.number().int().min(0) })).max(TRUSTED_MAX),
});
export type KeyFile = z.infer<typeof keyFileSchema>;

export function keyFileOf(dataFolder: string): string {
  return join(dataFolder, "keys", "bridge.json");
}

/** The folder of the keys, made if need be; for this user only. */
export async function makeKeyFolder(file: string): Promise<string> {
  const folder = dirname(file);
  try {
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
  } catch (error) {
    throw diskFault(error, "create the folder", folder);
  }
  return folder;
}

/** An absent file holds nothing. Throws `keys.readable-by-others`, `keys.damaged` and the disk's faults. */
export async function readKeyFile(file: string): Promise<KeyFile> {
  let text: string;
  try {
    const { mode } = await stat(file);
    // Windows has no such bits; its folder belongs to the user.
    if (process.platform !== "win32" && (mode & OTHERS) !== 0) {
      throw fault("keys.readable-by-others", `${file} holds a secret key and other users can read or change it (mode ${(mode & 0o777).toString(8)}): chmod 600 ${file}, and make a new pair if somebody may have read it`);
    }
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { version: 1, trusted: [] };
    throw diskFault(error, "read", file);
  }
  return parse(file, text);
}

function parse(file: string, text: string): KeyFile {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Not with the parser's words: they quote what is in the file.
    throw fault("keys.damaged", `${file} is no JSON: repair it, or delete it and make a new pair (tapedeck keys new)`);
  }
  const parsed = keyFileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw fault("keys.damaged", `${file}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}: repair it, or delete it and make a new pair (tapedeck keys new)`);
}

/** Whole or not at all, readable by this user only from its first byte on. */
export async function replaceKeyFile(file: string, content: KeyFile): Promise<void> {
  const folder = await makeKeyFolder(file);
  const temporary = `${file}.new`;
  try {
    await rm(temporary, { force: true });
    const handle = await open(temporary, "wx", FILE_MODE);
    try {
      await handle.writeFile(`${JSON.stringify(keyFileSchema.parse(content), undefined, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    const directory = await open(folder, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } catch (error) {
    throw diskFault(error, "write", file);
  }
}
