// Everything a page must not do, refused for every web contents that ever exists, before it loads anything.
import { isAllowedExternal } from "./about.ts";
import { isOurPage } from "./app-protocol.ts";
import type { Cancellable, ElectronApi, ElectronContents, IpcSender } from "./electron-api.ts";

type OpenExternal = (url: string) => void;

/** The page stays where it is; links of the allow-list open in the system's browser, nothing else opens anywhere. */
export function lockContents(contents: ElectronContents, openExternal: OpenExternal): void {
  const stay = (details: Cancellable & { readonly url: string }): void => {
    if (isOurPage(details.url)) return;
    details.preventDefault();
    if (isAllowedExternal(details.url)) openExternal(details.url);
  };
  contents.on("will-frame-navigate", stay);
  contents.on("will-redirect", stay);
  contents.on("will-attach-webview", (event) => {
    event.preventDefault();
  });
  contents.setWindowOpenHandler(({ url }) => {
    if (isAllowedExternal(url)) openExternal(url);
    return { action: "deny" };
  });
}

/** What a page may be granted: writing text to the clipboard in answer to a key or click. */
const GRANTED = "clipboard-sanitized-write";

export function lockSession(session: ElectronApi["session"]): void {
  session.setPermissionRequestHandler((_contents, permission, callback) => {
    callback(permission === GRANTED);
  });
  session.setPermissionCheckHandler((_contents, permission) => permission === GRANTED);
  session.setDevicePermissionHandler(() => false);
}

/** Only the top frame of our window, while it shows our page, is listened to. */
export function isTrusted(event: IpcSender, contents: ElectronContents | undefined): boolean {
  const { sender, senderFrame } = event;
  return sender === contents && senderFrame !== null && senderFrame.parent === null && isOurPage(senderFrame.url);
}
