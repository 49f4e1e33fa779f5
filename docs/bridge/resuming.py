"""Prints one JSON line per candle of one stream: from the oldest that is kept up to now, then live. Ends after `count`, if given.
Once:  pip install pyzmq flatbuffers && flatc --python -o docs/bridge schemas/market_data.fbs
Then:  python3 docs/bridge/resuming.py tcp://127.0.0.1:5556 tcp://127.0.0.1:5557 sim BTCUSDT 1m [count]
"""
import json, sys, time
import flatbuffers, zmq
from tapedeck.wire import BackfillCandlesRequest as backfill, BackfillCandlesResponse, CandleBatch, Envelope, Heartbeat, Refusal
from tapedeck.wire.Payload import Payload
from tapedeck.wire.RefusalCode import RefusalCode

pub, rpc, source, symbol, interval, *count = sys.argv[1:]
live, dealer = zmq.Context.instance().socket(zmq.SUB), zmq.Context.instance().socket(zmq.DEALER)
live.connect(pub)
live.subscribe(f"candles.{source}.{symbol}.{interval}")  # before asking, so that nothing falls in between
dealer.connect(rpc)
applied, history, asked, printed = 0, None, 0, 0

def open_frame(frame):
    envelope = Envelope.Envelope.GetRootAs(frame)
    assert envelope.SchemaVersion() == 1, f"the server speaks schema version {envelope.SchemaVersion()}, this is 1"
    modules = {Payload.BackfillCandlesResponse: BackfillCandlesResponse, Payload.CandleBatch: CandleBatch, Payload.Heartbeat: Heartbeat, Payload.Refusal: Refusal}
    module = modules.get(envelope.PayloadType(), Refusal)
    table = getattr(module, module.__name__.split(".")[-1])()
    table.Init(envelope.Payload().Bytes, envelope.Payload().Pos)
    return envelope.CorrelationId(), table

def ask():
    global asked
    asked, builder = asked + 1, flatbuffers.Builder(256)
    texts = [builder.CreateString(text) for text in (source, symbol, interval, history or "")]
    backfill.Start(builder)
    for add, text in zip((backfill.AddSourceId, backfill.AddSymbol, backfill.AddInterval), texts): add(builder, text)
    if history: backfill.AddHistoryId(builder, texts[3]); backfill.AddFromSequenceExclusive(builder, applied)
    backfill.AddLimit(builder, 2_000)
    request = backfill.End(builder)
    Envelope.Start(builder); Envelope.AddSchemaVersion(builder, 1); Envelope.AddCorrelationId(builder, asked)
    Envelope.AddPayloadType(builder, Payload.BackfillCandlesRequest); Envelope.AddPayload(builder, request)
    builder.Finish(Envelope.End(builder), b"TDMD")
    dealer.send(builder.Output())
    while True:
        number, table = open_frame(dealer.recv_multipart()[-1])
        if number == asked: return table  # other numbers: answers that came too late, and notices

def catch_up():
    has_more = True
    while has_more:
        answer = ask()
        refusal = answer if isinstance(answer, Refusal.Refusal) else answer.Refusal()
        if refusal is None: has_more = apply(answer).HasMore()
        elif refusal.Code() == RefusalCode.BUSY: time.sleep(refusal.RetryAfterMs() / 1000)
        else: sys.exit(f"refused ({refusal.Code()}): {refusal.Detail().decode()}")

def text(decimal):
    value, scale = (decimal.High() << 64) + decimal.Low(), decimal.Scale()
    digits = str(abs(value)).rjust(scale + 1, "0")
    return ("-" if value < 0 else "") + (f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits)

def apply(batch):
    global applied, history, printed
    history = history or batch.HistoryId()
    if history != batch.HistoryId(): sys.exit("another history is served now: begin anew")
    for index in range(batch.CandlesLength()):
        sequence, candle = batch.StartSequence() + index, batch.Candles(index)
        if sequence <= applied: continue  # the overlap of backfill and live
        applied = sequence
        if candle.Kind() > 1: continue  # marks: grades and gaps
        numbers = {field.lower(): text(getattr(candle, field)()) for field in ("Open", "High", "Low", "Close", "Volume")}
        print(json.dumps({"sequence": sequence, "ts": candle.Ts(), **numbers, "revision": candle.Revision()}), flush=True)
        printed += 1
        if count and printed == int(count[0]): sys.exit()
    return batch

catch_up()
while True:
    table = open_frame(live.recv_multipart()[-1])[1]
    is_beat = isinstance(table, Heartbeat.Heartbeat)
    if (table.LatestSequence() if is_beat else table.StartSequence() - 1) > applied: catch_up()  # something was lost on the way
    if not is_beat: apply(table)
