import type { Page } from "@playwright/test";
import { expectAccessible } from "../axe";
import { expect, test } from "../fixtures";
import { codeAt, nextCode } from "./totp";

// The administrator that e2e/server.py makes.
const EMAIL = "admin@example.org";
const PASSWORD = process.env.UI_E2E_PASSWORD ?? "";

async function signIn(page: Page, password: string): Promise<void> {
  await page.getByRole("textbox", { name: "E-mail" }).fill(EMAIL);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("a member signs in, sets up a second factor, and signs in with it", async ({ page }) => {
  await page.goto("/runs");
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await expectAccessible(page);
  await signIn(page, "not the password");
  await expect(page.getByRole("alert")).toContainText("E-mail or password is wrong");
  await signIn(page, PASSWORD);
  await expect(page.getByRole("heading", { name: "Runs" })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: "Runs" })).toBeVisible();

  await page.goto("/settings");
  await page.getByRole("button", { name: "Set it up" }).click();
  const secret = (await page.locator("code").first().innerText()).trim();
  await page.getByRole("textbox", { name: "Code" }).fill(codeAt(secret, Date.now()));
  await page.getByRole("button", { name: "Turn it on" }).click();
  await expect(page.getByRole("heading", { name: "Recovery codes" })).toBeVisible();
  await expectAccessible(page);

  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await signIn(page, PASSWORD);
  await page.getByRole("textbox", { name: "Second factor" }).fill(nextCode(secret));
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Settings" })).toBeVisible();

  for (const tab of ["members", "keys", "audit", "encryption"]) {
    await page.goto(`/settings?tab=${tab}`);
    await expect(page.getByRole("status", { name: "Loading" })).toHaveCount(0);
    await expectAccessible(page);
  }
  await page.goto("/settings?tab=audit");
  await page.getByRole("button", { name: "Verify the log" }).click();
  await expect(page.getByText(/none changed/)).toBeVisible();
  await page.goto("/settings?tab=keys");
  await page.getByRole("button", { name: "New key" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("nightly script");
  await page.getByRole("combobox", { name: "Scopes" }).fill("runs:read");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Make the key" }).click();
  await expect(page.getByText("Copy it now")).toBeVisible();
});
