// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

/**
 * The feed that a number belongs to. Sequences run per StreamKey, from 1, without a hole.
 */
export class StreamKey {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):StreamKey {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsStreamKey(bb:flatbuffers.ByteBuffer, obj?:StreamKey):StreamKey {
  return (obj || new StreamKey()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsStreamKey(bb:flatbuffers.ByteBuffer, obj?:StreamKey):StreamKey {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new StreamKey()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
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

static startStreamKey(builder:flatbuffers.Builder) {
  builder.startObject(3);
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

static endStreamKey(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  builder.requiredField(offset, 4) // source_id
  builder.requiredField(offset, 6) // symbol
  builder.requiredField(offset, 8) // interval
  return offset;
}

static createStreamKey(builder:flatbuffers.Builder, sourceIdOffset:flatbuffers.Offset, symbolOffset:flatbuffers.Offset, intervalOffset:flatbuffers.Offset):flatbuffers.Offset {
  StreamKey.startStreamKey(builder);
  StreamKey.addSourceId(builder, sourceIdOffset);
  StreamKey.addSymbol(builder, symbolOffset);
  StreamKey.addInterval(builder, intervalOffset);
  return StreamKey.endStreamKey(builder);
}
}
