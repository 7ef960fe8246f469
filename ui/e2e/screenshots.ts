import { mkdirSync } from "node:fs";
import { expect, type Page, test } from "@playwright/test";
import { fillSystem, type Filled } from "./sample";

// Every screen in light and dark, wide and narrow. `UI_SHOTS` narrows it down: a part of the file names.
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
  { name: "schemas", path: () => "/schemas" },
  { name: "schema", path: ({ schema }) => `/schemas/${schema}` },
  { name: "mappings", path: () => "/mappings" },
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
  { name: "runs", path: () => "/runs" },
  { name: "run-failed", path: ({ failed }) => `/runs/${failed}` },
  {
    name: "run-rejected",
    path: ({ quarantined }) => `/runs/${quarantined}`,
    prepare: async (page) => {
      await expect(page.getByText("Why")).toBeVisible();
    },
  },
  { name: "settings", path: () => "/settings" },
  { name: "settings-members", path: () => "/settings?tab=members" },
  { name: "settings-encryption", path: () => "/settings?tab=encryption" },
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
  test.setTimeout(900_000);
  mkdirSync("screenshots", { recursive: true });
  await page.goto("/");
  await expect(page.getByText("The first mapping, in five steps")).toBeVisible();
  for (const scheme of ["light", "dark"] as const) await take(page, "home-empty", scheme);
  const filled = await fillSystem(request);
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    for (const shot of SHOTS.filter(({ name }) => name.includes(only))) {
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.goto(shot.path(filled));
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
      await shot.prepare?.(page);
      await take(page, shot.name, scheme);
    }
  }
});

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
