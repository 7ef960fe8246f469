import { expect, test } from "vitest";
import { formErrors, ProblemError, sentence, toProblem } from "./problem";

const refused = new ProblemError(422, {
  detail: "The request is not valid",
  errors: [
    { loc: ["body", "host"], msg: "Field required", type: "missing" },
    { loc: ["body", "options", "ssl_ca"], msg: "Value error, must be PEM text", type: "value_error" },
    { loc: ["body", "columns", 0, "name"], msg: "too long", type: "string_too_long" },
  ],
});

test("each message goes to its field, and what has none comes first", () => {
  expect(formErrors(refused, ["host", "options.ssl_ca"])).toEqual({
    host: "This is needed.",
    "options.ssl_ca": "Must be PEM text.",
    "": "columns.0.name: Too long.",
  });
});

test("a message inside a field's value belongs to the field", () => {
  expect(formErrors(refused, ["host", "options", "columns"]).columns).toBe("Too long.");
});

test("without fields the detail speaks", () => {
  expect(formErrors(new ProblemError(409, { detail: "The name is taken" }), ["name"])).toEqual({
    "": "The name is taken",
  });
});

test("a service that does not answer is said so", () => {
  expect(toProblem(new TypeError("failed")).message).toContain("does not answer");
  expect(sentence("Must be set!")).toBe("Must be set!");
});
