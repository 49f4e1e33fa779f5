// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

import { Mode } from './mode.ts';


/**
 * Which past the sequences count. Another history_id means: other sequences, start anew.
 */
export class History {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):History {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsHistory(bb:flatbuffers.ByteBuffer, obj?:History):History {
  return (obj || new History()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsHistory(bb:flatbuffers.ByteBuffer, obj?:History):History {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new History()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

historyId():string|null
historyId(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
historyId(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

mode():Mode {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readUint8(this.bb_pos + offset) : Mode.LIVE;
}

/**
 * What history_id is made of, so that a change can be explained.
 */
lineage():string|null
lineage(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
lineage(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

configDigest():string|null
configDigest(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
configDigest(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

canonicalizerVersion():string|null
canonicalizerVersion(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
canonicalizerVersion(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

/**
 * Of a replay or fixture, empty otherwise.
 */
runId():string|null
runId(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
runId(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

static startHistory(builder:flatbuffers.Builder) {
  builder.startObject(6);
}

static addHistoryId(builder:flatbuffers.Builder, historyIdOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, historyIdOffset, 0);
}

static addMode(builder:flatbuffers.Builder, mode:Mode) {
  builder.addFieldInt8(1, mode, Mode.LIVE);
}

static addLineage(builder:flatbuffers.Builder, lineageOffset:flatbuffers.Offset) {
  builder.addFieldOffset(2, lineageOffset, 0);
}

static addConfigDigest(builder:flatbuffers.Builder, configDigestOffset:flatbuffers.Offset) {
  builder.addFieldOffset(3, configDigestOffset, 0);
}

static addCanonicalizerVersion(builder:flatbuffers.Builder, canonicalizerVersionOffset:flatbuffers.Offset) {
  builder.addFieldOffset(4, canonicalizerVersionOffset, 0);
}

static addRunId(builder:flatbuffers.Builder, runIdOffset:flatbuffers.Offset) {
  builder.addFieldOffset(5, runIdOffset, 0);
}

static endHistory(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  builder.requiredField(offset, 4) // history_id
  builder.requiredField(offset, 8) // lineage
  builder.requiredField(offset, 10) // config_digest
  builder.requiredField(offset, 12) // canonicalizer_version
  return offset;
}

static createHistory(builder:flatbuffers.Builder, historyIdOffset:flatbuffers.Offset, mode:Mode, lineageOffset:flatbuffers.Offset, configDigestOffset:flatbuffers.Offset, canonicalizerVersionOffset:flatbuffers.Offset, runIdOffset:flatbuffers.Offset):flatbuffers.Offset {
  History.startHistory(builder);
  History.addHistoryId(builder, historyIdOffset);
  History.addMode(builder, mode);
  History.addLineage(builder, lineageOffset);
  History.addConfigDigest(builder, configDigestOffset);
  History.addCanonicalizerVersion(builder, canonicalizerVersionOffset);
  History.addRunId(builder, runIdOffset);
  return History.endHistory(builder);
}
}
