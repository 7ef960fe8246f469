import { expect, test } from "vitest";
import { selectFrom } from "./select-from";

const table = (name: string, names: string[], namespace: string | null = null) => ({
  namespace,
  name,
  columns: names.map((column) => ({ name: column, data_type: "string", database_type: "text" })),
});

test("plain names stay plain, and the usual schema goes unsaid", () => {
  expect(selectFrom(table("people", ["id", "full_name"], "public"), "postgresql")).toBe(
    "SELECT\n  id,\n  full_name\nFROM people",
  );
});

test("names that the database would read otherwise are quoted in its way", () => {
  const odd = table("order", ["Id", "group", 'a"b', "c`d"], "sales");
  expect(selectFrom(odd, "postgresql")).toBe(
    'SELECT\n  "Id",\n  "group",\n  "a""b",\n  "c`d"\nFROM sales."order"',
  );
  expect(selectFrom(odd, "mysql")).toBe(
    'SELECT\n  `Id`,\n  `group`,\n  `a"b`,\n  `c``d`\nFROM sales.`order`',
  );
});
