// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

import { History } from './history.ts';
import { Refusal } from './refusal.ts';
import { StreamKey } from './stream-key.ts';


export class GetCursorResponse {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):GetCursorResponse {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsGetCursorResponse(bb:flatbuffers.ByteBuffer, obj?:GetCursorResponse):GetCursorResponse {
  return (obj || new GetCursorResponse()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsGetCursorResponse(bb:flatbuffers.ByteBuffer, obj?:GetCursorResponse):GetCursorResponse {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new GetCursorResponse()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

streamKey(obj?:StreamKey):StreamKey|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? (obj || new StreamKey()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

latestSequence():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

firstSequence():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

latestTs():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readInt64(this.bb_pos + offset) : BigInt('0');
}

history(obj?:History):History|null {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? (obj || new History()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

refusal(obj?:Refusal):Refusal|null {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? (obj || new Refusal()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

static startGetCursorResponse(builder:flatbuffers.Builder) {
  builder.startObject(6);
}

static addStreamKey(builder:flatbuffers.Builder, streamKeyOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, streamKeyOffset, 0);
}

static addLatestSequence(builder:flatbuffers.Builder, latestSequence:bigint) {
  builder.addFieldInt64(1, latestSequence, BigInt('0'));
}

static addFirstSequence(builder:flatbuffers.Builder, firstSequence:bigint) {
  builder.addFieldInt64(2, firstSequence, BigInt('0'));
}

static addLatestTs(builder:flatbuffers.Builder, latestTs:bigint) {
  builder.addFieldInt64(3, latestTs, BigInt('0'));
}

static addHistory(builder:flatbuffers.Builder, historyOffset:flatbuffers.Offset) {
  builder.addFieldOffset(4, historyOffset, 0);
}

static addRefusal(builder:flatbuffers.Builder, refusalOffset:flatbuffers.Offset) {
  builder.addFieldOffset(5, refusalOffset, 0);
}

static endGetCursorResponse(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

}
