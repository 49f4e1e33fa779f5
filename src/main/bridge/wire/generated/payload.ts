// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
import { BackfillCandlesRequest } from './backfill-candles-request.ts';
import { BackfillCandlesResponse } from './backfill-candles-response.ts';
import { CandleBatch } from './candle-batch.ts';
import { Compressed } from './compressed.ts';
import { FormingCandle } from './forming-candle.ts';
import { GetCursorRequest } from './get-cursor-request.ts';
import { GetCursorResponse } from './get-cursor-response.ts';
import { HealthRequest } from './health-request.ts';
import { HealthResponse } from './health-response.ts';
import { Heartbeat } from './heartbeat.ts';
import { ListStreamsRequest } from './list-streams-request.ts';
import { ListStreamsResponse } from './list-streams-response.ts';
import { Refusal } from './refusal.ts';
import { ReportAppliedRequest } from './report-applied-request.ts';
import { ResyncNotice } from './resync-notice.ts';
import { SubscribeCandlesAck } from './subscribe-candles-ack.ts';
import { SubscribeCandlesRequest } from './subscribe-candles-request.ts';


/**
 * The contract's msg_type is this union's type field.
 */
export enum Payload {
  NONE = 0,
  SubscribeCandlesRequest = 1,
  SubscribeCandlesAck = 2,
  CandleBatch = 3,
  FormingCandle = 4,
  Heartbeat = 5,
  BackfillCandlesRequest = 6,
  BackfillCandlesResponse = 7,
  GetCursorRequest = 8,
  GetCursorResponse = 9,
  ListStreamsRequest = 10,
  ListStreamsResponse = 11,
  HealthRequest = 12,
  HealthResponse = 13,
  ReportAppliedRequest = 14,
  ResyncNotice = 15,
  Refusal = 16,
  Compressed = 17
}

export function unionToPayload(
  type: Payload,
  accessor: (obj:BackfillCandlesRequest|BackfillCandlesResponse|CandleBatch|Compressed|FormingCandle|GetCursorRequest|GetCursorResponse|HealthRequest|HealthResponse|Heartbeat|ListStreamsRequest|ListStreamsResponse|Refusal|ReportAppliedRequest|ResyncNotice|SubscribeCandlesAck|SubscribeCandlesRequest) => BackfillCandlesRequest|BackfillCandlesResponse|CandleBatch|Compressed|FormingCandle|GetCursorRequest|GetCursorResponse|HealthRequest|HealthResponse|Heartbeat|ListStreamsRequest|ListStreamsResponse|Refusal|ReportAppliedRequest|ResyncNotice|SubscribeCandlesAck|SubscribeCandlesRequest|null
): BackfillCandlesRequest|BackfillCandlesResponse|CandleBatch|Compressed|FormingCandle|GetCursorRequest|GetCursorResponse|HealthRequest|HealthResponse|Heartbeat|ListStreamsRequest|ListStreamsResponse|Refusal|ReportAppliedRequest|ResyncNotice|SubscribeCandlesAck|SubscribeCandlesRequest|null {
  switch(Payload[type]) {
    case 'NONE': return null; 
    case 'SubscribeCandlesRequest': return accessor(new SubscribeCandlesRequest())! as SubscribeCandlesRequest;
    case 'SubscribeCandlesAck': return accessor(new SubscribeCandlesAck())! as SubscribeCandlesAck;
    case 'CandleBatch': return accessor(new CandleBatch())! as CandleBatch;
    case 'FormingCandle': return accessor(new FormingCandle())! as FormingCandle;
    case 'Heartbeat': return accessor(new Heartbeat())! as Heartbeat;
    case 'BackfillCandlesRequest': return accessor(new BackfillCandlesRequest())! as BackfillCandlesRequest;
    case 'BackfillCandlesResponse': return accessor(new BackfillCandlesResponse())! as BackfillCandlesResponse;
    case 'GetCursorRequest': return accessor(new GetCursorRequest())! as GetCursorRequest;
    case 'GetCursorResponse': return accessor(new GetCursorResponse())! as GetCursorResponse;
    case 'ListStreamsRequest': return accessor(new ListStreamsRequest())! as ListStreamsRequest;
    case 'ListStreamsResponse': return accessor(new ListStreamsResponse())! as ListStreamsResponse;
    case 'HealthRequest': return accessor(new HealthRequest())! as HealthRequest;
    case 'HealthResponse': return accessor(new HealthResponse())! as HealthResponse;
    case 'ReportAppliedRequest': return accessor(new ReportAppliedRequest())! as ReportAppliedRequest;
    case 'ResyncNotice': return accessor(new ResyncNotice())! as ResyncNotice;
    case 'Refusal': return accessor(new Refusal())! as Refusal;
    case 'Compressed': return accessor(new Compressed())! as Compressed;
    default: return null;
  }
}

