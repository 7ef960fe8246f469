import type { Mapping, MappingCreate, MappingUpdate } from "../api/mappings";
import type { ColumnMapping } from "../api/mappings";
import { type ColumnSpec, makeDirect, type TargetField } from "./column-mappings";

/** A mapping as it stands in the editor, with its schema and column mappings. */
export interface Draft {
  name: string;
  description: string;
  source_connection_id: string | null;
  source_query: string;
  schema_id: string | null;
  schema_name: string;
  columns: TargetField[];
  specs: ColumnSpec[];
  target_connection_id: string | null;
  target_table: string;
  write_mode: "append" | "replace" | "upsert";
  key_columns: string[];
  incremental: NonNullable<Mapping["incremental"]> | null;
  on_error: Mapping["on_error"];
  guards: Mapping["guards"];
  take_over_table: boolean;
  retry: Mapping["retry"];
  timeout_seconds: number;
  notify: string[];
}

export interface StoredSchema {
  id: string;
  name: string;
  columns: TargetField[];
}

export function emptyDraft(): Draft {
  return {
    name: "",
    description: "",
    source_connection_id: null,
    source_query: "",
    schema_id: null,
    schema_name: "",
    columns: [],
    specs: [],
    target_connection_id: null,
    target_table: "",
    write_mode: "replace",
    key_columns: [],
    incremental: null,
    on_error: { policy: "fail", max_rows: null, max_percent: null },
    guards: { min_rows: null, max_change_percent: null, allow_empty: false },
    take_over_table: false,
    retry: { max_attempts: 3, backoff_seconds: 10 },
    timeout_seconds: 21600,
    notify: [],
  };
}

export function draftOf(mapping: Mapping, schema: StoredSchema, stored: readonly ColumnMapping[]): Draft {
  const specs = stored.map(
    ({ type, source_columns, target_fields, config }) =>
      ({ type, source_columns, target_fields, config }) as ColumnSpec,
  );
  return {
    name: mapping.name,
    description: mapping.description ?? "",
    source_connection_id: mapping.source_connection_id,
    source_query: mapping.source_query,
    schema_id: schema.id,
    schema_name: schema.name,
    columns: schema.columns,
    // No column mappings at all means: each field from the column of its name.
    specs: specs.length > 0 ? specs : schema.columns.map(({ name }) => makeDirect(name, name)),
    target_connection_id: mapping.target_connection_id,
    target_table: mapping.target_table === schema.name ? "" : mapping.target_table,
    write_mode: mapping.write_mode,
    key_columns: mapping.key_columns,
    incremental: mapping.incremental,
    on_error: mapping.on_error,
    guards: mapping.guards,
    take_over_table: mapping.take_over_table,
    retry: mapping.retry,
    timeout_seconds: mapping.timeout_seconds,
    notify: mapping.notify,
  };
}

function settingsOf(draft: Draft, schemaId: string): MappingCreate {
  return {
    name: draft.name.trim(),
    description: draft.description.trim() || null,
    source_connection_id: draft.source_connection_id ?? "",
    source_query: draft.source_query,
    target_schema_id: schemaId,
    target_connection_id: draft.target_connection_id,
    target_table: draft.target_table.trim() || null,
    write_mode: draft.write_mode,
    key_columns: draft.key_columns.length > 0 ? draft.key_columns : null,
    incremental: draft.incremental,
    on_error: draft.on_error,
    guards: draft.guards,
    take_over_table: draft.take_over_table,
    retry: draft.retry,
    timeout_seconds: draft.timeout_seconds,
    notify: draft.notify,
  };
}

export function createBody(draft: Draft, schemaId: string): MappingCreate {
  return settingsOf(draft, schemaId);
}

/** Only what differs, so that defaults stay defaults. Null when nothing does. */
export function updateBody(draft: Draft, saved: Draft, schemaId: string): MappingUpdate | null {
  const [after, before] = [settingsOf(draft, schemaId), settingsOf(saved, saved.schema_id ?? "")];
  const changed = Object.entries(after).filter(
    ([name, value]) => !same(value, before[name as keyof MappingCreate]),
  );
  return changed.length === 0 ? null : (Object.fromEntries(changed) as MappingUpdate);
}

export function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Names of stored columns that the draft no longer has. */
export function removedColumns(draft: Draft, saved: Draft): string[] {
  const kept = new Set(draft.columns.map(({ name }) => name));
  return saved.columns.map(({ name }) => name).filter((name) => !kept.has(name));
}

export interface Gap {
  tab: "source" | "fields";
  message: string;
}

/** What must be given before anything can be saved. */
export function findGaps(draft: Draft): Gap[] {
  const gaps: Gap[] = [];
  if (draft.name.trim() === "") gaps.push({ tab: "source", message: "Give the mapping a name." });
  if (draft.source_connection_id === null)
    gaps.push({ tab: "source", message: "Choose the source connection." });
  if (draft.source_query.trim() === "") gaps.push({ tab: "source", message: "Write the query." });
  if (draft.schema_id === null && draft.schema_name.trim() === "")
    gaps.push({ tab: "fields", message: "Name the new schema, or choose one." });
  if (draft.columns.length === 0) gaps.push({ tab: "fields", message: "The schema needs a column." });
  return gaps;
}
