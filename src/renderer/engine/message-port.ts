// Owns the MessagePort to the engine in the Electron shell. The preload answers `tapedeck.ready` with `tapedeck.port`.
import { PAGE_PORT, PAGE_READY, type PreloadApi } from "../../shared/protocol/preload.ts";
import { RemoteEngine, type TransportEvents } from "./client.ts";

declare global {
  interface Window { readonly tapedeck?: PreloadApi }
}

/** The engine behind the port that the preload hands over. A later port (engine restarted) replaces the one before. */
export function messagePortEngine(page: Window, onBroken: (error: unknown) => void): RemoteEngine {
  return new RemoteEngine({
    onBroken,
    open: (events) => {
      let port: MessagePort | undefined;
      page.addEventListener("message", (message: MessageEvent<unknown>) => {
        const given = message.ports[0];
        if (message.source !== page || given === undefined || !isPortNote(message.data)) return;
        port?.close();
        port = listen(given, events);
      });
      page.postMessage({ type: PAGE_READY }, page.location.origin);
      return {
        send: (buffer) => {
          // Not transferred: a MessagePortMain receives an empty message for every transferred buffer (electron#34905).
          port?.postMessage(buffer);
          return port !== undefined;
        },
      };
    },
  });
}

function isPortNote(data: unknown): boolean {
  return typeof data === "object" && data !== null && (data as { type?: unknown }).type === PAGE_PORT;
}

function listen(port: MessagePort, events: TransportEvents): MessagePort {
  port.addEventListener("message", (message: MessageEvent<unknown>) => {
    if (message.data instanceof ArrayBuffer || message.data instanceof Uint8Array) events.received(message.data);
  });
  port.addEventListener("close", () => events.lost());
  port.start();
  events.opened();
  return port;
}
