// The simulated venues as a process of its own, as a soak asks it: faults in, accounts out.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath, URLSearchParams } from "node:url";

const TAPEDECK = fileURLToPath(new URL("../../bin/tapedeck.mjs", import.meta.url));

export const VENUES = [
  { word: "binance", venue: "binance-usdm", fold: "aggTrade" },
  { word: "bybit", venue: "bybit-linear", fold: "publicTrade" },
  { word: "okx", venue: "okx-swap", fold: "trades" },
];
export const SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "LINKUSDT", "ADAUSDT", "AVAXUSDT", "LTCUSDT", "MATICUSDT"];
/** What one answer of /sim/trades holds at most. */
const TRADES_PAGE = 50_000;

export async function startSimulator({ rate, seed }) {
  const words = ["simulate", "--json", "--venue", VENUES.map(({ word }) => word).join(","), "--symbol", SYMBOLS.join(","), "--rate", String(rate), "--seed", String(seed)];
  const child = spawn(process.execPath, [TAPEDECK, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (said = `${said}${text}`.slice(-4_000)));
  const exited = once(child, "exit");
  const url = await new Promise((resolve, reject) => {
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      const line = output.split("\n", 1)[0];
      if (output.includes("\n")) resolve(JSON.parse(line).url);
    });
    exited.then(([code]) => reject(new Error(`the simulator ended with ${code}:\n${said}`)), reject);
  });
  const ask = async (path, method = "GET") => {
    const answer = await fetch(`${url}${path}`, { method });
    const body = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path}: ${body.error}`);
    return body;
  };
  return {
    url, pid: child.pid,
    fault: ({ name, amount, venue, symbol }) => {
      const query = new URLSearchParams({ name, venue, ...(amount === undefined ? {} : { amount: String(amount) }), ...(symbol === undefined ? {} : { symbol }) });
      return ask(`/sim/fault?${query}`, "POST");
    },
    /** From here on nothing more is said; REST still answers. */
    pause: () => ask("/sim/pause", "POST"),
    said: () => ask("/sim/said"),
    ledger: async () => (await Promise.all(VENUES.map(({ venue }) => ask(`/sim/ledger?venue=${venue}`)))).flatMap(({ entries, forgotten }) => {
      if (forgotten > 0) throw new Error("the simulator forgot a part of its ledger: a shorter soak can be checked");
      return entries;
    }),
    trades: (venue, symbol, from) => ask(`/sim/trades?venue=${venue}&symbol=${symbol}&from=${from}`),
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** A trade may be told this much after its time; what is older has been collected. */
const LATE_MS = 60_000;

/** Every trade that the markets made, collected as time goes by: the simulator remembers the last minutes only. */
export class TradeCollector {
  /** By `venue:symbol`: { id, timeMs, market } in the order in which they were found. */
  made = new Map();
  #simulator;
  #fromMs = Date.now();

  constructor(simulator) {
    this.#simulator = simulator;
  }

  async collect() {
    const untilMs = Date.now();
    for (const { venue } of VENUES) for (const symbol of SYMBOLS) await this.#collectOne(venue, symbol);
    this.#fromMs = untilMs - LATE_MS;
  }

  async #collectOne(venue, symbol) {
    const key = `${venue}:${symbol}`;
    const made = this.made.get(key) ?? [];
    this.made.set(key, made);
    const known = new Set();
    for (let index = made.length - 1; index >= 0 && made[index].timeMs >= this.#fromMs - LATE_MS; index -= 1) known.add(made[index].id);
    for (let from = this.#fromMs; ;) {
      const page = await this.#simulator.trades(venue, symbol, from);
      for (const { id, timeMs, market } of page) {
        if (known.has(id)) continue;
        known.add(id);
        made.push({ id, timeMs, market });
      }
      if (page.length < TRADES_PAGE) return;
      from = page.at(-1).timeMs;
    }
  }
}
