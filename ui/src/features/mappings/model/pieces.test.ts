import { describe, expect, test } from "vitest";
import { makeDirect, makeJoin, makeSplit } from "./column-mappings";
import { joinTexts, mapRow, splitText } from "./pieces";

const split = (fields: number, config: object = {}) => {
  const spec = makeSplit(
    "s",
    Array.from({ length: fields }, (_, index) => `f${String(index)}`),
    "|",
  );
  return { ...spec, config: { ...spec.config, ...config } };
};

describe("split", () => {
  test.each([
    ["a|b", 2, {}, ["a", "b"]],
    ["a", 2, {}, ["a", null]],
    ["", 2, {}, ["", null]],
    [null, 2, {}, [null, null]],
    ["a|b|c", 2, {}, ["a", "b|c"]],
    ["a|b|c", 2, { on_extra: "drop" }, ["a", "b"]],
    ["a||", 3, {}, ["a", "", ""]],
    [" a | b ", 2, { trim: true }, ["a", "b"]],
    [" a | b ", 2, {}, [" a ", " b "]],
    ["a.b", 2, { delimiter: "." }, ["a", "b"]],
    ["a||b", 2, { delimiter: "||" }, ["a", "b"]],
    ["a\tb", 2, { delimiter: "\t" }, ["a", "b"]],
    ["a🙂b", 2, { delimiter: "🙂" }, ["a", "b"]],
    ["a1b22c", 3, { delimiter: "[0-9]+", regex: true }, ["a", "b", "c"]],
    ["a1b22c", 2, { delimiter: "([0-9])+", regex: true }, ["a", "b22c"]],
  ])("%j into %i with %j", (text, fields, config, values) => {
    expect(splitText(text, split(fields, config))).toEqual({ ok: true, values });
  });

  test("too many and too few parts reject the row when asked to", () => {
    expect(splitText("a|b|c", split(2, { on_extra: "error" })).ok).toBe(false);
    expect(splitText("a", split(2, { on_missing: "error" })).ok).toBe(false);
    expect(splitText(null, split(2, { on_missing: "error" }))).toEqual({ ok: true, values: [null, null] });
  });

  test("a pattern that is none is said, not thrown", () => {
    expect(splitText("a", split(2, { delimiter: "(", regex: true })).ok).toBe(false);
  });
});

describe("join", () => {
  test.each([
    [["a", "b"], {}, "a b"],
    [["a", null, "c"], {}, "a c"],
    [["a", null, "c"], { on_null: "empty" as const }, "a  c"],
    [["a", null], { on_null: "null" as const }, null],
    [[null, null], {}, null],
    [[null, null], { on_null: "empty" as const }, null],
    [["", "b"], {}, " b"],
    [["a", "b"], { separator: "" }, "ab"],
  ])("%j with %j", (texts, config, result) => {
    expect(joinTexts(texts, { separator: " ", ...config })).toBe(result);
  });
});

test("a row goes through with the text of its values", () => {
  const row = { n: 7, f: 1e15, b: true, t: null };
  const types = { n: "integer", f: "float", b: "boolean", t: "string" };
  expect(mapRow(makeJoin(["n", "f", "b", "t"], "x", "/"), row, types)).toEqual({
    ok: true,
    values: ["7/1e+15/true"],
  });
  expect(
    mapRow({ ...makeDirect("t", "x"), config: { cast: "strict", default: "none" } }, row, types),
  ).toEqual({ ok: true, values: ["none"] });
});
