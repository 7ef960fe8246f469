import { expect, type Locator, type Page } from "@playwright/test";

export async function choose(
  scope: Page | Locator,
  label: string | RegExp,
  option: string | RegExp,
): Promise<void> {
  const field = scope.getByRole("combobox", { name: label }).first();
  await field.click();
  const page = "page" in scope ? scope.page() : scope;
  await page
    .getByRole("option", { name: option, exact: typeof option === "string" })
    .first()
    .click();
}

export async function writeQuery(page: Page, query: string): Promise<void> {
  const editor = page.getByRole("textbox", { name: "Source query" });
  await editor.click();
  // Emptied first: over a selection Chromium keeps the old look by a style attribute, which the security policy refuses.
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.press("Delete");
  await page.keyboard.insertText(query);
}

export async function makeSqlite(page: Page, name: string, file: string): Promise<void> {
  await page.goto("/connections/new");
  await page.getByRole("radio", { name: "SQLite" }).click();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill(name);
  await page.getByRole("textbox", { name: "File name" }).fill(file);
  await page.getByRole("button", { name: "Save connection" }).click();
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
}

export async function save(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Save", exact: true }).click();
}
