// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

import { History } from './history.ts';
import { Refusal } from './refusal.ts';
import { StreamKey } from './stream-key.ts';


export class SubscribeCandlesAck {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):SubscribeCandlesAck {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsSubscribeCandlesAck(bb:flatbuffers.ByteBuffer, obj?:SubscribeCandlesAck):SubscribeCandlesAck {
  return (obj || new SubscribeCandlesAck()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsSubscribeCandlesAck(bb:flatbuffers.ByteBuffer, obj?:SubscribeCandlesAck):SubscribeCandlesAck {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new SubscribeCandlesAck()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

accepted():boolean {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? !!this.bb!.readInt8(this.bb_pos + offset) : false;
}

streamKey(obj?:StreamKey):StreamKey|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? (obj || new StreamKey()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

latestSequence():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

/**
 * Oldest sequence that backfill can still give; latest + 1 when there is none.
 */
firstSequence():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

history(obj?:History):History|null {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? (obj || new History()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

heartbeatMs():number {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? this.bb!.readUint32(this.bb_pos + offset) : 0;
}

refusal(obj?:Refusal):Refusal|null {
  const offset = this.bb!.__offset(this.bb_pos, 16);
  return offset ? (obj || new Refusal()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

static startSubscribeCandlesAck(builder:flatbuffers.Builder) {
  builder.startObject(7);
}

static addAccepted(builder:flatbuffers.Builder, accepted:boolean) {
  builder.addFieldInt8(0, +accepted, +false);
}

static addStreamKey(builder:flatbuffers.Builder, streamKeyOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, streamKeyOffset, 0);
}

static addLatestSequence(builder:flatbuffers.Builder, latestSequence:bigint) {
  builder.addFieldInt64(2, latestSequence, BigInt('0'));
}

static addFirstSequence(builder:flatbuffers.Builder, firstSequence:bigint) {
  builder.addFieldInt64(3, firstSequence, BigInt('0'));
}

static addHistory(builder:flatbuffers.Builder, historyOffset:flatbuffers.Offset) {
  builder.addFieldOffset(4, historyOffset, 0);
}

static addHeartbeatMs(builder:flatbuffers.Builder, heartbeatMs:number) {
  builder.addFieldInt32(5, heartbeatMs, 0);
}

static addRefusal(builder:flatbuffers.Builder, refusalOffset:flatbuffers.Offset) {
  builder.addFieldOffset(6, refusalOffset, 0);
}

static endSubscribeCandlesAck(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

}
