// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

import { StreamKey } from './stream-key.ts';


export class Applied {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):Applied {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsApplied(bb:flatbuffers.ByteBuffer, obj?:Applied):Applied {
  return (obj || new Applied()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsApplied(bb:flatbuffers.ByteBuffer, obj?:Applied):Applied {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new Applied()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

streamKey(obj?:StreamKey):StreamKey|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? (obj || new StreamKey()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

appliedSequence():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

static startApplied(builder:flatbuffers.Builder) {
  builder.startObject(2);
}

static addStreamKey(builder:flatbuffers.Builder, streamKeyOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, streamKeyOffset, 0);
}

static addAppliedSequence(builder:flatbuffers.Builder, appliedSequence:bigint) {
  builder.addFieldInt64(1, appliedSequence, BigInt('0'));
}

static endApplied(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  builder.requiredField(offset, 4) // stream_key
  return offset;
}

static createApplied(builder:flatbuffers.Builder, streamKeyOffset:flatbuffers.Offset, appliedSequence:bigint):flatbuffers.Offset {
  Applied.startApplied(builder);
  Applied.addStreamKey(builder, streamKeyOffset);
  Applied.addAppliedSequence(builder, appliedSequence);
  return Applied.endApplied(builder);
}
}
