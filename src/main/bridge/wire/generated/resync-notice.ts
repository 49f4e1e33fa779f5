// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

import { StreamKey } from './stream-key.ts';


/**
 * Pushed to a client that is too far behind: backfill instead of waiting for the stream.
 */
export class ResyncNotice {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):ResyncNotice {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsResyncNotice(bb:flatbuffers.ByteBuffer, obj?:ResyncNotice):ResyncNotice {
  return (obj || new ResyncNotice()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsResyncNotice(bb:flatbuffers.ByteBuffer, obj?:ResyncNotice):ResyncNotice {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new ResyncNotice()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
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

latestSequence():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

appliedSequence():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

detail():string|null
detail(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
detail(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

static startResyncNotice(builder:flatbuffers.Builder) {
  builder.startObject(5);
}

static addStreamKey(builder:flatbuffers.Builder, streamKeyOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, streamKeyOffset, 0);
}

static addHistoryId(builder:flatbuffers.Builder, historyIdOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, historyIdOffset, 0);
}

static addLatestSequence(builder:flatbuffers.Builder, latestSequence:bigint) {
  builder.addFieldInt64(2, latestSequence, BigInt('0'));
}

static addAppliedSequence(builder:flatbuffers.Builder, appliedSequence:bigint) {
  builder.addFieldInt64(3, appliedSequence, BigInt('0'));
}

static addDetail(builder:flatbuffers.Builder, detailOffset:flatbuffers.Offset) {
  builder.addFieldOffset(4, detailOffset, 0);
}

static endResyncNotice(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  builder.requiredField(offset, 4) // stream_key
  builder.requiredField(offset, 6) // history_id
  return offset;
}

static createResyncNotice(builder:flatbuffers.Builder, streamKeyOffset:flatbuffers.Offset, historyIdOffset:flatbuffers.Offset, latestSequence:bigint, appliedSequence:bigint, detailOffset:flatbuffers.Offset):flatbuffers.Offset {
  ResyncNotice.startResyncNotice(builder);
  ResyncNotice.addStreamKey(builder, streamKeyOffset);
  ResyncNotice.addHistoryId(builder, historyIdOffset);
  ResyncNotice.addLatestSequence(builder, latestSequence);
  ResyncNotice.addAppliedSequence(builder, appliedSequence);
  ResyncNotice.addDetail(builder, detailOffset);
  return ResyncNotice.endResyncNotice(builder);
}
}
