// The one bridge between the page and the main process: four narrow functions and a MessagePort passed through.
// Runs sandboxed, as a single CommonJS file (dist/preload/preload.cjs).
import { contextBridge, ipcRenderer } from "electron";
import { CHANNELS, PAGE_PORT, PAGE_READY, type PreloadApi } from "../../../shared/protocol/preload.ts";

const api: PreloadApi = {
  shell: "electron",
  pickFiles: () => ipcRenderer.invoke(CHANNELS.pickFiles) as Promise<readonly string[]>,
  setTheme: (theme) => {
    ipcRenderer.send(CHANNELS.setTheme, theme);
  },
  onNotice: (listener) => {
    const forward = (_event: unknown, text: string): void => {
      listener(text);
    };
    ipcRenderer.on(CHANNELS.notice, forward);
    ipcRenderer.send(CHANNELS.wantNotices);
    return () => {
      ipcRenderer.removeListener(CHANNELS.notice, forward);
    };
  },
};

contextBridge.exposeInMainWorld("tapedeck", api);

// A MessagePort cannot cross the context bridge; window.postMessage is the documented way into the page's own world.
window.addEventListener("message", (message: MessageEvent<{ readonly type?: unknown } | undefined>) => {
  if (message.source === window && message.data?.type === PAGE_READY) ipcRenderer.send(CHANNELS.connect);
});
ipcRenderer.on(CHANNELS.port, (event) => {
  window.postMessage({ type: PAGE_PORT }, window.location.origin, [...event.ports]);
});
