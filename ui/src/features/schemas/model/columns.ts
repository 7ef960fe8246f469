import type { Schemas } from "@/lib/api/client";

export type Column = Schemas["TargetField"];
export type DataType = Schemas["DataType"];

export const DATA_TYPES: readonly DataType[] = [
  "string",
  "integer",
  "float",
  "decimal",
  "boolean",
  "date",
  "timestamp",
  "timestamptz",
  "time",
  "uuid",
  "json",
  "binary",
];

export function emptyColumn(): Column {
  return {
    name: "",
    data_type: "string",
    nullable: true,
    primary_key: false,
    precision: null,
    scale: null,
    length: null,
  };
}

/** Change the type and give it just the sizes that it takes. */
export function withType(column: Column, data_type: DataType): Column {
  const isDecimal = data_type === "decimal";
  return {
    ...column,
    data_type,
    precision: isDecimal ? (column.precision ?? 18) : null,
    scale: isDecimal ? (column.scale ?? 2) : null,
    length: data_type === "string" ? (column.length ?? null) : null,
  };
}

export function describeType(column: Column): string {
  if (column.data_type === "decimal") return `decimal(${String(column.precision)},${String(column.scale)})`;
  return column.length ? `${column.data_type}(${String(column.length)})` : column.data_type;
}

/** Faults by column that can be told without the server. */
export function columnFaults(columns: readonly Column[]): Map<number, string> {
  const faults = new Map<number, string>();
  const seen = new Set<string>();
  columns.forEach((column, index) => {
    const name = column.name.toLowerCase();
    if (column.name.trim() === "") faults.set(index, "A column needs a name.");
    else if (seen.has(name)) faults.set(index, `${column.name} stands twice.`);
    seen.add(name);
  });
  return faults;
}
