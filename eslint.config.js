import { fileURLToPath } from "node:url";
import { lintConfig } from "./build/lint/config.mjs";

export default lintConfig({ typed: true, root: fileURLToPath(new URL(".", import.meta.url)) });
