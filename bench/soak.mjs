// `npm run soak -- [bridge] [options]`: minutes under load, with every loss counted. Without a word: the recorder (bench/soak/capture.mjs);
// `bridge`: the live bridge (soak-bridge.mjs).
const isBridge = process.argv[2] === "bridge";
if (isBridge) process.argv.splice(2, 1);
await import(isBridge ? "./soak-bridge.mjs" : "./soak/capture.mjs");
