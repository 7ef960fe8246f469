import type { Page } from "@playwright/test";
import { expectAccessible } from "./axe";
import { expect, test } from "./fixtures";

// Runs last: by then there is something on every screen. One test for each screen, so that none needs long.
const SCREENS = [
  "/",
  "/connections",
  "/connections/new",
  "/schemas",
  "/schemas/new",
  "/mappings",
  "/mappings/new",
  "/mappings/new?tab=fields",
  "/mappings/new?tab=writing",
  "/schedules",
  "/schedules/new",
  "/runs",
  "/runs?status=failed",
  "/settings",
  "/settings?tab=members",
  "/settings?tab=keys",
  "/settings?tab=audit",
  "/settings?tab=encryption",
];
const DOCUMENTS = [
  ["/mappings", "People"],
  ["/mappings", "Orders"],
  ["/connections", "Shop"],
  ["/schemas", "people"],
  ["/schedules", "People nightly"],
  ["/runs", "Orders"],
] as const;
// They only look, so that one whose browser dies under it is done again; a violation is one every time.
test.describe.configure({ retries: 2, timeout: 240_000 });

const TABS = ["2 Fields", "3 Writing", "4 Plan and run", "Versions"];

for (const screen of SCREENS) {
  test(`${screen} is accessible, in light and in dark`, async ({ page }) => {
    await page.goto(screen);
    await settle(page);
    await expectAccessible(page);
  });
}

for (const [list, name] of DOCUMENTS) {
  test(`${name} of ${list} is accessible, in light and in dark`, async ({ page }) => {
    await open(page, list, name);
    await settle(page);
    await expectAccessible(page);
  });
}

for (const tab of TABS) {
  test(`the editor's ${tab} is accessible, in light and in dark`, async ({ page }) => {
    await open(page, "/mappings", "People");
    await page.getByRole("tab", { name: tab }).click();
    await settle(page);
    await expectAccessible(page);
  });
}

async function open(page: Page, list: string, name: string): Promise<void> {
  await page.goto(list);
  await page.getByRole("main").getByRole("link", { name, exact: true }).first().click();
  // The list's heading must not be taken for that of the document.
  await page.waitForURL(/\/[0-9a-f]{24}/);
}

async function settle(page: Page): Promise<void> {
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
}
