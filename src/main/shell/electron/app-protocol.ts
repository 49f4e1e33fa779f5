// The address app://tapedeck/, under which the page is served from memory with the same policy as in the browser shell.
import type { ElectronApi } from "./electron-api.ts";
import { textAnswer, type ScreenAnswer, type ScreenFiles } from "../screen-files.ts";

export const APP_SCHEME = "app";
export const APP_ORIGIN = "app://tapedeck";
export const APP_PAGE = `${APP_ORIGIN}/`;

export function isOurPage(url: string): boolean {
  return url.startsWith(APP_PAGE);
}

/** Before the app is ready; afterwards Electron no longer listens. */
export function registerAppScheme(protocol: ElectronApi["protocol"]): void {
  protocol.registerSchemesAsPrivileged([{ scheme: APP_SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } }]);
}

export function serveApp(protocol: ElectronApi["protocol"], files: ScreenFiles): void {
  protocol.handle(APP_SCHEME, (request) => {
    const { status, headers, body } = answer(request, files);
    return new Response(body, { status, headers });
  });
}

function answer(request: { readonly url: string; readonly method: string }, files: ScreenFiles): ScreenAnswer {
  if (!isOurPage(request.url)) return textAnswer(404, "There is nothing at this address.");
  if (request.method !== "GET") return textAnswer(405, "Only GET.");
  const [path = ""] = request.url.slice(APP_ORIGIN.length).split(/[?#]/, 1);
  return files.answer(path, []);
}
