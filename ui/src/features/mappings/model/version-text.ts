import type { MappingVersion } from "../api/mappings";
import type { ColumnSpec, TargetField } from "./column-mappings";

/** A version as lines of text, one fact each, for comparing two of them. */
export function describeVersion(version: MappingVersion, connectionName: (id: string) => string): string {
  const settings = [
    `name: ${version.name}`,
    `source connection: ${connectionName(version.source_connection_id)}`,
    `target connection: ${version.target_connection_id ? connectionName(version.target_connection_id) : "default"}`,
    `target table: ${version.target_table}`,
    `write mode: ${version.write_mode}`,
    `key columns: ${version.key_columns.join(", ") || "none"}`,
    `incremental: ${version.incremental ? factsOf(version.incremental) : "no"}`,
    `read in parts: ${version.read_in_parts ? factsOf(version.read_in_parts) : "no"}`,
    `on error: ${factsOf(version.on_error)}`,
    `guards: ${factsOf(version.guards)}`,
  ];
  return [
    ...settings,
    ...version.columns.map(describeColumn),
    ...version.column_mappings.map(describeSpec),
  ].join("\n");
}

function factsOf(value: object): string {
  const given = Object.entries(value).filter(([, each]) => each !== null && each !== undefined);
  return given.map(([name, each]) => `${name} ${String(each)}`).join(", ");
}

function describeColumn(column: TargetField): string {
  const size =
    column.data_type === "decimal"
      ? `(${String(column.precision)},${String(column.scale)})`
      : column.length
        ? `(${String(column.length)})`
        : "";
  const traits = [column.primary_key && "key", column.nullable === false && "required"]
    .filter(Boolean)
    .join(", ");
  return `column ${column.name}: ${column.data_type}${size}${traits ? `, ${traits}` : ""}`;
}

export function describeSpec(spec: ColumnSpec): string {
  const config = spec.config
    ? factsOf(
        Object.fromEntries(Object.entries(spec.config).map(([name, value]) => [name, JSON.stringify(value)])),
      )
    : "";
  return `${spec.type} ${spec.source_columns.join(" + ")} → ${spec.target_fields.join(", ")}${config ? ` (${config})` : ""}`;
}
