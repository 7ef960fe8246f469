import { expect, test } from "vitest";
import { columnCompletions } from "./column-completions";

const TABLES = [
  { name: "people", columns: [{ name: "id" }, { name: "full_name" }] },
  { name: "Orders", columns: [{ name: "id" }, { name: "amount" }] },
];

test("the columns of the tables that a query names are offered, each once", () => {
  expect(columnCompletions("SELECT FROM people", TABLES).map(({ label }) => label)).toEqual([
    "id",
    "full_name",
  ]);
  expect(columnCompletions("SELECT FROM people JOIN orders", TABLES)).toContainEqual({
    label: "id",
    detail: "people, Orders",
  });
});

test("while it names none, those of all of them", () => {
  expect(columnCompletions("SELECT ", TABLES).map(({ label }) => label)).toEqual([
    "id",
    "full_name",
    "amount",
  ]);
});
