import { randomBytes } from "node:crypto";
import path from "node:path";
import { defineConfig } from "@playwright/test";

const port = Number(process.env.UI_E2E_PORT ?? 5199);
const loginPort = port + 1;
const python = process.env.PYTHON ?? path.resolve(import.meta.dirname, "../.venv/bin/python");
// The administrator of the installation with a login. New each time; workers read it from the environment.
process.env.UI_E2E_PASSWORD ??= randomBytes(18).toString("base64url");

const at = (number: number) => `http://127.0.0.1:${String(number)}`;
export const LOGIN_URL = at(loginPort);
const installation = (number: number, kind: "" | " login") => ({
  command: `${python} e2e/server.py ${String(number)}${kind}`,
  url: `${at(number)}/health`,
  timeout: 300_000,
  reuseExistingServer: false,
  gracefulShutdown: { signal: "SIGTERM" as const, timeout: 60_000 },
  stdout: "pipe" as const,
});
// Playwright starts every server whatever project is asked for, so that one is told here.
const isFor = (project: string) =>
  !process.argv.some((word) => word.startsWith("--project=")) ||
  process.argv.includes(`--project=${project}`);

export default defineConfig({
  testDir: "e2e",
  workers: 1,
  fullyParallel: false,
  // Deadlines, not measures: a machine that is busy with something else must not fail a test.
  timeout: 600_000,
  // A browser that hangs without a word ends the whole, with what was seen until then.
  globalTimeout: 1_800_000,
  expect: { timeout: 120_000 },
  reporter: [["list"]],
  use: {
    baseURL: at(port),
    viewport: { width: 1440, height: 900 },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    actionTimeout: 120_000,
    navigationTimeout: 120_000,
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  projects: [
    { name: "e2e", testMatch: /[^/]+\.e2e\.ts$/, testIgnore: /login/ },
    { name: "login", testMatch: /login\/.*\.e2e\.ts$/, use: { baseURL: LOGIN_URL } },
    { name: "screenshots", testMatch: /screenshots\.ts/ },
  ],
  webServer: [
    ...(isFor("e2e") || isFor("screenshots") ? [installation(port, "")] : []),
    ...(isFor("login") || isFor("screenshots") ? [installation(loginPort, " login")] : []),
  ],
});
