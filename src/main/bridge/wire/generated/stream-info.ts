// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

import { StreamKey } from './stream-key.ts';


export class StreamInfo {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):StreamInfo {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsStreamInfo(bb:flatbuffers.ByteBuffer, obj?:StreamInfo):StreamInfo {
  return (obj || new StreamInfo()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsStreamInfo(bb:flatbuffers.ByteBuffer, obj?:StreamInfo):StreamInfo {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new StreamInfo()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

streamKey(obj?:StreamKey):StreamKey|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? (obj || new StreamKey()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

firstSequence():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

latestSequence():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

latestTs():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readInt64(this.bb_pos + offset) : BigInt('0');
}

static startStreamInfo(builder:flatbuffers.Builder) {
  builder.startObject(4);
}

static addStreamKey(builder:flatbuffers.Builder, streamKeyOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, streamKeyOffset, 0);
}

static addFirstSequence(builder:flatbuffers.Builder, firstSequence:bigint) {
  builder.addFieldInt64(1, firstSequence, BigInt('0'));
}

static addLatestSequence(builder:flatbuffers.Builder, latestSequence:bigint) {
  builder.addFieldInt64(2, latestSequence, BigInt('0'));
}

static addLatestTs(builder:flatbuffers.Builder, latestTs:bigint) {
  builder.addFieldInt64(3, latestTs, BigInt('0'));
}

static endStreamInfo(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  builder.requiredField(offset, 4) // stream_key
  return offset;
}

static createStreamInfo(builder:flatbuffers.Builder, streamKeyOffset:flatbuffers.Offset, firstSequence:bigint, latestSequence:bigint, latestTs:bigint):flatbuffers.Offset {
  StreamInfo.startStreamInfo(builder);
  StreamInfo.addStreamKey(builder, streamKeyOffset);
  StreamInfo.addFirstSequence(builder, firstSequence);
  StreamInfo.addLatestSequence(builder, latestSequence);
  StreamInfo.addLatestTs(builder, latestTs);
  return StreamInfo.endStreamInfo(builder);
}
}
