// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import * as flatbuffers from 'flatbuffers';

import { History } from './history.ts';
import { Refusal } from './refusal.ts';


export class HealthResponse {
  bb: flatbuffers.ByteBuffer|null = null;
  bb_pos = 0;
  __init(i:number, bb:flatbuffers.ByteBuffer):HealthResponse {
  this.bb_pos = i;
  this.bb = bb;
  return this;
}

static getRootAsHealthResponse(bb:flatbuffers.ByteBuffer, obj?:HealthResponse):HealthResponse {
  return (obj || new HealthResponse()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

static getSizePrefixedRootAsHealthResponse(bb:flatbuffers.ByteBuffer, obj?:HealthResponse):HealthResponse {
  bb.setPosition(bb.position() + flatbuffers.SIZE_PREFIX_LENGTH);
  return (obj || new HealthResponse()).__init(bb.readInt32(bb.position()) + bb.position(), bb);
}

serverVersion():string|null
serverVersion(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
serverVersion(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 4);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

history(obj?:History):History|null {
  const offset = this.bb!.__offset(this.bb_pos, 6);
  return offset ? (obj || new History()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

uptimeMs():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 8);
  return offset ? this.bb!.readUint64(this.bb_pos + offset) : BigInt('0');
}

streams():number {
  const offset = this.bb!.__offset(this.bb_pos, 10);
  return offset ? this.bb!.readUint32(this.bb_pos + offset) : 0;
}

clients():number {
  const offset = this.bb!.__offset(this.bb_pos, 12);
  return offset ? this.bb!.readUint32(this.bb_pos + offset) : 0;
}

/**
 * GREEN, AMBER or RED with its reason.
 */
status():string|null
status(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
status(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 14);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

detail():string|null
detail(optionalEncoding:flatbuffers.Encoding):string|Uint8Array|null
detail(optionalEncoding?:any):string|Uint8Array|null {
  const offset = this.bb!.__offset(this.bb_pos, 16);
  return offset ? this.bb!.__string(this.bb_pos + offset, optionalEncoding) : null;
}

nowNs():bigint {
  const offset = this.bb!.__offset(this.bb_pos, 18);
  return offset ? this.bb!.readInt64(this.bb_pos + offset) : BigInt('0');
}

/**
 * PUB address to connect a SUB to, as seen from this client's side; empty = same host, port told apart.
 */
pubPort():number {
  const offset = this.bb!.__offset(this.bb_pos, 20);
  return offset ? this.bb!.readUint32(this.bb_pos + offset) : 0;
}

refusal(obj?:Refusal):Refusal|null {
  const offset = this.bb!.__offset(this.bb_pos, 22);
  return offset ? (obj || new Refusal()).__init(this.bb!.__indirect(this.bb_pos + offset), this.bb!) : null;
}

static startHealthResponse(builder:flatbuffers.Builder) {
  builder.startObject(10);
}

static addServerVersion(builder:flatbuffers.Builder, serverVersionOffset:flatbuffers.Offset) {
  builder.addFieldOffset(0, serverVersionOffset, 0);
}

static addHistory(builder:flatbuffers.Builder, historyOffset:flatbuffers.Offset) {
  builder.addFieldOffset(1, historyOffset, 0);
}

static addUptimeMs(builder:flatbuffers.Builder, uptimeMs:bigint) {
  builder.addFieldInt64(2, uptimeMs, BigInt('0'));
}

static addStreams(builder:flatbuffers.Builder, streams:number) {
  builder.addFieldInt32(3, streams, 0);
}

static addClients(builder:flatbuffers.Builder, clients:number) {
  builder.addFieldInt32(4, clients, 0);
}

static addStatus(builder:flatbuffers.Builder, statusOffset:flatbuffers.Offset) {
  builder.addFieldOffset(5, statusOffset, 0);
}

static addDetail(builder:flatbuffers.Builder, detailOffset:flatbuffers.Offset) {
  builder.addFieldOffset(6, detailOffset, 0);
}

static addNowNs(builder:flatbuffers.Builder, nowNs:bigint) {
  builder.addFieldInt64(7, nowNs, BigInt('0'));
}

static addPubPort(builder:flatbuffers.Builder, pubPort:number) {
  builder.addFieldInt32(8, pubPort, 0);
}

static addRefusal(builder:flatbuffers.Builder, refusalOffset:flatbuffers.Offset) {
  builder.addFieldOffset(9, refusalOffset, 0);
}

static endHealthResponse(builder:flatbuffers.Builder):flatbuffers.Offset {
  const offset = builder.endObject();
  return offset;
}

}
