import { expect, test as base } from "@playwright/test";

// A refusal of the server is shown in the page and tested there; the browser's own line about it is no fault.
const EXPECTED = /^Failed to load resource: the server responded with a status of/;

/** A page on which nothing may go wrong unseen: no error of a script, nothing that the security policy refuses. */
export const test = base.extend<{ faultless: undefined }>({
  faultless: [
    async ({ page }, use) => {
      const faults: string[] = [];
      page.on("pageerror", (error) => faults.push(String(error)));
      page.on("console", (message) => {
        if (message.type() === "error" && !EXPECTED.test(message.text())) faults.push(message.text());
      });
      await use(undefined);
      expect(faults, "errors in the browser").toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };
