// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

export class SubscribeCandlesRequest {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):SubscribeCandlesRequest {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsSubscribeCandlesRequest(bb:flatbuffers.ByteBuffer, obj?:SubscribeCandlesRequest):SubscribeCandlesRequest {
  return (obj || new SubscribeCandlesRequest()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsSubscribeCandlesRequest(bb:flatbuffers.ByteBuffer, obj?:SubscribeCandlesRequest):SubscribeCandlesRequest {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new SubscribeCandlesRequest()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

sourceId():string|null
sourceId(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
sourceId(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

symbol():string|null
symbol(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
symbol(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

interval():string|null
interval(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
interval(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

/**
 * Last sequence the client has applied; absent = none.
 */
fromSequence():bigint|null {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : null;
}

/**
 * The history its sequences belong to; absent = none yet.
 */
historyId():string|null
historyId(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
historyId(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

static startSubscribeCandlesRequest(builder:flatbuffers.Builder) {
  builder.startObject(5);
}

static addSourceId(builder:flatbuffers.Builder, sourceIdOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, sourceIdOffset, 0);
}

static addSymbol(builder:flatbuffers.Builder, symbolOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, symbolOffset, 0);
}

static addInterval(builder:flatbuffers.Builder, intervalOffset:flatbuffers.Offset) {
  builder.addFieldOffset(2, intervalOffset, 0);
}

static addFromSequence(builder:flatbuffers.Builder, fromSequence:bigint) {
  builder.addFieldInt64(3, fromSequence, BigInt(0));
}

static addHistoryId(builder:flatbuffers.Builder, historyIdOffset:flatbuffers.Offset) {
  builder.addFieldOffset(4, historyIdOffset, 0);
}

static endSubscribeCandlesRequest(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  builder.requiredField(offset, 4) // source_id
  builder.requiredField(offset, 6) // symbol
  builder.requiredField(offset, 8) // interval
  return offset;
}

static createSubscribeCandlesRequest(builder:flatbuffers.Builder, sourceIdOffset:flatbuffers.Offset, symbolOffset:flatbuffers.Offset, intervalOffset:flatbuffers.Offset, fromSequence:bigint|null, historyIdOffset:flatbuffers.Offset):flatbuffers.Offset {
  SubscribeCandlesRequest.startSubscribeCandlesRequest(builder);
  SubscribeCandlesRequest.addSourceId(builder, sourceIdOffset);
  SubscribeCandlesRequest.addSymbol(builder, symbolOffset);
  SubscribeCandlesRequest.addInterval(builder, intervalOffset);
  if (fromSequence !== null)
    SubscribeCandlesRequest.addFromSequence(builder, fromSequence);
  SubscribeCandlesRequest.addHistoryId(builder, historyIdOffset);
  return SubscribeCandlesRequest.endSubscribeCandlesRequest(builder);
}
}
