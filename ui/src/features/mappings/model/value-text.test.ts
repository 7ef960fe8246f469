import { expect, test } from "vitest";
import { floatText, textOfValue } from "./value-text";

test.each([
  [0.1, "0.1"],
  [-0, "-0"],
  [0, "0"],
  [1, "1"],
  [123456.75, "123456.75"],
  [1e14, "100000000000000"],
  [1e15, "1e+15"],
  [0.0001, "0.0001"],
  [0.00001, "1e-05"],
  [1.5e-7, "1.5e-07"],
  [1e300, "1e+300"],
  [-2.5, "-2.5"],
])("the float %d is %s", (value, text) => {
  expect(floatText(value)).toBe(text);
});

test("other values as documented", () => {
  expect(textOfValue(true, "boolean")).toBe("true");
  expect(textOfValue("12.50", "decimal")).toBe("12.50");
  expect(textOfValue("10:00:00.500000", "time")).toBe("10:00:00.5");
  expect(textOfValue(null, "string")).toBeNull();
});
