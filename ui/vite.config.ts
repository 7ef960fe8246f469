import path from "node:path";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const api = process.env.UI_API_URL ?? "http://127.0.0.1:8000";
const proxied = { target: api, changeOrigin: false };

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: {
      "@": path.resolve(import.meta.dirname, "src"),
      // The package's own entry makes the development server load thousands of files.
      "@tabler/icons-react": "@tabler/icons-react/dist/esm/icons/index.mjs",
    },
  },
  server: {
    port: Number(process.env.UI_PORT ?? 5173),
    strictPort: true,
    proxy: { "/api": proxied, "/health": proxied },
  },
  preview: {
    port: Number(process.env.UI_PORT ?? 5173),
    strictPort: true,
    proxy: { "/api": proxied, "/health": proxied },
  },
  build: { manifest: true, chunkSizeWarningLimit: 700 },
  test: {
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
  },
});
