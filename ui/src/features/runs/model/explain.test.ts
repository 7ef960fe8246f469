import { expect, test } from "vitest";
import type { Run } from "../api/runs";
import { adviseOn, countsAddUp, explainSkip, explainWait } from "./explain";

const PROGRESS: Run["progress"] = {
  phase: "commit",
  rows_read: 10,
  rows_written: 6,
  rows_unchanged: 2,
  rows_collapsed: 1,
  rows_rejected: 1,
  bytes_read: 100,
};
const run = (part: Partial<Run>) => ({ progress: PROGRESS, reason: null, error: null, ...part }) as Run;

test("a skipped tick says why, and for how many it stands", () => {
  expect(explainSkip(run({ reason: "overlap" }))).toBe("An earlier run of the mapping was still going.");
  expect(explainSkip(run({ reason: "paused", count: 3 }))).toBe(
    "Runs were paused, or the schedule was disabled. Stands for 3 ticks.",
  );
});

test("a queued run says what it waits for, by name where that is known", () => {
  expect(explainWait({ reason: "worker", until: null, connection_id: null })).toBe(
    "Waits for a free worker.",
  );
  const connection = { reason: "connection", until: null, connection_id: "a" } as const;
  expect(explainWait(connection)).toBe("Waits for a connection that as many runs use as it allows.");
  expect(explainWait(connection, "Shop")).toBe("Waits for Shop, which as many runs use as it allows.");
  expect(explainWait({ ...connection, connection_id: "default" })).toMatch(/^Waits for the default target/);
  expect(explainWait({ reason: "time", until: "2026-03-01T02:00:00Z", connection_id: null })).toMatch(
    /^Waits until .*2026/,
  );
});

test("the counts add up when every row read ended in one of them", () => {
  expect(countsAddUp(run({}))).toBe(true);
  expect(countsAddUp(run({ progress: { ...PROGRESS, rows_rejected: 0 } }))).toBe(false);
});

test("a failure comes with what to do about it", () => {
  const failed = (code: string) => run({ error: { code, message: "", row: null, column: null } });
  expect(adviseOn(failed("source_unavailable"))).toMatch(/database is up/);
  expect(adviseOn(failed("watermark_conflict"))).toMatch(/move the cursor/);
});
