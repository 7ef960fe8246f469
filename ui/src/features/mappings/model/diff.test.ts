import { expect, test } from "vitest";
import { diffLines } from "./diff";

test("lines are kept, added and removed", () => {
  expect(diffLines("a\nb\nc", "a\nx\nc\nd")).toEqual([
    { kind: "same", text: "a" },
    { kind: "removed", text: "b" },
    { kind: "added", text: "x" },
    { kind: "same", text: "c" },
    { kind: "added", text: "d" },
  ]);
  expect(diffLines("a", "a").every(({ kind }) => kind === "same")).toBe(true);
});
