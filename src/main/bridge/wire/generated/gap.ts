// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

/**
 * State of one gap; a later entry with the same gap_id replaces it.
 */
export class Gap {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):Gap {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsGap(bb:flatbuffers.ByteBuffer, obj?:Gap):Gap {
  return (obj || new Gap()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsGap(bb:flatbuffers.ByteBuffer, obj?:Gap):Gap {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new Gap()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

gapId():string|null
gapId(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
gapId(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

streamId():string|null
streamId(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
streamId(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

fromTs():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readInt64(this.bb_pos + offset) : BigInt('0');
}

/**
 * Absent while the stream is down.
 */
toTs():bigint|null {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readInt64(this.bb_pos + offset) : null;
}

fromId():bigint|null {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : null;
}

toId():bigint|null {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : null;
}

missing():bigint|null {
  const offset = this.bb!.__offset(this.bb_pos, 16);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : null;
}

cause():string|null
cause(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
cause(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 18);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

state():string|null
state(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
state(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 20);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

attempts():number {
  const offset = this.bb!.__offset(this.bb_pos, 22);
  return offset ? this.bb!.readUint32(this.bb_pos + offset) : 0;
}

static startGap(builder:flatbuffers.Builder) {
  builder.startObject(10);
}

static addGapId(builder:flatbuffers.Builder, gapIdOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, gapIdOffset, 0);
}

static addStreamId(builder:flatbuffers.Builder, streamIdOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, streamIdOffset, 0);
}

static addFromTs(builder:flatbuffers.Builder, fromTs:bigint) {
  builder.addFieldInt64(2, fromTs, BigInt('0'));
}

static addToTs(builder:flatbuffers.Builder, toTs:bigint) {
  builder.addFieldInt64(3, toTs, BigInt(0));
}

static addFromId(builder:flatbuffers.Builder, fromId:bigint) {
  builder.addFieldInt64(4, fromId, BigInt(0));
}

static addToId(builder:flatbuffers.Builder, toId:bigint) {
  builder.addFieldInt64(5, toId, BigInt(0));
}

static addMissing(builder:flatbuffers.Builder, missing:bigint) {
  builder.addFieldInt64(6, missing, BigInt(0));
}

static addCause(builder:flatbuffers.Builder, causeOffset:flatbuffers.Offset) {
  builder.addFieldOffset(7, causeOffset, 0);
}

static addState(builder:flatbuffers.Builder, stateOffset:flatbuffers.Offset) {
  builder.addFieldOffset(8, stateOffset, 0);
}

static addAttempts(builder:flatbuffers.Builder, attempts:number) {
  builder.addFieldInt32(9, attempts, 0);
}

static endGap(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  builder.requiredField(offset, 4) // gap_id
  builder.requiredField(offset, 6) // stream_id
  builder.requiredField(offset, 18) // cause
  builder.requiredField(offset, 20) // state
  return offset;
}

static createGap(builder:flatbuffers.Builder, gapIdOffset:flatbuffers.Offset, streamIdOffset:flatbuffers.Offset, fromTs:bigint, toTs:bigint|null, fromId:bigint|null, toId:bigint|null, missing:bigint|null, causeOffset:flatbuffers.Offset, stateOffset:flatbuffers.Offset, attempts:number):flatbuffers.Offset {
  Gap.startGap(builder);
  Gap.addGapId(builder, gapIdOffset);
  Gap.addStreamId(builder, streamIdOffset);
  Gap.addFromTs(builder, fromTs);
  if (toTs !== null)
    Gap.addToTs(builder, toTs);
  if (fromId !== null)
    Gap.addFromId(builder, fromId);
  if (toId !== null)
    Gap.addToId(builder, toId);
  if (missing !== null)
    Gap.addMissing(builder, missing);
  Gap.addCause(builder, causeOffset);
  Gap.addState(builder, stateOffset);
  Gap.addAttempts(builder, attempts);
  return Gap.endGap(builder);
}
}
