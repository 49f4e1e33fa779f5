// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

export class ListStreamsRequest {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):ListStreamsRequest {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsListStreamsRequest(bb:flatbuffers.ByteBuffer, obj?:ListStreamsRequest):ListStreamsRequest {
  return (obj || new ListStreamsRequest()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsListStreamsRequest(bb:flatbuffers.ByteBuffer, obj?:ListStreamsRequest):ListStreamsRequest {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new ListStreamsRequest()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static startListStreamsRequest(builder:flatbuffers.Builder) {
  builder.startObject(0);
}

static endListStreamsRequest(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createListStreamsRequest(builder:flatbuffers.Builder):flatbuffers.Offset {
  ListStreamsRequest.startListStreamsRequest(builder);
  return ListStreamsRequest.endListStreamsRequest(builder);
}
}
