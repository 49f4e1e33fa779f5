// What a page of ours may load and do, as response headers. One policy for both shells: a hole in one would be one in both.

/** Headers that depend on nothing. `same-origin` twice, since another port of 127.0.0.1 counts as the same site. */
const FIXED_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
};

/** For answers that are no page: nothing at all may load. */
const NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * Nothing inline at all, so there is no nonce that could leak: the screen's libraries that would write style elements are used
 * in their other modes. `socketOrigins`: where its WebSocket may go, for browsers to which `'self'` means http only.
 */
function pagePolicy(socketOrigins: readonly string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    `connect-src ${["'self'", ...socketOrigins].join(" ")}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

export function plainHeaders(): Record<string, string> {
  return { ...FIXED_HEADERS, "content-security-policy": NOTHING };
}

export function pageHeaders(socketOrigins: readonly string[]): Record<string, string> {
  return { ...FIXED_HEADERS, "content-security-policy": pagePolicy(socketOrigins) };
}
