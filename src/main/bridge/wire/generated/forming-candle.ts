// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

import { Candle } from './candle.ts';
import { Mode } from './mode.ts';
import { StreamKey } from './stream-key.ts';


/**
 * Topic `forming.<source_id>.<symbol>.<interval>`. Not sequenced, conflated: only the newest counts.
 */
export class FormingCandle {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):FormingCandle {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsFormingCandle(bb:flatbuffers.ByteBuffer, obj?:FormingCandle):FormingCandle {
  return (obj || new FormingCandle()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsFormingCandle(bb:flatbuffers.ByteBuffer, obj?:FormingCandle):FormingCandle {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new FormingCandle()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

streamKey(obj?:StreamKey):StreamKey|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? (obj || new StreamKey()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

historyId():string|null
historyId(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
historyId(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

mode():Mode {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readUint8(this.bb_pos + offset) : Mode.LIVE;
}

candle(obj?:Candle):Candle|null {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? (obj || new Candle()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

/**
 * Last sequence published before it: a forming bar older than a sealed one is stale.
 */
afterSequence():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

publishedNs():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? this.bb!.readInt64(this.bb_pos + offset) : BigInt('0');
}

static startFormingCandle(builder:flatbuffers.Builder) {
  builder.startObject(6);
}

static addStreamKey(builder:flatbuffers.Builder, streamKeyOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, streamKeyOffset, 0);
}

static addHistoryId(builder:flatbuffers.Builder, historyIdOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, historyIdOffset, 0);
}

static addMode(builder:flatbuffers.Builder, mode:Mode) {
  builder.addFieldInt8(2, mode, Mode.LIVE);
}

static addCandle(builder:flatbuffers.Builder, candleOffset:flatbuffers.Offset) {
  builder.addFieldOffset(3, candleOffset, 0);
}

static addAfterSequence(builder:flatbuffers.Builder, afterSequence:bigint) {
  builder.addFieldInt64(4, afterSequence, BigInt('0'));
}

static addPublishedNs(builder:flatbuffers.Builder, publishedNs:bigint) {
  builder.addFieldInt64(5, publishedNs, BigInt('0'));
}

static endFormingCandle(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  builder.requiredField(offset, 4) // stream_key
  builder.requiredField(offset, 6) // history_id
  builder.requiredField(offset, 10) // candle
  return offset;
}

}
