// Who may talk to the browser shell: somebody who was told this launch's token, once exchanged for a cookie.
import { createHash, timingSafeEqual } from "node:crypto";

/** Of tokens for one use that nobody used: a window that did not open leaves one behind. */
const UNUSED_MAX = 16;

function same(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash("sha256").update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(a, b);
}

export class Access {
  /** Printed to the person who started us; good for as many tabs as they like while we run. */
  readonly token: string;
  readonly #randomToken: () => string;
  readonly #secret: string;
  readonly #cookieName: string;
  readonly #forOneUse: string[] = [];

  /** `randomToken` returns unguessable text of URL-safe characters. Cookies ignore ports, so the port is in the name. */
  constructor(options: { readonly port: number; readonly randomToken: () => string }) {
    this.#randomToken = options.randomToken;
    this.token = options.randomToken();
    this.#secret = options.randomToken();
    this.#cookieName = `tapedeck-${options.port}`;
  }

  /** For an address that goes onto a command line, where every user of the machine can read it: worthless after its first use. */
  tokenForOneUse(): string {
    const token = this.#randomToken();
    this.#forOneUse.push(token);
    if (this.#forOneUse.length > UNUSED_MAX) this.#forOneUse.shift();
    return token;
  }

  /** The `set-cookie` value for a right token, else undefined. */
  exchange(token: string): string | undefined {
    const index = this.#forOneUse.findIndex((one) => same(one, token));
    if (index !== -1) this.#forOneUse.splice(index, 1);
    else if (!same(this.token, token)) return undefined;
    return `${this.#cookieName}=${this.#secret}; Path=/; HttpOnly; SameSite=Strict`;
  }

  isSignedIn(cookieHeader: string | undefined): boolean {
    return (cookieHeader ?? "").split(";").some((pair) => {
      const [name = "", value = ""] = pair.trim().split("=", 2);
      return name === this.#cookieName && same(value, this.#secret);
    });
  }
}
