// What the replay bench consumes of every event, on both sides: sums over each field, so that nothing can be left out unseen; and
// the same sums computed from the raw JSON, which both sides must reach exactly.

/** Times are summed from here: sums of a million epoch times would not be exact. */
export const BASE_MS = 1_723_161_000_000;

export function emptySums() {
  return { trades: 0, tickers: 0, price: 0, amount: 0, side: 0, id: 0, bidPrice: 0, bidAmount: 0, askPrice: 0, askAmount: 0, tradeMs: 0, tickerMs: 0, localMs: 0, localUs: 0 };
}

/** `exact`: fields as integers of the text's digits; `float`: as doubles, added in order; both with the same times and counts. */
export function emptyReference() {
  return { messages: 0, exact: emptySums(), float: emptySums(), tickerMsByE: 0 };
}

function digitsOf(text) {
  return Number(text.replace(".", ""));
}

function addBoth({ exact, float }, field, text) {
  exact[field] += digitsOf(text);
  float[field] += Number(text);
}

export function addReference(reference, { channel, recvNs, payload }) {
  const { data } = JSON.parse(payload.toString("utf8"));
  const micros = Number(recvNs / 1_000n);
  const { exact, float } = reference;
  reference.messages += 1;
  if (channel === "trade") {
    addBoth(reference, "price", data.p);
    addBoth(reference, "amount", data.q);
  } else {
    addBoth(reference, "bidPrice", data.b);
    addBoth(reference, "bidAmount", data.B);
    addBoth(reference, "askPrice", data.a);
    addBoth(reference, "askAmount", data.A);
    reference.tickerMsByE += data.E - BASE_MS;
  }
  for (const sums of [exact, float]) {
    sums.localMs += Math.floor(micros / 1_000) - BASE_MS;
    sums.localUs += micros % 1_000;
    if (channel === "trade") {
      const id = String(data.t);
      sums.trades += 1;
      sums.side += data.m ? -1 : 1;
      sums.id += id.length + id.charCodeAt(id.length - 1);
      sums.tradeMs += data.T - BASE_MS;
    } else {
      sums.tickers += 1;
      sums.tickerMs += data.T - BASE_MS;
    }
  }
}

export function checkSums(who, sums, expected) {
  for (const [field, value] of Object.entries(expected)) {
    if (sums[field] !== value) throw new Error(`${who}: the sum of ${field} is ${sums[field]}, the raw messages say ${value}`);
  }
}
