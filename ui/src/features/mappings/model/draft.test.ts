import { expect, test } from "vitest";
import { createBody, emptyDraft, findGaps, removedColumns, updateBody } from "./draft";

const draft = {
  ...emptyDraft(),
  name: "People",
  source_connection_id: "a".repeat(24),
  source_query: "SELECT 1",
  schema_id: "b".repeat(24),
  schema_name: "people",
  columns: [{ name: "id", data_type: "integer" as const }],
};

test("an update sends only what changed", () => {
  expect(updateBody(draft, draft, draft.schema_id)).toBeNull();
  expect(updateBody({ ...draft, write_mode: "append", target_table: "t" }, draft, draft.schema_id)).toEqual({
    write_mode: "append",
    target_table: "t",
  });
});

test("a field that is emptied goes back to its default", () => {
  expect(updateBody(draft, { ...draft, target_table: "t", key_columns: ["id"] }, draft.schema_id)).toEqual({
    target_table: null,
    key_columns: null,
  });
});

test("what is missing is named before anything is sent", () => {
  expect(findGaps(emptyDraft())).toHaveLength(5);
  expect(findGaps(draft)).toEqual([]);
  expect(createBody(draft, "c".repeat(24)).target_schema_id).toBe("c".repeat(24));
});

test("removed columns are found", () => {
  expect(removedColumns({ ...draft, columns: [] }, draft)).toEqual(["id"]);
});
