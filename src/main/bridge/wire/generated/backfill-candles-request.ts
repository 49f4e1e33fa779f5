// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

export class BackfillCandlesRequest {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):BackfillCandlesRequest {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsBackfillCandlesRequest(bb:flatbuffers.ByteBuffer, obj?:BackfillCandlesRequest):BackfillCandlesRequest {
  return (obj || new BackfillCandlesRequest()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsBackfillCandlesRequest(bb:flatbuffers.ByteBuffer, obj?:BackfillCandlesRequest):BackfillCandlesRequest {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new BackfillCandlesRequest()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
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

historyId():string|null
historyId(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
historyId(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

fromSequenceExclusive():bigint|null {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : null;
}

limit():number {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? this.bb!.readUint32(this.bb_pos + offset) : 0;
}

/**
 * Only entries whose ts is below this.
 */
endTs():bigint|null {
  const offset = this.bb!.__offset(this.bb_pos, 16);
  return offset ? this.bb!.readInt64(this.bb_pos + offset) : null;
}

acceptsZstd():boolean {
  const offset = this.bb!.__offset(this.bb_pos, 18);
  return offset ? !!this.bb!.readInt8(this.bb_pos + offset) : false;
}

static startBackfillCandlesRequest(builder:flatbuffers.Builder) {
  builder.startObject(8);
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

static addHistoryId(builder:flatbuffers.Builder, historyIdOffset:flatbuffers.Offset) {
  builder.addFieldOffset(3, historyIdOffset, 0);
}

static addFromSequenceExclusive(builder:flatbuffers.Builder, fromSequenceExclusive:bigint) {
  builder.addFieldInt64(4, fromSequenceExclusive, BigInt(0));
}

static addLimit(builder:flatbuffers.Builder, limit:number) {
  builder.addFieldInt32(5, limit, 0);
}

static addEndTs(builder:flatbuffers.Builder, endTs:bigint) {
  builder.addFieldInt64(6, endTs, BigInt(0));
}

static addAcceptsZstd(builder:flatbuffers.Builder, acceptsZstd:boolean) {
  builder.addFieldInt8(7, +acceptsZstd, +false);
}

static endBackfillCandlesRequest(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  builder.requiredField(offset, 4) // source_id
  builder.requiredField(offset, 6) // symbol
  builder.requiredField(offset, 8) // interval
  return offset;
}

static createBackfillCandlesRequest(builder:flatbuffers.Builder, sourceIdOffset:flatbuffers.Offset, symbolOffset:flatbuffers.Offset, intervalOffset:flatbuffers.Offset, historyIdOffset:flatbuffers.Offset, fromSequenceExclusive:bigint|null, limit:number, endTs:bigint|null, acceptsZstd:boolean):flatbuffers.Offset {
  BackfillCandlesRequest.startBackfillCandlesRequest(builder);
  BackfillCandlesRequest.addSourceId(builder, sourceIdOffset);
  BackfillCandlesRequest.addSymbol(builder, symbolOffset);
  BackfillCandlesRequest.addInterval(builder, intervalOffset);
  BackfillCandlesRequest.addHistoryId(builder, historyIdOffset);
  if (fromSequenceExclusive !== null)
    BackfillCandlesRequest.addFromSequenceExclusive(builder, fromSequenceExclusive);
  BackfillCandlesRequest.addLimit(builder, limit);
  if (endTs !== null)
    BackfillCandlesRequest.addEndTs(builder, endTs);
  BackfillCandlesRequest.addAcceptsZstd(builder, acceptsZstd);
  return BackfillCandlesRequest.endBackfillCandlesRequest(builder);
}
}
