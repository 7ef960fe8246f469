import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** No violation of WCAG 2.2 A and AA on the page as it stands: every rule in light, those of colours again in dark. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.emulateMedia({ colorScheme: "light" });
  await expectNone(page, new AxeBuilder({ page }).withTags(TAGS), "light");
  await page.emulateMedia({ colorScheme: "dark" });
  await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", "dark");
  await expectNone(
    page,
    new AxeBuilder({ page }).withRules(["color-contrast", "link-in-text-block"]),
    "dark",
  );
  await page.emulateMedia({ colorScheme: "light" });
}

async function expectNone(page: Page, axe: AxeBuilder, scheme: string): Promise<void> {
  const { violations } = await axe.analyze();
  const found = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join("\n   ")}`,
  );
  expect.soft(found, `axe on ${page.url()} (${scheme})`).toEqual([]);
}
