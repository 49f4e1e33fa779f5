"""Prints the live candles of one stream, one JSON line each, and says what was lost on the way. Ends after `count`, if given.
Once:  pip install pyzmq flatbuffers && flatc --python -o docs/bridge schemas/market_data.fbs
Then:  python3 docs/bridge/subscriber.py tcp://127.0.0.1:5556 sim BTCUSDT 1m [count]
resuming.py also fetches what was before, and what was lost.
"""
import json, sys
import zmq
from tapedeck.wire import CandleBatch, Envelope
from tapedeck.wire.Payload import Payload

pub, source, symbol, interval, *count = sys.argv[1:]
live = zmq.Context.instance().socket(zmq.SUB)
live.connect(pub)
live.subscribe(f"candles.{source}.{symbol}.{interval}")
number = lambda decimal: ((decimal.High() << 64) + decimal.Low()) / 10 ** decimal.Scale()
following, printed = None, 0
while True:
    envelope = Envelope.Envelope.GetRootAs(live.recv_multipart()[1])
    assert envelope.SchemaVersion() == 1, f"the server speaks schema version {envelope.SchemaVersion()}, this is 1"
    if envelope.PayloadType() != Payload.CandleBatch: continue  # heartbeats
    batch, start = CandleBatch.CandleBatch(), envelope.Payload()
    batch.Init(start.Bytes, start.Pos)
    if following is not None and batch.StartSequence() > following: print(f"lost: {following} to {batch.StartSequence() - 1}", file=sys.stderr)
    following = batch.StartSequence() + batch.CandlesLength()
    for candle in (batch.Candles(index) for index in range(batch.CandlesLength())):
        if candle.Kind() > 1: continue  # marks: grades and gaps
        numbers = {field.lower(): number(getattr(candle, field)()) for field in ("Open", "High", "Low", "Close", "Volume")}
        print(json.dumps({"ts": candle.Ts(), **numbers, "revision": candle.Revision()}), flush=True)
        printed += 1
        if count and printed == int(count[0]): sys.exit()
