import { choose, makeSqlite, save, writeQuery } from "./actions";
import { expect, test } from "./fixtures";

const QUERY = "SELECT id, full_name, place, mailbox, mail_host, born FROM people ORDER BY id";

test("from an empty system with the sample data to a scheduled run with split and join", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "The first mapping, in five steps" })).toBeVisible();
  await page.getByRole("button", { name: "Use the sample data" }).click();
  await page.getByRole("link", { name: "Start with the sample orders" }).click();
  // The steps have filled in the connection and the query, and its rows are there.
  await expect(page.getByRole("gridcell", { name: "Lovelace" })).toBeVisible();
  await expect(page.getByRole("gridcell", { name: "empty" })).toBeVisible();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Sample orders");

  await page.getByRole("tab", { name: "2 Fields" }).click();
  await page.getByRole("textbox", { name: "Name of the new schema" }).fill("sample_orders");
  await page.getByRole("button", { name: "Propose from the query" }).click();
  await page.getByRole("button", { name: "Add 6 columns" }).click();
  await renameColumn(page, "first_name", "full_name");
  await renameColumn(page, "last_name", "city");
  await renameColumn(page, "place", "country");
  await choose(page, "Type of amount", "decimal");
  await page.getByRole("button", { name: "Match by name" }).click();
  await page.getByRole("button", { name: "Take 3" }).click();
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("menuitem", { name: /^Join/ }).click();
  await choose(page, "Source columns, in order 1", "first_name");
  await choose(page, "Source columns, in order 2", "last_name");
  await expect(page.getByRole("region", { name: "Sample rows" }).getByText("Ada Lovelace")).toBeVisible();
  await page.getByRole("button", { name: "Close the mapping to full_name" }).click();
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("menuitem", { name: /^Split/ }).click();
  await choose(page, "Source column", "place");
  await page.getByRole("textbox", { name: "Delimiter" }).fill(", ");
  await choose(page, "Target fields, in order 2", "country");
  // Nothing is stored yet: the server maps the rows by what stands in the editor, and marks the amount that is none.
  await expect(page.getByText("1 row would be rejected")).toBeVisible();
  const mapped = page.getByRole("grid", { name: "Mapped rows" });
  await expect(mapped.getByText("Ada Lovelace")).toBeVisible();
  await expect(mapped.getByRole("gridcell", { name: /^not a number/i })).toBeVisible();

  await page.getByRole("tab", { name: "3 Writing" }).click();
  await page.getByRole("radio", { name: "Set the row aside and go on" }).click();
  await save(page);
  await expect(page.getByRole("heading", { name: "What a run would do" })).toBeVisible();
  await page.getByRole("link", { name: "Schedule", exact: true }).click();
  await page.getByRole("textbox", { name: "Cron expression" }).fill("*/2 * * * * *");
  await page.getByRole("button", { name: "Save schedule" }).click();
  await page.getByRole("link", { name: "Runs", exact: true }).click();
  await page
    .getByRole("row", { name: /Succeeded/ })
    .first()
    .getByRole("link")
    .click();
  await expect(
    page.getByText("12 read = 11 written + 0 unchanged + 0 collapsed + 1 rejected ✓"),
  ).toBeVisible();
  await page.goto("/schedules");
  await page.getByRole("switch", { name: "Sample orders nightly is enabled" }).click({ force: true });
  await expect(page.getByText("paused")).toBeVisible();
  // The five steps are done, and home shows the system at work.
  await page.getByRole("link", { name: "Home" }).click();
  await expect(page.getByRole("heading", { name: "Latest runs" })).toBeVisible();
  await expect(page.getByText("The first mapping, in five steps")).toBeHidden();
});

