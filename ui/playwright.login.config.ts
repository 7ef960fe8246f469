import { randomBytes } from "node:crypto";
import base from "./playwright.config";

// An installation of its own, with a login. The password is new each time; workers read it from the environment.
process.env.UI_E2E_PASSWORD ??= randomBytes(18).toString("base64url");

export default {
  ...base,
  testDir: "e2e/login",
  projects: [{ name: "login", testMatch: /.*\.e2e\.ts/ }],
  webServer:
    base.webServer && !Array.isArray(base.webServer)
      ? { ...base.webServer, command: `${base.webServer.command} login` }
      : [],
};
