import { expect, test } from "vitest";
import { ProblemError } from "@/lib/api/problem";
import { findFault } from "./query-fault";

const query = "SELECT a,\n  nope FROM t";
const refusal = (msg: string) =>
  new ProblemError(422, { errors: [{ loc: ["body", "source_query"], msg, type: "invalid_query" }] });

test("a fault stands where its line and column say", () => {
  expect(findFault(refusal("not SQL at line 2, column 3"), query)?.offset).toBe(12);
});

test("else at the name that it quotes, else nowhere", () => {
  expect(findFault(refusal('column "nope" does not exist'), query)?.offset).toBe(12);
  expect(findFault(refusal("one statement only"), query)?.offset).toBeNull();
});

test("a fault of another field is not the query's", () => {
  expect(
    findFault(
      new ProblemError(422, { errors: [{ loc: ["body", "limit"], msg: "too many", type: "x" }] }),
      query,
    ),
  ).toBeNull();
});

test("a refused word and a second statement are marked where they stand", () => {
  const at = (msg: string, text: string) => findFault(refusal(msg), text)?.offset;
  expect(at("INTO writes; the query must only read", "SELECT * INTO x FROM t")).toBe(9);
  expect(at("DELETE is not taken; the query must only read", "WITH d AS (delete FROM x) SELECT 1")).toBe(11);
  expect(at("the function pg_sleep is not taken in a source query", "SELECT pg_sleep(5)")).toBe(7);
  expect(at("the query must be one statement", "SELECT 1;\n SELECT 2")).toBe(11);
});
