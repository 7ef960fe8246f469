import { copyFileSync, mkdirSync } from "node:fs";
import { expect, type Page, test } from "@playwright/test";
import { LOGIN_URL } from "../playwright.config";
import { fillSystem, type Filled } from "./sample";

// Every screen in light and dark, wide and narrow. `UI_SHOTS` narrows it down: a part of the file names.
const SCHEMES = ["light", "dark"] as const;
// The pictures of the README, by the screens that they show.
const README = { home: "home", "mapping-fields": "mapping-fields", "run-rejected": "run" } as const;
const only = process.env.UI_SHOTS ?? "";
const WIDTHS = [1440, 390] as const;

interface Shot {
  name: string;
  path: (filled: Filled) => string;
  prepare?: (page: Page) => Promise<void>;
}

const preview = async (page: Page) => {
  await expect(page.getByRole("grid", { name: "Preview rows" })).toBeVisible();
};

const SHOTS: Shot[] = [
  { name: "home", path: () => "/" },
  { name: "connections", path: () => "/connections" },
  { name: "connection-new", path: () => "/connections/new" },
  {
    name: "connection-test",
    path: () => "/connections/new",
    prepare: async (page) => {
      await page
        .getByRole("textbox", { name: "Fill from a URL" })
        .fill("postgresql://reader:x@127.0.0.1:9/shop");
      await page.getByRole("button", { name: "Test connection" }).click();
      await expect(page.getByText("What to do:")).toBeVisible();
    },
  },
  { name: "connection", path: ({ connection }) => `/connections/${connection}` },
  { name: "schema-new", path: () => "/schemas/new" },
  { name: "schemas", path: () => "/schemas" },
  { name: "schema", path: ({ schema }) => `/schemas/${schema}` },
  { name: "mappings", path: () => "/mappings" },
  { name: "mapping-new", path: () => "/mappings/new" },
  { name: "mapping-source", path: ({ mapping }) => `/mappings/${mapping}`, prepare: preview },
  { name: "mapping-fields", path: ({ mapping }) => `/mappings/${mapping}?tab=fields`, prepare: openSplit },
  { name: "mapping-rejects", path: ({ faulty }) => `/mappings/${faulty}?tab=fields`, prepare: mapped },
  { name: "mapping-writing", path: ({ mapping }) => `/mappings/${mapping}?tab=writing` },
  {
    name: "mapping-plan",
    path: ({ mapping }) => `/mappings/${mapping}?tab=plan`,
    prepare: async (page) => {
      await expect(page.getByText("What a run would do")).toBeVisible();
    },
  },
  { name: "mapping-versions", path: ({ mapping }) => `/mappings/${mapping}?tab=versions` },
  { name: "schedules", path: () => "/schedules" },
  {
    name: "schedule",
    path: ({ schedule }) => `/schedules/${schedule}`,
    prepare: async (page) => {
      await expect(page.getByText("Next five runs")).toBeVisible();
    },
  },
  { name: "schedule-new", path: () => "/schedules/new" },
  { name: "runs", path: () => "/runs" },
  { name: "runs-none", path: () => "/runs?status=timed_out" },
  { name: "run-failed", path: ({ failed }) => `/runs/${failed}` },
  {
    name: "run-rejected",
    path: ({ quarantined }) => `/runs/${quarantined}`,
    prepare: async (page) => {
      await expect(page.getByText("Why")).toBeVisible();
    },
  },
  { name: "settings", path: () => "/settings" },
  { name: "settings-encryption", path: () => "/settings?tab=encryption" },
  { name: "not-found", path: () => "/nowhere" },
];

async function mapped(page: Page): Promise<void> {
  await expect(page.getByRole("grid", { name: "Mapped rows" })).toBeVisible();
}

async function openSplit(page: Page): Promise<void> {
  await mapped(page);
  await page.getByRole("button", { name: /^Edit the mapping to city/ }).click();
  await expect(page.getByRole("region", { name: "Sample rows" })).toBeVisible();
}

test("screenshots of every screen", async ({ page, request }) => {
  test.setTimeout(1_800_000);
  mkdirSync("screenshots", { recursive: true });
  for (const [name, path] of [
    ["home-empty", "/"],
    ["connections-empty", "/connections"],
    ["runs-empty", "/runs"],
  ] as const) {
    await page.goto(path);
    for (const scheme of SCHEMES) await show(page, name, scheme);
  }
  await page.goto("/");
  await page.getByRole("button", { name: "Use the sample data" }).click();
  await expect(page.getByRole("link", { name: "Start with the sample orders" })).toBeVisible();
  for (const scheme of SCHEMES) await show(page, "home-sample", scheme);
  const filled = await fillSystem(request);
  for (const scheme of SCHEMES) {
    for (const shot of SHOTS.filter(({ name }) => name.includes(only))) {
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.goto(shot.path(filled));
      await shot.prepare?.(page);
      await show(page, shot.name, scheme);
    }
  }
  await request.put("/api/v1/pause", { data: { paused: true, note: "the warehouse moves" } });
  await request.post(`/api/v1/mappings/${filled.mapping}/run`);
  await page.goto("/runs");
  for (const scheme of SCHEMES) await show(page, "runs-paused", scheme);
  for (const [from, to] of Object.entries(README))
    if (from.includes(only)) copyFileSync(`screenshots/${from}-light-1440.png`, `readme/${to}.png`);
});

test("screenshots of what a login brings", async ({ page }) => {
  test.setTimeout(600_000);
  mkdirSync("screenshots", { recursive: true });
  await page.goto(LOGIN_URL);
  for (const scheme of SCHEMES) await show(page, "login", scheme);
  await page.getByRole("textbox", { name: "E-mail" }).fill("admin@example.org");
  await page.getByRole("textbox", { name: "Password" }).fill(process.env.UI_E2E_PASSWORD ?? "");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Home" })).toBeVisible({ timeout: 20_000 });
  for (const tab of ["general", "members", "keys", "audit"]) {
    await page.goto(`${LOGIN_URL}/settings?tab=${tab}`);
    for (const scheme of SCHEMES) await show(page, `settings-${tab}`, scheme);
  }
});

async function show(page: Page, name: string, scheme: "light" | "dark"): Promise<void> {
  if (!name.includes(only)) return;
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
  await take(page, name, scheme);
}

async function take(page: Page, name: string, scheme: "light" | "dark"): Promise<void> {
  await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: width === 390 ? 844 : 900 });
    await page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    );
    await page.screenshot({ path: `screenshots/${name}-${scheme}-${String(width)}.png`, fullPage: true });
  }
}
