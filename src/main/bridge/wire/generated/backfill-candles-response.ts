// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

import { Candle } from './candle.ts';
import { Mode } from './mode.ts';
import { Refusal } from './refusal.ts';
import { StreamKey } from './stream-key.ts';


export class BackfillCandlesResponse {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):BackfillCandlesResponse {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsBackfillCandlesResponse(bb:flatbuffers.ByteBuffer, obj?:BackfillCandlesResponse):BackfillCandlesResponse {
  return (obj || new BackfillCandlesResponse()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsBackfillCandlesResponse(bb:flatbuffers.ByteBuffer, obj?:BackfillCandlesResponse):BackfillCandlesResponse {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new BackfillCandlesResponse()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
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

/**
 * Sequence of candles[0]; the i-th has start_sequence + i. With end_ts the response stops before the first entry that is not below it.
 */
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

hasMore():boolean {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? !!this.bb!.readInt8(this.bb_pos + offset) : false;
}

/**
 * What to pass as from_sequence_exclusive + 1 next; absent when there is no more.
 */
nextSequence():bigint|null {
  const offset = this.bb!.__offset(this.bb_pos, 16);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : null;
}

latestSequence():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 18);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

firstSequence():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 20);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

refusal(obj?:Refusal):Refusal|null {
  const offset = this.bb!.__offset(this.bb_pos, 22);
  return offset ? (obj || new Refusal()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

static startBackfillCandlesResponse(builder:flatbuffers.Builder) {
  builder.startObject(10);
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

static addHasMore(builder:flatbuffers.Builder, hasMore:boolean) {
  builder.addFieldInt8(5, +hasMore, +false);
}

static addNextSequence(builder:flatbuffers.Builder, nextSequence:bigint) {
  builder.addFieldInt64(6, nextSequence, BigInt(0));
}

static addLatestSequence(builder:flatbuffers.Builder, latestSequence:bigint) {
  builder.addFieldInt64(7, latestSequence, BigInt('0'));
}

static addFirstSequence(builder:flatbuffers.Builder, firstSequence:bigint) {
  builder.addFieldInt64(8, firstSequence, BigInt('0'));
}

static addRefusal(builder:flatbuffers.Builder, refusalOffset:flatbuffers.Offset) {
  builder.addFieldOffset(9, refusalOffset, 0);
}

static endBackfillCandlesResponse(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

}
