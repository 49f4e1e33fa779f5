// How streams are named here: their `arg` as the venue writes it. Pure.

export function streamKey(channel: string, instId: string): string {
  return `{"channel":"${channel}","instId":"${instId}"}`;
}
