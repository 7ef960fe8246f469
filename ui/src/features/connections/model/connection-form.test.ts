import { expect, test } from "vitest";
import { emptyValues, toBody, toUpdate } from "./connection-form";

const saved = {
  ...emptyValues("postgresql"),
  name: "Shop",
  host: "a",
  database: "shop",
  username: "reader",
  password: null,
  ssl_key: null,
};

test("a change that leaves the secrets alone sends none", () => {
  expect(toUpdate({ ...saved, name: "Store" }, saved)).toEqual({ name: "Store" });
  expect(toUpdate({ ...saved, password: "new" }, saved)).toEqual({ password: "new" });
});

test("a file has no server", () => {
  expect(Object.keys(toBody({ ...emptyValues("sqlite"), name: "F", database: "f.sqlite3" }))).toEqual([
    "name",
    "db_type",
    "database",
    "options",
  ]);
});
