// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

import { Candle } from './candle.ts';
import { Mode } from './mode.ts';
import { StreamKey } from './stream-key.ts';


/**
 * Topic `candles.<source_id>.<symbol>.<interval>`. The i-th candle has the sequence start_sequence + i.
 */
export class CandleBatch {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):CandleBatch {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsCandleBatch(bb:flatbuffers.ByteBuffer, obj?:CandleBatch):CandleBatch {
  return (obj || new CandleBatch()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsCandleBatch(bb:flatbuffers.ByteBuffer, obj?:CandleBatch):CandleBatch {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new CandleBatch()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
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

startSequence():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

candles(index: number, obj?:Candle):Candle|null {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? (obj || new Candle()).__init(this.bb!.__indirect(this.bb!.__vector(this.bb_pos + offset) + index * 4), this.bb!) : null;
}

candlesLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

/**
 * When the server handed it to its socket, epoch ns.
 */
publishedNs():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? this.bb!.readInt64(this.bb_pos + offset) : BigInt('0');
}

static startCandleBatch(builder:flatbuffers.Builder) {
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

static addStartSequence(builder:flatbuffers.Builder, startSequence:bigint) {
  builder.addFieldInt64(3, startSequence, BigInt('0'));
}

static addCandles(builder:flatbuffers.Builder, candlesOffset:flatbuffers.Offset) {
  builder.addFieldOffset(4, candlesOffset, 0);
}

static createCandlesVector(builder:flatbuffers.Builder, data:flatbuffers.Offset[]):flatbuffers.Offset {
  builder.startVector(4, data.length, 4);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addOffset(data[i]!);
  }
  return builder.endVector();
}

static startCandlesVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(4, numElems, 4);
}

static addPublishedNs(builder:flatbuffers.Builder, publishedNs:bigint) {
  builder.addFieldInt64(5, publishedNs, BigInt('0'));
}

static endCandleBatch(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  builder.requiredField(offset, 4) // stream_key
  builder.requiredField(offset, 6) // history_id
  builder.requiredField(offset, 12) // candles
  return offset;
}

static createCandleBatch(builder:flatbuffers.Builder, streamKeyOffset:flatbuffers.Offset, historyIdOffset:flatbuffers.Offset, mode:Mode, startSequence:bigint, candlesOffset:flatbuffers.Offset, publishedNs:bigint):flatbuffers.Offset {
  CandleBatch.startCandleBatch(builder);
  CandleBatch.addStreamKey(builder, streamKeyOffset);
  CandleBatch.addHistoryId(builder, historyIdOffset);
  CandleBatch.addMode(builder, mode);
  CandleBatch.addStartSequence(builder, startSequence);
  CandleBatch.addCandles(builder, candlesOffset);
  CandleBatch.addPublishedNs(builder, publishedNs);
  return CandleBatch.endCandleBatch(builder);
}
}
