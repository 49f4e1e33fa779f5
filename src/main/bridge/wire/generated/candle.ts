// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

import { Decimal } from './decimal.ts';
import { EntryKind } from './entry-kind.ts';
import { Gap } from './gap.ts';
import { Grade } from './grade.ts';


/**
 * One entry of a stream's journal, or (in FormingCandle) the bar that is still open.
 */
export class Candle {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):Candle {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsCandle(bb:flatbuffers.ByteBuffer, obj?:Candle):Candle {
  return (obj || new Candle()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsCandle(bb:flatbuffers.ByteBuffer, obj?:Candle):Candle {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new Candle()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

kind():EntryKind {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.readUint8(this.bb_pos + offset) : EntryKind.SEALED;
}

/**
 * Bucket start, epoch ms (`ts` of the contract).
 */
ts():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? this.bb!.readInt64(this.bb_pos + offset) : BigInt('0');
}

open(obj?:Decimal):Decimal|null {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? (obj || new Decimal()).__init(this.bb_pos + offset, this.bb!) : null;
}

high(obj?:Decimal):Decimal|null {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? (obj || new Decimal()).__init(this.bb_pos + offset, this.bb!) : null;
}

low(obj?:Decimal):Decimal|null {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? (obj || new Decimal()).__init(this.bb_pos + offset, this.bb!) : null;
}

close(obj?:Decimal):Decimal|null {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? (obj || new Decimal()).__init(this.bb_pos + offset, this.bb!) : null;
}

volume(obj?:Decimal):Decimal|null {
  const offset = this.bb!.__offset(this.bb_pos, 16);
  return offset ? (obj || new Decimal()).__init(this.bb_pos + offset, this.bb!) : null;
}

quoteVolume(obj?:Decimal):Decimal|null {
  const offset = this.bb!.__offset(this.bb_pos, 18);
  return offset ? (obj || new Decimal()).__init(this.bb_pos + offset, this.bb!) : null;
}

tradeCount():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 20);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

takerBuyVolume(obj?:Decimal):Decimal|null {
  const offset = this.bb!.__offset(this.bb_pos, 22);
  return offset ? (obj || new Decimal()).__init(this.bb_pos + offset, this.bb!) : null;
}

takerBuyQuoteVolume(obj?:Decimal):Decimal|null {
  const offset = this.bb!.__offset(this.bb_pos, 24);
  return offset ? (obj || new Decimal()).__init(this.bb_pos + offset, this.bb!) : null;
}

/**
 * 1 = first sealing; a correction has 2 and up.
 */
revision():number {
  const offset = this.bb!.__offset(this.bb_pos, 26);
  return offset ? this.bb!.readUint32(this.bb_pos + offset) : 0;
}

/**
 * watermark, clock_tick, end_of_input; of a correction late_data, gap_backfill, source_correction, rebuild.
 */
reason():string|null
reason(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
reason(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 28);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

/**
 * sha256 of the bar version (32 bytes), as in the server's journal. Absent where the source has none.
 */
digest(index: number):number|null {
  const offset = this.bb!.__offset(this.bb_pos, 30);
  return offset ? this.bb!.readUint8(this.bb!.__vector(this.bb_pos + offset) + index) : 0;
}

digestLength():number {
  const offset = this.bb!.__offset(this.bb_pos, 30);
  return offset ? this.bb!.__vector_len(this.bb_pos + offset) : 0;
}

digestArray():Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 30);
  return offset ? new Uint8Array(this.bb!.bytes().buffer, this.bb!.bytes().byteOffset + this.bb!.__vector(this.bb_pos + offset), this.bb!.__vector_len(this.bb_pos + offset)) : null;
}

/**
 * GRADE: buckets [ts, until_ts) have this grade from here on.
 */
untilTs():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 32);
  return offset ? this.bb!.readInt64(this.bb_pos + offset) : BigInt('0');
}

grade():Grade {
  const offset = this.bb!.__offset(this.bb_pos, 34);
  return offset ? this.bb!.readUint8(this.bb_pos + offset) : Grade.UNKNOWN;
}

/**
 * GRADE: the clause that says why. GAP: detail.
 */
