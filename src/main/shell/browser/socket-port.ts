// One screen's WebSocket as a ClientPort: binary only, and a reader that does not keep up is cut off rather than buffered for.
import type { WebSocket } from "ws";
import type { ClientPort } from "../../engine/client-port.ts";

const UNSUPPORTED_DATA = 1003;
const GOING_AWAY = 1001;

export interface SocketPortOptions {
  /** Bytes that may wait in this process for one screen. The protocol has one frame in flight, so this is far from normal. */
  readonly backlogMaxBytes: number;
  note(line: string): void;
}

export function socketPort(socket: WebSocket, options: SocketPortOptions): ClientPort {
  socket.binaryType = "arraybuffer";
  // `close` follows every `error` (an oversize message, a reset connection), so the listener below hears of both.
  socket.on("error", (error) => {
    options.note(`a screen's connection failed: ${error.message}`);
  });
  return {
    send(bytes) {
      if (socket.readyState !== socket.OPEN) return;
      socket.send(bytes);
      if (socket.bufferedAmount <= options.backlogMaxBytes) return;
      options.note(`a screen fell ${socket.bufferedAmount} bytes behind and was disconnected; it reconnects by itself`);
      socket.terminate();
    },
    onMessage(listener) {
      socket.on("message", (data, isBinary) => {
        if (isBinary && data instanceof ArrayBuffer) listener(data);
        else socket.close(UNSUPPORTED_DATA, "binary messages only");
      });
    },
    onClose(listener) {
      socket.once("close", listener);
    },
    close() {
      socket.close(GOING_AWAY);
    },
  };
}