test("one's own database, from connection to scheduled run with split and join", async ({ page }) => {
  await makeSqlite(page, "Shop", "shop.sqlite3");
  await page.getByRole("button", { name: "Test connection" }).click();
  await expect(page.getByText("The connection works.")).toBeVisible();

  await page.goto("/mappings/new");
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("People");
  await choose(page, "Source connection", "Shop");
  await expect(page.getByText("people", { exact: true })).toBeVisible();
  await writeQuery(page, QUERY);
  await page.keyboard.press("ControlOrMeta+Enter");
  await expect(page.getByText("5 rows")).toBeVisible();
  await expect(page.getByRole("gridcell", { name: "Ada Lovelace" })).toBeVisible();
  await expect(page.getByRole("gridcell", { name: "NULL" }).first()).toBeVisible();

  await page.getByRole("tab", { name: "2 Fields" }).click();
  await page.getByRole("textbox", { name: "Name of the new schema" }).fill("people");
  await page.getByRole("button", { name: "Propose from the query" }).click();
  await page.getByRole("button", { name: "Add 6 columns" }).click();
  await renameColumn(page, "place", "city");
  await renameColumn(page, "mailbox", "email");
  await renameColumn(page, "mail_host", "country");
  await page.getByRole("button", { name: "Add column" }).click();
  await page.getByRole("textbox", { name: "Name of column 7" }).fill("postcode");
  await page.getByRole("button", { name: "Match by name" }).click();
  await page.getByRole("button", { name: "Take 3" }).click();

  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("menuitem", { name: /^Split/ }).click();
  await choose(page, "Source column", "place");
  await page.getByRole("textbox", { name: "Delimiter" }).fill("|");
  await choose(page, "Target fields, in order 2", "country");
  await page.getByRole("button", { name: "Add field" }).click();
  await choose(page, "Target fields, in order 3", "postcode");
  await expect(
    page.getByRole("region", { name: "Sample rows" }).getByRole("cell", { name: "London", exact: true }),
  ).toBeVisible();
  await page.getByRole("button", { name: "Close the mapping to city, country, postcode" }).click();

  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("menuitem", { name: /^Join/ }).click();
  await choose(page, "Source columns, in order 1", "mailbox");
  await choose(page, "Source columns, in order 2", "mail_host");
  await page.getByRole("textbox", { name: "Separator" }).fill("@");
  await expect(page.getByRole("region", { name: "Sample rows" }).getByText("ada@example.org")).toBeVisible();
  await expect(page.getByText("every field is filled")).toBeVisible();

  await save(page);
  await expect(page.getByRole("heading", { name: "What a run would do" })).toBeVisible();
  await page.getByRole("tab", { name: "2 Fields" }).click();
  await expect(page.getByText("all of them fit")).toBeVisible();
  await expect(page.getByRole("grid", { name: "Mapped rows" }).getByText("grace@example.org")).toBeVisible();

  await page.getByRole("link", { name: "Schedule", exact: true }).click();
  await page.getByRole("textbox", { name: "Cron expression" }).fill("*/2 * * * * *");
  await expect(page.getByText("Next five runs")).toBeVisible();
  await page.getByRole("button", { name: "Save schedule" }).click();
  await expect(page.getByRole("switch", { name: "People nightly is enabled" })).toBeChecked();
  await page.getByRole("link", { name: "Runs", exact: true }).click();
  await page
    .getByRole("row", { name: /Succeeded People/ })
    .first()
    .getByRole("link")
    .click();
  await expect(page.getByText("5 read = 5 written + 0 unchanged + 0 collapsed + 0 rejected ✓")).toBeVisible();

  await page.goto("/schedules");
  await page.getByRole("switch", { name: "People nightly is enabled" }).click({ force: true });
  await expect(page.getByRole("row", { name: /People nightly/ }).getByText("paused")).toBeVisible();
});

async function renameColumn(
  page: import("@playwright/test").Page,
  before: string,
  after: string,
): Promise<void> {
  await page.getByRole("textbox", { name: `Name of ${before}`, exact: true }).fill(after);
}
