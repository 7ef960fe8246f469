import { expect, test } from "vitest";
import { formatBytes, formatDuration, formatRelative, plural, words } from "./format";

test("sizes and times read well", () => {
  expect(formatBytes(512)).toBe("512 B");
  expect(formatBytes(1536)).toBe("1.5 KiB");
  expect(formatDuration(850)).toBe("850 ms");
  expect(formatDuration(61_000)).toBe("1 min 1 s");
  expect(plural(1, "row")).toBe("1 row");
  expect(plural(1200, "row")).toBe("1,200 rows");
  expect(words("timed_out")).toBe("Timed out");
});

test("distances from now have one unit", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  expect(formatRelative("2026-01-01T00:03:00Z", now)).toBe("in 3 min");
  expect(formatRelative("2025-12-31T22:00:00Z", now)).toBe("2 h ago");
});
