// What all sockets of the bridge have in common: how dead peers are noticed, and that nothing lingers.

const HEARTBEAT_MS = 3_000;
const HEARTBEAT_TIMEOUT_MS = 9_000;
const HANDSHAKE_MS = 5_000;
const KEEPALIVE_IDLE_S = 15;
const KEEPALIVE_INTERVAL_S = 5;
const KEEPALIVE_COUNT = 3;
/** Bytes that nobody acknowledges for so long end the connection: a peer that stopped reading cannot answer heartbeats either. */
const UNREAD_MS = 30_000;

/** Of sockets that send: a send is done or refused at once, so that no two are ever under way on one socket. */
export const AT_ONCE = { sendTimeout: 0 } as const;

export const COMMON_OPTIONS = {
  linger: 0,
  heartbeatInterval: HEARTBEAT_MS,
  heartbeatTimeout: HEARTBEAT_TIMEOUT_MS,
  heartbeatTimeToLive: HEARTBEAT_TIMEOUT_MS,
  handshakeInterval: HANDSHAKE_MS,
  tcpKeepalive: 1,
  tcpKeepaliveIdle: KEEPALIVE_IDLE_S,
  tcpKeepaliveInterval: KEEPALIVE_INTERVAL_S,
  tcpKeepaliveCount: KEEPALIVE_COUNT,
  tcpMaxRetransmitTimeout: UNREAD_MS,
} as const;

export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
