// Tapedeck's version, as logs, certificates and screens name it. version.test.ts holds it to package.json.
export const VERSION = "0.1.0";
