// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

import { History } from './history.ts';
import { Refusal } from './refusal.ts';
import { StreamInfo } from './stream-info.ts';


export class ListStreamsResponse {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):ListStreamsResponse {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsListStreamsResponse(bb:flatbuffers.ByteBuffer, obj?:ListStreamsResponse):ListStreamsResponse {
  return (obj || new ListStreamsResponse()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsListStreamsResponse(bb:flatbuffers.ByteBuffer, obj?:ListStreamsResponse):ListStreamsResponse {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new ListStreamsResponse()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

history(obj?:History):History|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? (obj || new History()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

streams(index: number, obj?:StreamInfo):StreamInfo|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? (obj || new StreamInfo()).__init(this.bb!.__indirect(this.bb!.__vector(this.bb_pos + offset) + index * 4), this.bb!) : null;
}

streamsLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

refusal(obj?:Refusal):Refusal|null {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? (obj || new Refusal()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

static startListStreamsResponse(builder:flatbuffers.Builder) {
  builder.startObject(3);
}

static addHistory(builder:flatbuffers.Builder, historyOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, historyOffset, 0);
}

static addStreams(builder:flatbuffers.Builder, streamsOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, streamsOffset, 0);
}

static createStreamsVector(builder:flatbuffers.Builder, data:flatbuffers.Offset[]):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addOffset(data[i]!);
  }
  return builder.endVector();
}

static startStreamsVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addRefusal(builder:flatbuffers.Builder, refusalOffset:flatbuffers.Offset) {
  builder.addFieldOffset(2, refusalOffset, 0);
}

static endListStreamsResponse(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

}