why():string|null
why(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
why(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 36);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

gap(obj?:Gap):Gap|null {
  const offset = this.bb!.__offset(this.bb_pos, 38);
  return offset ? (obj || new Gap()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

/**
 * Where it came to be in the server's log, and when it was known there (epoch ns; 0 = unknown).
 */
atSeq():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 40);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

knownNs():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 42);
  return offset ? this.bb!.readInt64(this.bb_pos + offset) : BigInt('0');
}

static startCandle(builder:flatbuffers.Builder) {
  builder.startObject(20);
}

static addKind(builder:flatbuffers.Builder, kind:EntryKind) {
  builder.addFieldInt8(0, kind, EntryKind.SEALED);
}

static addTs(builder:flatbuffers.Builder, ts:bigint) {
  builder.addFieldInt64(1, ts, BigInt('0'));
}

static addOpen(builder:flatbuffers.Builder, openOffset:flatbuffers.Offset) {
  builder.addFieldStruct(2, openOffset, 0);
}

static addHigh(builder:flatbuffers.Builder, highOffset:flatbuffers.Offset) {
  builder.addFieldStruct(3, highOffset, 0);
}

static addLow(builder:flatbuffers.Builder, lowOffset:flatbuffers.Offset) {
  builder.addFieldStruct(4, lowOffset, 0);
}

static addClose(builder:flatbuffers.Builder, closeOffset:flatbuffers.Offset) {
  builder.addFieldStruct(5, closeOffset, 0);
}

static addVolume(builder:flatbuffers.Builder, volumeOffset:flatbuffers.Offset) {
  builder.addFieldStruct(6, volumeOffset, 0);
}

static addQuoteVolume(builder:flatbuffers.Builder, quoteVolumeOffset:flatbuffers.Offset) {
  builder.addFieldStruct(7, quoteVolumeOffset, 0);
}

static addTradeCount(builder:flatbuffers.Builder, tradeCount:bigint) {
  builder.addFieldInt64(8, tradeCount, BigInt('0'));
}

static addTakerBuyVolume(builder:flatbuffers.Builder, takerBuyVolumeOffset:flatbuffers.Offset) {
  builder.addFieldStruct(9, takerBuyVolumeOffset, 0);
}

static addTakerBuyQuoteVolume(builder:flatbuffers.Builder, takerBuyQuoteVolumeOffset:flatbuffers.Offset) {
  builder.addFieldStruct(10, takerBuyQuoteVolumeOffset, 0);
}

static addRevision(builder:flatbuffers.Builder, revision:number) {
  builder.addFieldInt32(11, revision, 0);
}

static addReason(builder:flatbuffers.Builder, reasonOffset:flatbuffers.Offset) {
  builder.addFieldOffset(12, reasonOffset, 0);
}

static addDigest(builder:flatbuffers.Builder, digestOffset:flatbuffers.Offset) {
  builder.addFieldOffset(13, digestOffset, 0);
}

static createDigestVector(builder:flatbuffers.Builder, data:number[]|Uint8Array):flatbuffers.Offset {
  builder.startVector(1, data.length, 1);
  for (let i = data.length - 1; i >= 0; i--) {
    builder.addInt8(data[i]!);
  }
  return builder.endVector();
}

static startDigestVector(builder:flatbuffers.Builder, numElems:number) {
  builder.startVector(1, numElems, 1);
}

static addUntilTs(builder:flatbuffers.Builder, untilTs:bigint) {
  builder.addFieldInt64(14, untilTs, BigInt('0'));
}

static addGrade(builder:flatbuffers.Builder, grade:Grade) {
  builder.addFieldInt8(15, grade, Grade.UNKNOWN);
}

static addWhy(builder:flatbuffers.Builder, whyOffset:flatbuffers.Offset) {
  builder.addFieldOffset(16, whyOffset, 0);
}

static addGap(builder:flatbuffers.Builder, gapOffset:flatbuffers.Offset) {
  builder.addFieldOffset(17, gapOffset, 0);
}

static addAtSeq(builder:flatbuffers.Builder, atSeq:bigint) {
  builder.addFieldInt64(18, atSeq, BigInt('0'));
}

static addKnownNs(builder:flatbuffers.Builder, knownNs:bigint) {
  builder.addFieldInt64(19, knownNs, BigInt('0'));
}

static endCandle(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

}
