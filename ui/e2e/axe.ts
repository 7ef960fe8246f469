import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

// What WCAG 1.4.10 asks for: a page of this width scrolls in one direction only.
const NARROW = { width: 320, height: 900 };

/**
 * No violation of WCAG 2.2 A and AA on the page as it stands: every rule in light, those of colours again in dark, and
 * nothing of it wider than a narrow screen.
 */
export async function expectAccessible(page: Page): Promise<void> {
  await expectReflow(page);
  await page.emulateMedia({ colorScheme: "light" });
  await expectNone(page, axe(page).withTags(TAGS), "light");
  await page.emulateMedia({ colorScheme: "dark" });
  await expect(page.locator("html")).toHaveAttribute("data-mantine-color-scheme", "dark");
  await expectNone(page, axe(page).withRules(["color-contrast", "link-in-text-block"]), "dark");
  await page.emulateMedia({ colorScheme: "light" });
}

async function expectReflow(page: Page): Promise<void> {
  const wide = page.viewportSize();
  await page.setViewportSize(NARROW);
  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  await expect.soft
    .poll(overflow, { message: `${page.url()} is wider than ${String(NARROW.width)} px`, timeout: 10_000 })
    .toBeLessThanOrEqual(0);
  if (wide) await page.setViewportSize(wide);
}

// Legacy: within the page alone, without a second page for its frames. There are none.
function axe(page: Page): AxeBuilder {
  return new AxeBuilder({ page }).setLegacyMode();
}

async function expectNone(page: Page, builder: AxeBuilder, scheme: string): Promise<void> {
  const { violations } = await builder.analyze();
  const found = violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join("\n   ")}`,
  );
  expect.soft(found, `axe on ${page.url()} (${scheme})`).toEqual([]);
}
