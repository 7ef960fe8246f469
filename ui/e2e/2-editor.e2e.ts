import { choose, writeQuery } from "./actions";
import { expect, test } from "./fixtures";

test("the query completes from the source's tables, and a refused word is marked where it stands", async ({
  page,
}) => {
  await page.goto("/mappings/new");
  await choose(page, "Source connection", "Shop");
  await expect(page.getByText("people", { exact: true })).toBeVisible();
  await writeQuery(page, "SELECT id FROM people WHERE ");
  await page.keyboard.type("mail_h", { delay: 30 });
  const completion = page.locator(".cm-tooltip-autocomplete").getByText("mail_host");
  await expect(async () => {
    if (!(await completion.isVisible())) await page.keyboard.press("Control+Space");
    await expect(completion).toBeVisible({ timeout: 2000 });
  }).toPass({ timeout: 150_000 });
  await page.keyboard.press("Escape");
  await writeQuery(page, "SELECT pg_sleep(1), id FROM people; SELECT 1");
  await page.keyboard.press("ControlOrMeta+Enter");
  await expect(page.getByText("The query must be one statement").first()).toBeVisible();
  await expect(page.locator(".cm-lintRange-error")).toHaveText("SELECT");
});

test("the preview's cells are walked and copied by keys, and NULL is not the empty text", async ({
  page,
  context,
}) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto("/mappings/new");
  await choose(page, "Source connection", "Shop");
  await writeQuery(page, "SELECT full_name, place FROM people ORDER BY id DESC");
  await page.keyboard.press("ControlOrMeta+Enter");
  const grid = page.getByRole("grid", { name: "Preview rows" });
  await expect(grid.getByRole("row").nth(1).getByRole("gridcell").nth(0)).toHaveText("empty");
  await expect(grid.getByRole("row").nth(1).getByRole("gridcell").nth(1)).toHaveText("NULL");
  await grid.focus();
  await expect(page.getByText("full_name, row 1: the empty text")).toBeVisible();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByText("place, row 1: NULL")).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ControlOrMeta+c");
  await expect(page.getByText("copied")).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("Boston|US|02108");
});

test("columns are mapped by keyboard alone", async ({ page }) => {
  await page.goto("/mappings/new");
  await choose(page, "Source connection", "Shop");
  await writeQuery(page, "SELECT place FROM people ORDER BY id");
  await page.keyboard.press("ControlOrMeta+Enter");
  await expect(page.getByText("5 rows")).toBeVisible();
  await page.getByRole("tab", { name: "1 Source" }).focus();
  await page.keyboard.press("ArrowRight");
  for (const name of ["city", "country"]) {
    await page.getByRole("button", { name: "Add column" }).press("Enter");
    await page.getByRole("textbox", { name: /^Name of column/ }).focus();
    await page.keyboard.type(name);
  }
  await page.getByRole("button", { name: "Add", exact: true }).press("Enter");
  const split = page.getByRole("menuitem", { name: /^Split/ });
  await expect(split).toBeVisible();
  await expect(async () => {
    await page.keyboard.press("ArrowDown");
    await expect(split).toBeFocused({ timeout: 1000 });
  }).toPass({ timeout: 120_000 });
  await page.keyboard.press("Enter");
  for (const [label, typed] of [
    ["Source column", "place"],
    ["Target fields, in order 2", "country"],
  ] as const) {
    await page.getByRole("combobox", { name: label }).focus();
    await page.keyboard.type(typed);
    await expect(page.getByRole("option", { name: typed })).toBeVisible();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
  }
  await page.getByRole("textbox", { name: "Delimiter" }).focus();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("|");
  await expect(page.getByRole("grid", { name: "Mapped rows" }).getByText("London")).toBeVisible();
  await page.getByRole("button", { name: "More for the mapping to city, country" }).press("Enter");
  await expect(page.getByRole("menuitem", { name: "Make it direct" })).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("menuitem")).toHaveCount(0);
});
