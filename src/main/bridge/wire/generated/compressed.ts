// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

/**
 * A whole Envelope, compressed; only sent to those who said accepts_zstd.
 */
export class Compressed {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):Compressed {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsCompressed(bb:flatbuffers.ByteBuffer, obj?:Compressed):Compressed {
  return (obj || new Compressed()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsCompressed(bb:flatbuffers.ByteBuffer, obj?:Compressed):Compressed {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new Compressed()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

uncompressedBytes():number {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readUint32(this.bb_pos + offset) : 0;
}

zstd(index: number):number|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readUint8(this.bb!.__vector(this.bb_pos + offset) + index) : 0;
}

zstdLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

zstdArray():Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? new Uint8Array(this.bb!.bytes().buffer, this.bb!.bytes().byteOffset + this.bb!.__vector(this.bb_pos + offset), this.bb!.__vector_len(this.bb_pos + offset)) : null;
}

static startCompressed(builder:flatbuffers.Builder) {
  builder.startObject(2);
}

static addUncompressedBytes(builder:flatbuffers.Builder, uncompressedBytes:number) {
  builder.addFieldInt32(0, uncompressedBytes, 0);
}

static addZstd(builder:flatbuffers.Builder, zstdOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, zstdOffset, 0);
}

static createZstdVector(builder:flatbuffers.Builder, data:number[]|Uint8Array):flatbuffers.Offset {
  builder.startVector(1, data.length, 1);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addInt8(data[i]!);
  }
  return builder.endVector();
}

static startZstdVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(1, numElems, 1);
}

static endCompressed(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  builder.requiredField(offset, 6) // zstd
  return offset;
}

static createCompressed(builder:flatbuffers.Builder, uncompressedBytes:number, zstdOffset:flatbuffers.Offset):flatbuffers.Offset {
  Compressed.startCompressed(builder);
  Compressed.addUncompressedBytes(builder, uncompressedBytes);
  Compressed.addZstd(builder, zstdOffset);
  return Compressed.endCompressed(builder);
}
}
