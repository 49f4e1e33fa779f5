// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

import { Applied } from './applied.ts';


/**
 * A client's own word on how far it is: PUB cannot see a slow subscriber. No answer, unless ResyncNotice is due.
 */
export class ReportAppliedRequest {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):ReportAppliedRequest {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsReportAppliedRequest(bb:flatbuffers.ByteBuffer, obj?:ReportAppliedRequest):ReportAppliedRequest {
  return (obj || new ReportAppliedRequest()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsReportAppliedRequest(bb:flatbuffers.ByteBuffer, obj?:ReportAppliedRequest):ReportAppliedRequest {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new ReportAppliedRequest()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

historyId():string|null
historyId(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
historyId(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

applied(index: number, obj?:Applied):Applied|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? (obj || new Applied()).__init(this.bb!.__indirect(this.bb!.__vector(this.bb_pos + offset) + index * 4), this.bb!) : null;
}

appliedLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

static startReportAppliedRequest(builder:flatbuffers.Builder) {
  builder.startObject(2);
}

static addHistoryId(builder:flatbuffers.Builder, historyIdOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, historyIdOffset, 0);
}

static addApplied(builder:flatbuffers.Builder, appliedOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, appliedOffset, 0);
}

static createAppliedVector(builder:flatbuffers.Builder, data:flatbuffers.Offset[]):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addOffset(data[i]!);
  }
  return builder.endVector();
}

static startAppliedVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static endReportAppliedRequest(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  builder.requiredField(offset, 4) // history_id
  builder.requiredField(offset, 6) // applied
  return offset;
}

static createReportAppliedRequest(builder:flatbuffers.Builder, historyIdOffset:flatbuffers.Offset, appliedOffset:flatbuffers.Offset):flatbuffers.Offset {
  ReportAppliedRequest.startReportAppliedRequest(builder);
  ReportAppliedRequest.addHistoryId(builder, historyIdOffset);
  ReportAppliedRequest.addApplied(builder, appliedOffset);
  return ReportAppliedRequest.endReportAppliedRequest(builder);
}
}
