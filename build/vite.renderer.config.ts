// The screen. Relative base, because it is served from app:// as well as from a loopback port; nothing inline and no
// data: addresses, so that `script-src 'self'; font-src 'self'` suffices as a content security policy.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

export default defineConfig({
  root: join(ROOT, "src/renderer"),
  base: "./",
  publicDir: false,
  logLevel: "warn",
  plugins: [react()],
  build: {
    target: "es2023",
    outDir: join(ROOT, "dist/renderer"),
    emptyOutDir: true,
    sourcemap: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // One desktop window loads everything at start from the same machine: a size warning would say nothing.
    chunkSizeWarningLimit: 4096,
  },
});
