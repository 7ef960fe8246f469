import { choose } from "./actions";
import { expect, test } from "./fixtures";

test("next runs are shown in both zones, and a day on which the clock changes is flagged", async ({
  page,
}) => {
  await page.goto("/schedules/new");
  await choose(page, "When", "Cron expression");
  await page.getByRole("textbox", { name: "Cron expression" }).fill("30 4 * 3 SUN");
  await page.getByRole("combobox", { name: "Time zone" }).fill("America/New_York");
  await page.getByRole("option", { name: "America/New_York" }).click();
  await expect(page.getByText(/and where you are \(Europe\/Berlin\)/)).toBeVisible();
  await expect(page.getByText(/ here$/)).toHaveCount(5);
  // New York sets its clocks on the second Sunday of March: among any five of these is one at least.
  await expect(page.getByText("the clock changes that day").first()).toBeVisible();
  await page.getByRole("textbox", { name: "Cron expression" }).fill("61 * * * *");
  await expect(page.getByText("This is not a schedule yet")).toBeVisible();
});

test("skipped ticks stand in the list of runs with their reason, and filters in its address", async ({
  page,
}) => {
  await page.goto("/runs");
  await choose(page, "Filter by status", "Skipped");
  await expect(page).toHaveURL(/status=skipped/);
  // The schedule that was disabled before goes on leaving a record, about once a minute.
  await expect(async () => {
    await page.reload();
    await expect(
      page.getByText("Runs were paused, or the schedule was disabled.").locator("visible=true").first(),
    ).toBeVisible({ timeout: 5000 });
  }).toPass({ timeout: 150_000 });
  await page.getByRole("main").getByRole("link").first().click();
  await expect(page.getByText("This tick did not run")).toBeVisible();
  await page.goBack();
  await expect(page.getByRole("combobox", { name: "Filter by status" })).toHaveValue("Skipped");
});

test("a backfill says what it needs, and a schedule runs now", async ({ page }) => {
  await page.goto("/schedules");
  await page.getByRole("link", { name: "People nightly" }).click();
  await page.getByRole("button", { name: "Backfill" }).click();
  await expect(page.getByRole("dialog", { name: "Backfill People" })).toContainText("cursor column");
  await page.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Run People nightly now" }).click();
  await expect(page.getByText("5 read = 5 written + 0 unchanged + 0 collapsed + 0 rejected ✓")).toBeVisible();
});
