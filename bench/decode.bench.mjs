// Bytes → normalised objects, per venue, side by side with tardis-dev's mappers and ccxt pro's handlers: the same real messages in the order and
// proportion in which they came, runs in turn. Before anything is measured, what the three make of each message is compared.
import { checkAgainstCcxt, checkAgainstTardis } from "./kit/decode-checks.mjs";
import { decodeMessages, hasShared } from "./kit/decode-messages.mjs";
import { ccxt, routing, tapedeck, tardis } from "./kit/decode-peers.mjs";
import { note, Report, RUNS } from "./kit/report.mjs";

/** Bytes that one run reads: some tenths of a second for the fastest side. */
const BYTES_PER_RUN = 48 * 1_048_576;
const SLICES = 8;
/** A channel is also measured by itself when there are as many messages of it: fewer would measure one message over and over. */
const MESSAGES_OF_CHANNEL_MIN = 20;
const TARDIS_AT = { binance: new Date("2024-08-08T23:54:15Z"), bybit: new Date("2026-08-09T21:26:57Z"), okx: new Date("2022-05-13T16:27:04Z") };

const swap = (id, base, contractSize) => ({ id, base, quote: "USDT", isSwap: true, contractSize });
const VENUES = {
  binance: { tardis: "binance-futures", ccxt: ["binance", "wss://fstream.binance.com/stream", [swap("BTCUSDT", "BTC", 1)]] },
  bybit: { tardis: "bybit", ccxt: ["bybit", "wss://stream.bybit.com/v5/public/linear", [swap("BTCUSDT", "BTC", 1), swap("ETHUSDT", "ETH", 1), swap("LTCUSDT", "LTC", 1)]] },
  okx: {
    tardis: "okex-swap",
    ccxt: ["okx", "wss://ws.okx.com:8443/ws/v5/public", [swap("BTC-USDT-SWAP", "BTC", 0.01), swap("WNCG-USDT-SWAP", "WNCG", 1), { id: "BTC-USDT", base: "BTC", quote: "USDT", isSwap: false, contractSize: undefined }]],
  },
};

/** A side's way through the messages, once: how many objects came out. */
function passOf(side, messages, argument) {
  const read = side.reader(argument);
  return () => {
    read.begin?.();
    let objects = 0;
    for (const message of messages) objects += read(message)?.length ?? 1;
    if (objects === 0) throw new Error(`${side.name} made nothing of the messages`);
  };
}

/** Messages per second of each side in one run: in slices that take turns, so that what else the machine does falls on all alike. */
function rates(sides, messages, copies) {
  const passes = sides.map(({ side, argument }) => passOf(side, messages, argument));
  const tookMs = sides.map(() => 0);
  for (let slice = 0; slice < SLICES; slice += 1) {
    for (const [index, pass] of passes.entries()) {
      // Nobody pays for what another left behind.
      globalThis.gc?.();
      const began = performance.now();
      for (let copy = 0; copy < copies; copy += 1) pass();
      tookMs[index] += performance.now() - began;
    }
  }
  return tookMs.map((ms) => (SLICES * copies * messages.length * 1_000) / ms);
}

function measure(report, name, messages, sides, target) {
  const bytes = messages.reduce((sum, { payload }) => sum + payload.length, 0);
  const copies = Math.ceil(BYTES_PER_RUN / SLICES / bytes / (target === undefined ? 4 : 1));
  const runs = sides.map(() => []);
  for (let run = 0; run <= RUNS; run += 1) {
    // The first run warms up.
    for (const [index, rate] of rates(sides, messages, copies).entries()) if (run > 0) runs[index].push(rate);
  }
  const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
  const [ours, routed, ...peers] = runs;
  const fastest = peers.reduce((best, values) => (median(values) > median(best) ? values : best));
  peers.forEach((values, index) => report.add({ name: `${name}: ${sides[index + 2].side.name}`, values, unit: "messages/s" }));
  report.add({ name: `${name}: tapedeck, exact decimals`, values: ours, unit: "messages/s", peer: fastest, ...(target && { target }) });
  report.add({ name: `${name}: tapedeck, routing too`, values: routed, unit: "messages/s", peer: fastest });
}

if (!hasShared) note("decode: ../shared/data is absent, measured on the project's own golden messages");
const report = new Report("decode");
const all = await decodeMessages();
for (const [venue, { tardis: exchange, ccxt: arguments_ }] of Object.entries(VENUES)) {
  const messages = all[venue];
  const ours = await tapedeck();
  const sides = [
    { side: ours }, { side: await routing(messages) }, { side: tardis(exchange), argument: TARDIS_AT[venue] }, { side: await ccxt(...arguments_) },
  ];
  checkAgainstTardis(messages, ours.reader(), sides[2].side.reader(TARDIS_AT[venue]));
  checkAgainstCcxt(messages, ours.reader(), sides[3].side.reader());
  measure(report, venue, messages, sides, { atLeast: 2, of: "ratio" });
  for (const channel of new Set(messages.map(({ stream }) => stream.channel))) {
    const some = messages.filter(({ stream }) => stream.channel === channel);
    if (some.length >= MESSAGES_OF_CHANNEL_MIN) measure(report, `${venue} ${channel}`, some, sides, undefined);
  }
}
report.print();
