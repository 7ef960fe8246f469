import type { Page } from "@playwright/test";
import { expectAccessible } from "./axe";
import { expect, test } from "./fixtures";

// Runs last: by then there is something on every screen.
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
  "/settings?tab=encryption",
];

test("every screen is accessible, in light and in dark", async ({ page }) => {
  for (const screen of SCREENS) {
    await page.goto(screen);
    await settle(page);
    await expectAccessible(page);
  }
  for (const [list, name] of [
    ["/mappings", "People"],
    ["/mappings", "Orders"],
    ["/connections", "Shop"],
    ["/schemas", "people"],
    ["/schedules", "People nightly"],
    ["/runs", "Orders"],
  ] as const) {
    await page.goto(list);
    await page.getByRole("main").getByRole("link", { name, exact: true }).first().click();
    await settle(page);
    await expectAccessible(page);
  }
  for (const tab of ["2 Fields", "3 Writing", "4 Plan and run", "Versions"]) {
    await page.goto("/mappings");
    await page.getByRole("main").getByRole("link", { name: "People", exact: true }).click();
    await page.getByRole("tab", { name: tab }).click();
    await settle(page);
    await expectAccessible(page);
  }
});

async function settle(page: Page): Promise<void> {
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
}
