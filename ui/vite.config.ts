import path from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const api = process.env.UI_API_URL ?? "http://127.0.0.1:8000";
const apiPrefix = process.env.API_V1_PREFIX ?? "/api/v1";
const proxied = { target: api, changeOrigin: false };

export default defineConfig({
  plugins: [
    react(),
    {
      name: "page-facts",
      apply: "serve",
      transformIndexHtml: (html) => html.replace("{{api-prefix}}", apiPrefix),
    },
  ],
  // Two installations of one clone must not share it.
  cacheDir: process.env.UI_CACHE_DIR ?? "node_modules/.vite",
  resolve: {
    alias: {
      "@": path.resolve(import.meta.dirname, "src"),
      // The package's own entry makes the development server load thousands of files.
      "@tabler/icons-react": "@tabler/icons-react/dist/esm/icons/index.mjs",
    },
  },
  server: {
    host: "127.0.0.1",
    port: Number(process.env.UI_PORT ?? 5173),
    strictPort: true,
    proxy: { [apiPrefix]: proxied, "/health": proxied },
  },
  build: { manifest: true, chunkSizeWarningLimit: 700 },
  test: {
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
  },
});
