export type Cell = string | number | boolean | null;

const NO_EXPONENT_FROM = -4;
const EXPONENT_FROM = 15;

/** The text that split and join see; the preview's JSON value is given, with the source column's type. */
export function textOfValue(value: Cell, dataType: string): string | null {
  if (value === null) return null;
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "number") return dataType === "float" ? floatText(value) : String(value);
  return dataType === "time" && value.includes(".") ? value.replace(/\.?0+$/, "") : value;
}

/** A float as PostgreSQL prints it: shortest digits, an exponent from 1e+15 and below 1e-04. */
export function floatText(value: number): string {
  if (Object.is(value, -0)) return "-0";
  if (value === 0) return "0";
  const [mantissa = "", exponentText = "0"] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  if (exponent >= NO_EXPONENT_FROM && exponent < EXPONENT_FROM) return plain(mantissa, exponent);
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

function plain(mantissa: string, exponent: number): string {
  const sign = mantissa.startsWith("-") ? "-" : "";
  const digits = mantissa.replace("-", "").replace(".", "");
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return sign + digits.padEnd(exponent + 1, "0");
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

/** How a value is shown in a grid; objects come from JSON columns. */
export function showValue(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function asCell(value: unknown): Cell {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return JSON.stringify(value);
}
