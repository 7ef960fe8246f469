import { choose, save, writeQuery } from "./actions";
import { expect, test } from "./fixtures";

test("a failed connection test says which step failed and what to do", async ({ page }) => {
  await page.goto("/connections/new");
  await page
    .getByRole("textbox", { name: "Fill from a URL" })
    .fill("postgresql://reader:wrong@127.0.0.1:9/shop");
  await expect(page.getByRole("textbox", { name: "Host" })).toHaveValue("127.0.0.1");
  await page.getByRole("button", { name: "Test connection" }).click();
  await expect(page.getByText("The connection does not work.")).toBeVisible();
  await expect(page.getByText("What to do:")).toBeVisible();
  await expect(page.getByText("not tried").first()).toBeVisible();
  await expect(page.locator("body")).not.toContainText("wrong");
});

test("a refusal of the server stands at its field", async ({ page }) => {
  await page.goto("/connections/new");
  await page.getByRole("radio", { name: "SQLite" }).click();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Elsewhere");
  await page.getByRole("textbox", { name: "File name" }).fill("../etc/passwd");
  await page.getByRole("button", { name: "Save connection" }).click();
  await expect(page.getByText("Must be a plain file name, without folders.")).toBeVisible();
  await page.getByRole("link", { name: "Home" }).click();
  await expect(page.getByRole("dialog", { name: "Leave without saving?" })).toBeVisible();
  await page.getByRole("button", { name: "Keep as it is" }).click();
  await expect(page.getByRole("textbox", { name: "File name" })).toHaveValue("../etc/passwd");
});

test("a query that writes is refused, and the rule is named", async ({ page }) => {
  await page.goto("/mappings/new");
  await choose(page, "Source connection", "Shop");
  await writeQuery(page, "DELETE FROM people");
  await page.keyboard.press("ControlOrMeta+Enter");
  await expect(page.getByText("The query was not run")).toBeVisible();
  await expect(page.locator(".cm-lintRange-error").first()).toBeVisible();
});

test("a rejected row is found, the mapping corrected, and the row replayed", async ({ page }) => {
  await page.goto("/mappings/new");
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Orders");
  await choose(page, "Source connection", "Shop");
  await writeQuery(page, "SELECT id, amount FROM orders ORDER BY id");
  await page.getByRole("button", { name: /^Preview/ }).click();
  await expect(page.getByText("4 rows")).toBeVisible();
  await page.getByRole("tab", { name: "2 Fields" }).click();
  await page.getByRole("textbox", { name: "Name of the new schema" }).fill("orders");
  await page.getByRole("button", { name: "Propose from the query" }).click();
  await page.getByRole("button", { name: "Add 2 columns" }).click();
  await choose(page, "Type of amount", "decimal");
  await page.getByRole("button", { name: "Match by name" }).click();
  await page.getByRole("button", { name: "Take 2" }).click();
  await page.getByRole("tab", { name: "3 Writing" }).click();
  await page.getByRole("radio", { name: "Append" }).click();
  await page.getByRole("radio", { name: "Set the row aside and go on" }).click();
  await save(page);
  await expect(page.getByRole("heading", { name: "What a run would do" })).toBeVisible();
  await page.getByRole("tab", { name: "2 Fields" }).click();
  await expect(page.getByText("1 row would be rejected")).toBeVisible();

  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page.getByText("4 read = 3 written + 0 unchanged + 0 collapsed + 1 rejected ✓")).toBeVisible();
  await expect(
    page.getByRole("region", { name: "Rejected rows, scrollable" }).getByText("19.995"),
  ).toBeVisible();

  const rejecting = page.url();

  await page.getByRole("link", { name: "Open mapping" }).click();
  await page.getByRole("tab", { name: "2 Fields" }).click();
  await page.getByRole("button", { name: "Edit the mapping to amount" }).click();
  await choose(page, "Cast", /^lossy/);
  await expect(page.getByText("all of them fit")).toBeVisible();
  await save(page);
  await expect(page.getByText("Version 3, saved")).toBeVisible();
  await page.goto(rejecting);
  await page.getByRole("button", { name: "Replay them" }).click();
  await expect(page.getByText("1 read = 1 written + 0 unchanged + 0 collapsed + 0 rejected ✓")).toBeVisible();
  await page.goto(rejecting);
  await expect(page.getByText("None are kept any more")).toBeVisible();
});

test("a live run is watched and cancelled", async ({ page }) => {
  await page.goto("/mappings/new");
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Endless");
  await choose(page, "Source connection", "Shop");
  await writeQuery(
    page,
    "WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n LIMIT 200000000) SELECT value FROM n",
  );
  await page.getByRole("tab", { name: "2 Fields" }).click();
  await page.getByRole("textbox", { name: "Name of the new schema" }).fill("endless");
  await page.getByRole("button", { name: "Add column" }).click();
  await page.getByRole("textbox", { name: "Name of column 1" }).fill("value");
  await choose(page, "Type of value", "integer");
  await save(page);
  await expect(page.getByRole("heading", { name: "What a run would do" })).toBeVisible();
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page.getByText("Running", { exact: true })).toBeVisible();
  await expect(page.getByText("rows per second")).toBeVisible();
  await page.getByRole("button", { name: "Cancel run" }).click();
  await expect(page.getByText("Cancelled", { exact: true }).first()).toBeVisible();
});
