import type { Page } from "@playwright/test";
import { choose, makeSqlite, writeQuery } from "./actions";
import { expect, test } from "./fixtures";

// Guards against what a person would feel at once, far above the figures of an idle machine (docs/web_ui.md):
// the tests share their cores with whatever else runs.
const LONGEST_TASK_MS = 1500;
const COLUMNS = 200;

test("200 source columns and 1,000 preview rows stay fluid", async ({ page }) => {
  await makeSqlite(page, "Wide", "shop.sqlite3");
  await page.goto("/mappings/new");
  await choose(page, "Source connection", "Wide");
  await choose(page, "Rows to preview", "1000 rows");
  await writeQuery(page, "SELECT * FROM wide");
  await page.getByRole("button", { name: /^Preview/ }).click();
  await expect(page.getByText("1,000 rows")).toBeVisible();
  const grid = page.getByRole("grid", { name: "Preview rows" });

  await measure(page, "scrolling the preview", async () => {
    await grid.hover();
    for (let step = 0; step < 40; step += 1) await page.mouse.wheel(step % 4 === 0 ? 900 : 0, 700);
    for (let step = 0; step < 20; step += 1) await page.mouse.wheel(1500, 0);
  });
  await measure(page, "moving in the preview by keys", async () => {
    await grid.focus();
    for (let step = 0; step < 20; step += 1) await page.keyboard.press("ArrowDown");
    for (let step = 0; step < 20; step += 1) await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Control+End");
    await expect(grid.getByText("199, row 999", { exact: true })).toBeVisible();
  });
  // Only what is in sight is drawn.
  expect(await grid.getByRole("gridcell").count()).toBeLessThan(1000);
  await measure(page, "typing the query", async () => {
    await page.getByRole("textbox", { name: "Source query" }).click();
    await page.keyboard.press("ControlOrMeta+End");
    await page.keyboard.type(" WHERE field_001 <> 'none of them' AND field_002", { delay: 20 });
  });
  await writeQuery(page, "SELECT * FROM wide");
  await page.keyboard.press("Escape");

  await page.getByRole("tab", { name: "2 Fields" }).click();
  await page.getByRole("textbox", { name: "Name of the new schema" }).fill("wide");
  await page.getByRole("button", { name: "Propose from the query" }).click();
  await measure(page, "adding 200 target fields", async () => {
    await page.getByRole("button", { name: `Add ${String(COLUMNS)} columns` }).click();
    await expect(page.getByText(`${String(COLUMNS)} fields open`)).toBeVisible();
  });
  await page.getByRole("button", { name: "Match by name" }).click();
  await measure(page, "taking 200 matches", async () => {
    await page.getByRole("button", { name: `Take ${String(COLUMNS)}` }).click();
    await expect(page.getByRole("button", { name: "Edit the mapping to field_199" })).toBeAttached();
  });
  await page.getByRole("button", { name: "Edit the mapping to field_001" }).click();
  await page.getByRole("textbox", { name: "In place of NULL" }).click();
  await measure(page, "typing among 200 column mappings", async () => {
    await page.keyboard.type("nothing was given here", { delay: 20 });
  });
  await expect(page.getByText("all of them fit")).toBeVisible();
  await measure(page, "scrolling 200 column mappings", async () => {
    await page.getByRole("list", { name: "Column mappings" }).hover();
    for (let step = 0; step < 30; step += 1) await page.mouse.wheel(0, 500);
  });
  await page.getByText("200 columns", { exact: true }).click();
  await page.getByRole("textbox", { name: "Name of field_000" }).click();
  await measure(page, "typing among 200 target fields", async () => {
    await page.keyboard.type("_of_the_target", { delay: 20 });
  });
});

/** Do something, and hold the longest task of the page's main thread meanwhile against the bound. */
async function measure(page: Page, what: string, work: () => Promise<void>): Promise<void> {
  await page.evaluate(() => {
    const seen: number[] = [];
    const observer = new PerformanceObserver((list) => {
      seen.push(...list.getEntries().map(({ duration }) => duration));
    });
    observer.observe({ type: "longtask" });
    Object.assign(window, { longTasks: { seen, observer } });
  });
  await work();
  const seen = await page.evaluate(async () => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { longTasks } = window as unknown as {
      longTasks: { seen: number[]; observer: PerformanceObserver };
    };
    const rest = longTasks.observer.takeRecords().map(({ duration }) => duration);
    longTasks.observer.disconnect();
    return [...longTasks.seen, ...rest];
  });
  const longest = Math.max(0, ...seen);
  const figure = `${String(seen.length)} tasks of 50 ms or more, the longest ${longest.toFixed(0)} ms`;
  test.info().annotations.push({ type: what, description: figure });
  console.log(`      ${what}: ${figure}`);
  expect(longest, what).toBeLessThan(LONGEST_TASK_MS);
}
