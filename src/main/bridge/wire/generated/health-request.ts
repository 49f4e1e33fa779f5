// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

export class HealthRequest {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):HealthRequest {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsHealthRequest(bb:flatbuffers.ByteBuffer, obj?:HealthRequest):HealthRequest {
  return (obj || new HealthRequest()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsHealthRequest(bb:flatbuffers.ByteBuffer, obj?:HealthRequest):HealthRequest {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new HealthRequest()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static startHealthRequest(builder:flatbuffers.Builder) {
  builder.startObject(0);
}

static endHealthRequest(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createHealthRequest(builder:flatbuffers.Builder):flatbuffers.Offset {
  HealthRequest.startHealthRequest(builder);
  return HealthRequest.endHealthRequest(builder);
}
}
