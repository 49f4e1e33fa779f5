// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

import { RefusalCode } from './refusal-code.ts';


export class Refusal {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):Refusal {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsRefusal(bb:flatbuffers.ByteBuffer, obj?:Refusal):Refusal {
  return (obj || new Refusal()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsRefusal(bb:flatbuffers.ByteBuffer, obj?:Refusal):Refusal {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new Refusal()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

code():RefusalCode {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readUint8(this.bb_pos + offset) : RefusalCode.NONE;
}

detail():string|null
detail(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
detail(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

retryAfterMs():number {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readUint32(this.bb_pos + offset) : 0;
}

/**
 * VERSION_UNSUPPORTED: what this side speaks.
 */
supportedVersion():number {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readUint16(this.bb_pos + offset) : 0;
}

static startRefusal(builder:flatbuffers.Builder) {
  builder.startObject(4);
}

static addCode(builder:flatbuffers.Builder, code:RefusalCode) {
  builder.addFieldInt8(0, code, RefusalCode.NONE);
}

static addDetail(builder:flatbuffers.Builder, detailOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, detailOffset, 0);
}

static addRetryAfterMs(builder:flatbuffers.Builder, retryAfterMs:number) {
  builder.addFieldInt32(2, retryAfterMs, 0);
}

static addSupportedVersion(builder:flatbuffers.Builder, supportedVersion:number) {
  builder.addFieldInt16(3, supportedVersion, 0);
}

static endRefusal(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

static createRefusal(builder:flatbuffers.Builder, code:RefusalCode, detailOffset:flatbuffers.Offset, retryAfterMs:number, supportedVersion:number):flatbuffers.Offset {
  Refusal.startRefusal(builder);
  Refusal.addCode(builder, code);
  Refusal.addDetail(builder, detailOffset);
  Refusal.addRetryAfterMs(builder, retryAfterMs);
  Refusal.addSupportedVersion(builder, supportedVersion);
  return Refusal.endRefusal(builder);
}
}
