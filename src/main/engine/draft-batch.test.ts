import fc from "fast-check";
import { expect, test } from "vitest";
import { streamRef } from "../../shared/market.ts";
import { packDrafts, unpackDrafts } from "./draft-batch.ts";

test("a batch brings back exactly the drafts that went in", () => {
  const draft = fc.record({
    stream: fc.constantFrom(streamRef("sim", "BTCUSDT", "aggTrade"), streamRef("binance-usdm", "ETHUSDT", "bookTicker")),
    source: fc.constantFrom("ws" as const, "rest_backfill" as const, "control" as const),
    connection: fc.constantFrom("a.1", "b.2"),
    recvNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    eventNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    payload: fc.uint8Array({ maxLength: 300 }),
  });
  fc.assert(
    fc.property(fc.array(draft, { maxLength: 50 }), (drafts) => {
      const back = [...unpackDrafts(packDrafts(drafts))];
      expect(back.map((one) => ({ ...one, payload: [...one.payload] }))).toEqual(drafts.map((one) => ({ ...one, payload: [...one.payload] })));
    }),
  );
});
