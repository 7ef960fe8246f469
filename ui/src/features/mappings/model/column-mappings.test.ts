import { expect, test } from "vitest";
import {
  convertSpec,
  findFaults,
  makeDirect,
  makeJoin,
  makeSplit,
  matchColumns,
  moveItem,
  unfilledRequired,
} from "./column-mappings";

test("the same name wins over like names, and each column is used once", () => {
  const found = matchColumns(["CustomerID", "customer_id", "city"], ["customer_id", "City", "other"], []);
  expect(found).toEqual([
    { source: "customer_id", field: "customer_id", how: "same name" },
    { source: "city", field: "City", how: "same letters" },
  ]);
});

test("a similar name is proposed only without a choice", () => {
  expect(matchColumns(["home city", "work city"], ["city"], [])).toEqual([]);
  expect(matchColumns(["home_city"], ["city"], [])).toEqual([
    { source: "home_city", field: "city", how: "similar name" },
  ]);
});

test("fields that something fills are left alone", () => {
  expect(matchColumns(["a", "b"], ["a", "b"], [makeDirect("x", "a")])).toEqual([
    { source: "b", field: "b", how: "same name" },
  ]);
});

test("required fields and keys that nothing fills are counted", () => {
  const fields = [
    { name: "id", data_type: "integer", primary_key: true },
    { name: "name", data_type: "string", nullable: false },
    { name: "note", data_type: "string" },
  ] as const;
  expect(unfilledRequired(fields, [makeDirect("name", "name")])).toEqual(["id"]);
});

test("what the server would refuse is told beforehand", () => {
  const specs = [makeSplit("place", ["city"], ""), makeJoin(["a"], "city"), makeDirect("", "missing")];
  const messages = findFaults(specs, ["city"]).map(({ message }) => message);
  expect(messages).toEqual([
    "A split fills two fields or more.",
    "A split needs a delimiter.",
    "A join takes two source columns or more.",
    "city is filled twice.",
    "Choose the source column.",
    "The schema has no field missing.",
  ]);
});

test("changing the kind keeps what fits", () => {
  expect(convertSpec(makeJoin(["a", "b"], "c"), "direct")).toEqual(makeDirect("a", "c"));
  expect(convertSpec(makeDirect("a", "c"), "split")).toMatchObject({
    type: "split",
    source_columns: ["a"],
    target_fields: ["c"],
  });
});

test("items move within their bounds", () => {
  expect(moveItem(["a", "b", "c"], 0, 1)).toEqual(["b", "a", "c"]);
  expect(moveItem(["a", "b"], 0, -1)).toEqual(["a", "b"]);
});
