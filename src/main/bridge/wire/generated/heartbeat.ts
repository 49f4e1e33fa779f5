// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

import { Mode } from './mode.ts';
import { StreamKey } from './stream-key.ts';


/**
 * On the candles topic of every stream that was quiet for heartbeat_ms: shows a lost tail.
 */
export class Heartbeat {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):Heartbeat {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsHeartbeat(bb:flatbuffers.ByteBuffer, obj?:Heartbeat):Heartbeat {
  return (obj || new Heartbeat()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsHeartbeat(bb:flatbuffers.ByteBuffer, obj?:Heartbeat):Heartbeat {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new Heartbeat()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

streamKey(obj?:StreamKey):StreamKey|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? (obj || new StreamKey()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

historyId():string|null
historyId(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
historyId(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

mode():Mode {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readUint8(this.bb_pos + offset) : Mode.LIVE;
}

latestSequence():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

publishedNs():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.readInt64(this.bb_pos + offset) : BigInt('0');
}

/**
 * Counts up by one per heartbeat and stream, so that a repeated frame is known as one.
 */
beat():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

static startHeartbeat(builder:flatbuffers.Builder) {
  builder.startObject(6);
}

static addStreamKey(builder:flatbuffers.Builder, streamKeyOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, streamKeyOffset, 0);
}

static addHistoryId(builder:flatbuffers.Builder, historyIdOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, historyIdOffset, 0);
}

static addMode(builder:flatbuffers.Builder, mode:Mode) {
  builder.addFieldInt8(2, mode, Mode.LIVE);
}

static addLatestSequence(builder:flatbuffers.Builder, latestSequence:bigint) {
  builder.addFieldInt64(3, latestSequence, BigInt('0'));
}

static addPublishedNs(builder:flatbuffers.Builder, publishedNs:bigint) {
  builder.addFieldInt64(4, publishedNs, BigInt('0'));
}

static addBeat(builder:flatbuffers.Builder, beat:bigint) {
  builder.addFieldInt64(5, beat, BigInt('0'));
}

static endHeartbeat(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  builder.requiredField(offset, 4) // stream_key
  builder.requiredField(offset, 6) // history_id
  return offset;
}

static createHeartbeat(builder:flatbuffers.Builder, streamKeyOffset:flatbuffers.Offset, historyIdOffset:flatbuffers.Offset, mode:Mode, latestSequence:bigint, publishedNs:bigint, beat:bigint):flatbuffers.Offset {
  Heartbeat.startHeartbeat(builder);
  Heartbeat.addStreamKey(builder, streamKeyOffset);
  Heartbeat.addHistoryId(builder, historyIdOffset);
  Heartbeat.addMode(builder, mode);
  Heartbeat.addLatestSequence(builder, latestSequence);
  Heartbeat.addPublishedNs(builder, publishedNs);
  Heartbeat.addBeat(builder, beat);
  return Heartbeat.endHeartbeat(builder);
}
}
