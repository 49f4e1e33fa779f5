// Topics of the live stream: ASCII, for subscription filters only; what counts is the key inside the payload.
import { streamName, type StreamKey } from "../model.ts";

export function candlesTopic(key: StreamKey): string {
  return `candles.${streamName(key)}`;
}
export function formingTopic(key: StreamKey): string {
  return `forming.${streamName(key)}`;
}
