// One page's MessagePort as a ClientPort for the engine.
import type { ClientPort } from "../../engine/client-port.ts";
import type { ElectronPort } from "./electron-api.ts";

/** `note` hears of messages that are no buffer: they end the connection, since one lost command would never be answered. */
export function enginePort(port: ElectronPort, note: (line: string) => void): ClientPort {
  let open = true;
  const closeListeners: (() => void)[] = [];
  const ended = (): void => {
    if (!open) return;
    open = false;
    for (const listener of closeListeners) listener();
  };
  port.on("close", ended);
  return {
    send(bytes) {
      if (open) port.postMessage(bytes);
    },
    onMessage(listener) {
      port.on("message", ({ data }) => {
        if (!open) return;
        if (data instanceof ArrayBuffer) {
          listener(data);
          return;
        }
        note("the screen sent something that is no buffer and was disconnected");
        port.close();
        ended();
      });
      // Messages wait in the port until somebody listens.
      port.start();
    },
    onClose(listener) {
      closeListeners.push(listener);
    },
    close() {
      port.close();
      ended();
    },
  };
}
