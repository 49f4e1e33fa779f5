// Uploads to S3 that are not finished, remembered beside the capture so that a later run goes on with them.
import { z } from "zod";
import { canonicalStringify } from "../../shared/canonical-json.ts";
import type { Disk } from "../rawlog/types.ts";

/** In the capture's folder. */
export const UPLOADS_FILE = "exporting.json";

const hash = z.string().regex(/^[0-9a-f]{64}$/);
/** `kept`: the server said that it keeps the part's SHA-256. */
const partSchema = z.strictObject({ etag: z.string(), sha256: hash, kept: z.boolean() });
const uploadSchema = z.strictObject({
  upload_id: z.string(),
  /** Of the file: another file's parts are of no use. */
  sha256: hash,
  part_bytes: z.number().int().positive(),
  /** By part number. */
  parts: z.record(z.string(), partSchema),
});
export type Upload = z.infer<typeof uploadSchema>;
const stateSchema = z.strictObject({ format: z.literal(1), uploads: z.record(z.string(), uploadSchema) });

/** By destination: endpoint and `s3://bucket/key`. */
export class Uploads {
  readonly #disk: Disk;
  readonly #path: string;
  #uploads: Record<string, Upload>;
  #saving: Promise<void> = Promise.resolve();

  private constructor(disk: Disk, path: string, uploads: Record<string, Upload>) {
    this.#disk = disk;
    this.#path = path;
    this.#uploads = uploads;
  }

  /** A file that cannot be read remembers nothing: its uploads begin anew. */
  static async open(disk: Disk, captureFolder: string): Promise<Uploads> {
    const path = `${captureFolder}/${UPLOADS_FILE}`;
    if ((await disk.size(path)) === undefined) return new Uploads(disk, path, {});
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(await disk.readFile(path)).toString("utf8"));
    } catch {
      value = undefined;
    }
    const state = stateSchema.safeParse(value);
    return new Uploads(disk, path, state.success ? state.data.uploads : {});
  }

  get(key: string): Upload | undefined {
    return Object.hasOwn(this.#uploads, key) ? this.#uploads[key] : undefined;
  }

  get keys(): readonly string[] {
    return Object.keys(this.#uploads);
  }

  /** Durable when it resolves. */
  set(key: string, upload: Upload): Promise<void> {
    this.#uploads = { ...this.#uploads, [key]: upload };
    return this.#save();
  }

  async addPart(key: string, number: number, part: Upload["parts"][string]): Promise<void> {
    const upload = this.get(key);
    if (upload !== undefined) await this.set(key, { ...upload, parts: { ...upload.parts, [number]: part } });
  }

  forget(key: string): Promise<void> {
    this.#uploads = Object.fromEntries(Object.entries(this.#uploads).filter(([other]) => other !== key));
    return this.#save();
  }

  /** One write at a time, each of what is remembered by then. */
  #save(): Promise<void> {
    const saved = this.#saving.then(async () => {
      if (Object.keys(this.#uploads).length === 0) {
        if ((await this.#disk.size(this.#path)) !== undefined) await this.#disk.remove(this.#path);
      } else await this.#disk.replaceFile(this.#path, Buffer.from(`${canonicalStringify({ format: 1, uploads: this.#uploads })}\n`, "utf8"));
    });
    this.#saving = saved.catch(() => undefined); // whoever asked is told; the next one only waits
    return saved;
  }
}
