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
