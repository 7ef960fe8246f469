import { expect, test } from "vitest";
import { cronToPreset, DEFAULT_PRESET, isClockChangeDay, presetToCron, zoneOffset } from "./cron";

test.each([
  "*/15 * * * *",
  "* * * * *",
  "5 * * * *",
  "30 2 * * *",
  "0 6 * * MON-FRI",
  "15 4 * * 3",
  "0 0 31 * *",
])("the preset of %s writes it again", (expression) => {
  const preset = cronToPreset(expression);
  expect(preset.kind).not.toBe("custom");
  expect(presetToCron(preset, "")).toBe(expression);
});

test.each(["@daily", "*/7 1-3 * * *", "0 0 1 1 *", "*/2 * * * * *", "0 2 * * SUN", ""])(
  "%s stays as it was typed",
  (expression) => {
    expect(cronToPreset(expression).kind).toBe("custom");
    expect(presetToCron({ ...DEFAULT_PRESET, kind: "custom" }, expression)).toBe(expression);
  },
);

test("days on which the clock changes are known, in either hemisphere and by half hours", () => {
  expect(isClockChangeDay("2026-03-29T01:30:00Z", "Europe/Berlin")).toBe(true);
  expect(isClockChangeDay("2026-10-25T22:30:00Z", "Europe/Berlin")).toBe(true);
  expect(isClockChangeDay("2026-10-24T21:30:00Z", "Europe/Berlin")).toBe(false);
  expect(isClockChangeDay("2026-04-05T01:00:00Z", "Australia/Lord_Howe")).toBe(true);
  expect(isClockChangeDay("2026-03-29T01:30:00Z", "UTC")).toBe(false);
});

test("offsets are read in minutes", () => {
  expect(zoneOffset(new Date("2026-01-01T00:00:00Z"), "Asia/Kathmandu")).toBe(345);
});