export function unionListToPayload(
  type: Payload, 
  accessor: (index: number, obj:BackfillCandlesRequest|BackfillCandlesResponse|CandleBatch|Compressed|FormingCandle|GetCursorRequest|GetCursorResponse|HealthRequest|HealthResponse|Heartbeat|ListStreamsRequest|ListStreamsResponse|Refusal|ReportAppliedRequest|ResyncNotice|SubscribeCandlesAck|SubscribeCandlesRequest) => BackfillCandlesRequest|BackfillCandlesResponse|CandleBatch|Compressed|FormingCandle|GetCursorRequest|GetCursorResponse|HealthRequest|HealthResponse|Heartbeat|ListStreamsRequest|ListStreamsResponse|Refusal|ReportAppliedRequest|ResyncNotice|SubscribeCandlesAck|SubscribeCandlesRequest|null, 
  index: number
): BackfillCandlesRequest|BackfillCandlesResponse|CandleBatch|Compressed|FormingCandle|GetCursorRequest|GetCursorResponse|HealthRequest|HealthResponse|Heartbeat|ListStreamsRequest|ListStreamsResponse|Refusal|ReportAppliedRequest|ResyncNotice|SubscribeCandlesAck|SubscribeCandlesRequest|null {
  switch(Payload[type]) {
    case 'NONE': return null; 
    case 'SubscribeCandlesRequest': return accessor(index, new SubscribeCandlesRequest())! as SubscribeCandlesRequest;
    case 'SubscribeCandlesAck': return accessor(index, new SubscribeCandlesAck())! as SubscribeCandlesAck;
    case 'CandleBatch': return accessor(index, new CandleBatch())! as CandleBatch;
    case 'FormingCandle': return accessor(index, new FormingCandle())! as FormingCandle;
    case 'Heartbeat': return accessor(index, new Heartbeat())! as Heartbeat;
    case 'BackfillCandlesRequest': return accessor(index, new BackfillCandlesRequest())! as BackfillCandlesRequest;
    case 'BackfillCandlesResponse': return accessor(index, new BackfillCandlesResponse())! as BackfillCandlesResponse;
    case 'GetCursorRequest': return accessor(index, new GetCursorRequest())! as GetCursorRequest;
    case 'GetCursorResponse': return accessor(index, new GetCursorResponse())! as GetCursorResponse;
    case 'ListStreamsRequest': return accessor(index, new ListStreamsRequest())! as ListStreamsRequest;
    case 'ListStreamsResponse': return accessor(index, new ListStreamsResponse())! as ListStreamsResponse;
    case 'HealthRequest': return accessor(index, new HealthRequest())! as HealthRequest;
    case 'HealthResponse': return accessor(index, new HealthResponse())! as HealthResponse;
    case 'ReportAppliedRequest': return accessor(index, new ReportAppliedRequest())! as ReportAppliedRequest;
    case 'ResyncNotice': return accessor(index, new ResyncNotice())! as ResyncNotice;
    case 'Refusal': return accessor(index, new Refusal())! as Refusal;
    case 'Compressed': return accessor(index, new Compressed())! as Compressed;
    default: return null;
  }
}
