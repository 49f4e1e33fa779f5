// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

/**
 * Exact decimal: (high * 2^64 + low) * 10^-scale; high carries the sign (two's complement over 128 bits).
 */
export class Decimal {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):Decimal {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

low():bigint {
  return this.bb!.readUint64(this.bb_pos);
}

high():bigint {
  return this.bb!.readInt64(this.bb_pos + 8);
}

scale():number {
  return this.bb!.readUint8(this.bb_pos + 16);
}

static sizeOf():number {
  return 24;
}

static createDecimal(builder:flatbuffers.Builder, low: bigint, high: bigint, scale: number):flatbuffers.Offset {
  builder.prep(8, 24);
  builder.pad(7);
  builder.writeInt8(scale);
  builder.writeInt64(high);
  builder.writeInt64(low);
  return builder.offset();
}

}
