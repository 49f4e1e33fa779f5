// What a shell gives the engine for each screen: bytes in, bytes out. The engine knows no transport.

/** One screen's connection, over MessagePort (Electron) or WebSocket (browser). Frames are whole ArrayBuffers. */
export interface ClientPort {
  send(bytes: ArrayBuffer): void;
  onMessage(listener: (bytes: ArrayBuffer) => void): void;
  onClose(listener: () => void): void;
  close(): void;
}
