import { expect, test } from "./fixtures";

test("runs are paused, a queued one says so, and they go on again", async ({ page }) => {
  await page.goto("/schedules");
  await page.getByRole("button", { name: "Pause runs" }).click();
  await page.getByRole("radio", { name: "The runs of this tenant" }).click();
  await page.getByRole("textbox", { name: "Why" }).fill("the warehouse moves");
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  const banner = page.getByRole("status", { name: "Runs are paused" });
  await expect(banner).toContainText("the warehouse moves");

  await page.getByRole("button", { name: "Run People nightly now" }).click();
  await expect(page.getByText("Waits for the end of a pause.")).toBeVisible();
  await expect(banner).toBeVisible();
  await page.getByRole("link", { name: "Runs", exact: true }).click();
  await expect(page.getByRole("row", { name: /Queued People.*Waits for the end of a pause/ })).toBeVisible();

  await page.getByRole("button", { name: "Let runs start again" }).click();
  await expect(banner).toBeHidden();
  await page
    .getByRole("row", { name: /People/ })
    .first()
    .getByRole("link")
    .click();
  await expect(page.getByText("5 read = 5 written + 0 unchanged + 0 collapsed + 0 rejected ✓")).toBeVisible();
});
